"""What a release says about itself: where it comes from, what its markers mean, what it covers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from orchestration.drops.reader import DropSummary
from orchestration.drops.store import KeptDrop

ATTRIBUTION = (
    "Contains NHS Digital / NHS England statistics on IAPT and NHS Talking Therapies, licensed under the Open "
    "Government Licence v3.0. An independent product, not endorsed by the publisher."
)
LICENCE = "Open Government Licence v3.0"
SYNTHETIC_STATEMENT = (
    "SYNTHETIC DATA. Every figure below the England totals is invented, to demonstrate the pipeline. Do not quote it."
)
ROUNDING_STATEMENT = (
    "Counts are rounded to the nearest 5 and 0 to 4 are suppressed, for England too. Percentages are whole, made from "
    "unrounded counts, never from rounded ones, and suppressed when their numerator is. Means and medians have one "
    "decimal and are suppressed with the count they rest on. Minima and maxima do not leave."
)
MARKERS = {
    "[c]": "suppressed: the true count is 0 to 4, or the figure rests on such a count; it is not zero",
    "[x]": "never published, such as quarter 2 of 2020/21",
}


@dataclass(frozen=True)
class Description:
    """What publishing needs to know of the making of a release."""

    data_origin: str
    recipe: str
    drops: Sequence[tuple[KeptDrop, DropSummary]]
    refused: Sequence[dict[str, str]] = field(default_factory=tuple)
    code_commit: str | None = None

    def as_manifest(self) -> dict[str, Any]:
        """The release's provenance and statements as plain data."""
        return {
            "data_origin": self.data_origin,
            "statement": SYNTHETIC_STATEMENT if self.data_origin == "synthetic" else None,
            "rounding_and_suppression": ROUNDING_STATEMENT,
            "markers": MARKERS,
            "licence": LICENCE,
            "attribution": ATTRIBUTION,
            "recipe": self.recipe,
            "code_commit": self.code_commit,
            "drops": [_drop_record(drop, summary) for drop, summary in self.drops],
            "refused_drops": list(self.refused),
        }


def _drop_record(drop: KeptDrop, summary: DropSummary) -> dict[str, Any]:
    return {
        "file": drop.file,
        "sha256": drop.sha256,
        "bytes": drop.bytes,
        "origin": drop.origin,
        "made": drop.made,
        "source": drop.source,
        "licence": drop.licence,
        "status": drop.status,
        "revision": drop.revision,
        "layouts": [table.layout for table in summary.tables],
        "periods": sorted({period for table in summary.tables for period in table.periods}),
        "cells": summary.cells,
        "observations": summary.observations,
        "quarantined": summary.quarantined,
        "notices": summary.notices,
    }


def coverage(release: Path) -> list[tuple[str, str, str, int, int]]:
    """Table, first period, last period, number of periods and rows, for each extract of a release folder."""
    found = []
    with duckdb.connect() as connection:
        for path in sorted(release.glob("extract_*.parquet")):
            first, last, periods, rows = connection.execute(
                """
                select arg_min(period, period_start), arg_max(period, period_start), count(distinct period), count(*)
                from read_parquet(?)
                """,
                [str(path)],
            ).fetchall()[0]
            found.append((path.stem, first or "none", last or "none", int(periods), int(rows)))
    return found


def release_readme(release_id: str, description: Description, release: Path) -> str:
    """The README of a release: what it is, what it holds, how to read it."""
    synthetic = description.data_origin == "synthetic"
    table_rows = [
        f"| `{table}` | {first} | {last} | {periods:,} | {rows:,} |"
        for table, first, last, periods, rows in coverage(release)
    ]
    lines = [
        f"# NHS Talking Therapies (IAPT) statistics, release {release_id}",
        "",
        *([f"> **{SYNTHETIC_STATEMENT}**", ""] if synthetic else []),
        f"Made from {len(description.drops)} drops ({description.data_origin}). `manifest.json` lists each drop and",
        "file with its sha256, and the result of the checks, which `data_docs/index.html` shows for people.",
        "",
        "| table | first period | last period | periods | rows |",
        "|---|---|---|---|---|",
        *table_rows,
        "",
        "Each table is a Parquet file here, a table of `iapt.duckdb`, and CSV in `csv/` (dimensions whole, extracts",
        "one gzipped file a period). Join `measure` to `dim_measure`, `org_level` and `org_code` to",
        "`dim_organisation`, `period` to `dim_period`.",
        "",
        "## How to read a figure",
        "",
        ROUNDING_STATEMENT,
        "",
        "`value` is empty unless `value_status` is `published`; an empty value is never zero. `value_marker` says why:",
        "",
        *(f"- `{marker}` {meaning}." for marker, meaning in MARKERS.items()),
        "",
        "`lower_bound` and `upper_bound` are what rounding or suppression allow the true count to be. Never sum rows",
        "without choosing one `org_level` and one `variable_type`: England, regions and providers each hold the whole",
        "country. A quarter is not the sum of its months, nor a year of its quarters.",
        "",
        "## Licence",
        "",
        f"{ATTRIBUTION} <https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/>",
        "",
    ]
    return "\n".join(lines)
