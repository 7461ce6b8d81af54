"""The demonstration refresh of several checkouts, in turn: wall seconds and processor seconds of each.

What a piece of machinery saves is the difference between a checkout with it and one without it. The checkouts run in
turn (A B C A B C ...), each in a new home, with one set of drops and the packages of this environment, so that what
else the machine does falls on all of them alike:

    git worktree add /tmp/before HEAD~1
    .venv/bin/python benchmarks/refresh_of_checkouts.py before=/tmp/before after=. --runs 5

Processor seconds are those of the refresh and of every process it waited for. A process that outlives the refresh, or
that nobody waits for, is counted with `--cpuacct` alone: a control group of its own (cgroup version 1) for this script.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

ACCEPTED_STATUSES = (0, 3)  # released; released without the drops that were rejected


@dataclass(frozen=True)
class Cost:
    """What one run took: seconds by the clock, and processor seconds, user and system together."""

    wall_seconds: float
    cpu_seconds: float


def run_command(checkout: Path, arguments: list[str], cpuacct: Path | None) -> Cost:
    """Run `iapt` of a checkout and return its cost; raises RuntimeError where it fails."""
    environment = {**os.environ, "PYTHONPATH": str(checkout), "PYTHONDONTWRITEBYTECODE": ""}
    environment.pop("IAPT_HOME", None)
    usage_before = _group_seconds(cpuacct)
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestration.cli", *arguments],
        cwd=checkout,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall_seconds = time.perf_counter() - start
    if (exit_status := os.waitstatus_to_exitcode(status)) not in ACCEPTED_STATUSES:
        raise RuntimeError(f"{checkout}: iapt {' '.join(arguments)} ended with {exit_status}")
    if cpuacct is None:
        return Cost(wall_seconds, usage.ru_utime + usage.ru_stime)
    time.sleep(1)  # processes that end after the refresh
    return Cost(wall_seconds, _group_seconds(cpuacct) - usage_before)


def _group_seconds(cpuacct: Path | None) -> float:
    return int((cpuacct / "cpuacct.usage").read_text()) / 1e9 if cpuacct else 0.0


def main(checkouts: dict[str, Path], runs: int, cpuacct: Path | None) -> None:
    """Run every checkout in turn, once to warm up and `runs` times to measure, and print the table."""
    if cpuacct is not None:
        (cpuacct / "cgroup.procs").write_text(str(os.getpid()))
    costs: dict[str, list[Cost]] = {name: [] for name in checkouts}
    with tempfile.TemporaryDirectory() as scratch:
        drops = Path(scratch) / "drops"
        run_command(next(iter(checkouts.values())), ["demo-drops", str(drops)], cpuacct)
        for number in range(-1, runs):
            for name, checkout in checkouts.items():
                home = Path(scratch) / f"{name}-{number}"
                cost = run_command(checkout, ["refresh", "--drops", str(drops), "--home", str(home)], cpuacct)
                print(f"{name} {number}: {cost}", file=sys.stderr)  # noqa: T201
                subprocess.run(["rm", "-rf", str(home)], check=True)
                if number >= 0:
                    costs[name].append(cost)
    table = Table(
        "checkout", "wall s, median", "least", "CPU s, median", "least", title=f"{runs} runs each, in turn; seconds"
    )
    for name, measured in costs.items():
        of_wall = [cost.wall_seconds for cost in measured]
        of_cpu = [cost.cpu_seconds for cost in measured]
        numbers = (statistics.median(of_wall), min(of_wall), statistics.median(of_cpu), min(of_cpu))
        table.add_row(name, *(f"{number:.1f}" for number in numbers))
    Console().print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkouts", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--cpuacct", type=Path)
    options = parser.parse_args()
    named = dict(checkout.split("=", 1) for checkout in options.checkouts)
    main({name: Path(folder).resolve() for name, folder in named.items()}, options.runs, options.cpuacct)
