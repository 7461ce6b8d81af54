"""What discovery proposes in a simulated year of the publisher's pages: each publication, when and as what it is found.

    python -m benchmarks.discovery_year [--seed N]

Ends with 1 where a publication was not found, was found twice or as another, or where one was invented.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.factories.publisher_year import YearRun, list_issues, run_year

out = Console(highlight=False, width=180)


def print_runs(runs: list[YearRun]) -> None:
    """Print what each discovery read and came to."""
    table = Table("day", "the site", "requests", "proposed", "waiting", "questions", "failures", title="Discoveries")
    for run in runs:
        result = run.result
        waiting = len(result.proposals) - len(result.writable)
        counts = (run.requests, len(result.writable), waiting, len(result.questions), len(result.failures))
        table.add_row(run.day, run.noise or "as published", *map(str, counts))
    out.print(table)


def print_publications(runs: list[YearRun]) -> int:
    """Print each publication of the year and how often it was found as it is; return how many were not found once."""
    rows = [(run.day, proposal) for run in runs for proposal in run.result.proposals if not proposal.awaits]
    table = Table("series", "period", "status", "revision", "slug", "found on", "as", title="Publications")
    wrong = 0
    issues = {issue.row: issue for issue in list_issues()}
    for row, issue in issues.items():
        found = [
            (day, proposal)
            for day, proposal in rows
            if (p := proposal.publication) and (p.series, p.period, p.status, p.revision, p.file) == row
        ]
        wrong += len(found) != 1
        slug = found[0][1].publication.page.slug if found else None
        days = ", ".join(f"{day}" for day, _ in found) or "never"
        kinds = ", ".join(proposal.kind for _, proposal in found)
        table.add_row(issue.series, issue.period, issue.status, str(issue.revision), slug, days, kinds)
    out.print(table)
    invented = len(rows) - len(issues) + wrong
    out.print(f"{len(issues)} issues, {len(rows)} rows proposed; {wrong} not found exactly once, {invented} invented.")
    return wrong + max(0, invented)


def main() -> int:
    """Run the year and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="decides the order of the cards of each page")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs = run_year(Path(folder) / "catalogue", arguments.seed)
    print_runs(runs)
    return 1 if print_publications(runs) else 0


if __name__ == "__main__":
    sys.exit(main())
