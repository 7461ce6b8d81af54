"""A refresh beside DuckDB's bare scan of the same CSV bytes into Parquet: wall time and peak memory.

Run it with the folder of drops to measure, in one run, so that the ratio holds though machines differ:

    .venv/bin/python benchmarks/refresh_against_scan.py DROPS
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

SCAN = """
import sys, duckdb
with duckdb.connect() as connection:
    for number, path in enumerate(sys.argv[2:]):
        target = f"{sys.argv[1]}/{number}.parquet"
        connection.execute(f"copy (from read_csv(?, all_varchar = true)) to '{target}' (format parquet)", [path])
"""


@dataclass(frozen=True)
class Measured:
    """What one process cost: wall seconds, and the peak resident memory of the largest process in MB."""

    name: str
    seconds: float
    peak_mb: float


def measure(name: str, command: list[str]) -> Measured:
    """Run a command to its end and measure it; raises RuntimeError where it fails."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if os.waitstatus_to_exitcode(status) not in (0, 3):
        message = process.stderr.read().decode() if process.stderr else ""
        raise RuntimeError(f"{name} ended with {os.waitstatus_to_exitcode(status)}: {message}")
    return Measured(name, seconds, usage.ru_maxrss / 1024)


def unpacked_csvs(drops: Path, folder: Path) -> list[str]:
    """Every CSV of the drops as a file, those in a ZIP unpacked first."""
    paths = [str(path) for path in sorted(drops.rglob("*.csv")) if path.name != "provenance.csv"]
    for number, path in enumerate(sorted(drops.rglob("*.zip"))):
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                target = folder / f"{number}-{Path(member).name}"
                target.write_bytes(archive.read(member))
                paths.append(str(target))
    return paths


def main(drops: Path) -> None:
    """Measure, and print the table."""
    iapt = str(Path(sys.executable).with_name("iapt"))
    with tempfile.TemporaryDirectory() as scratch:
        csvs, home, scanned = Path(scratch) / "csv", Path(scratch) / "home", Path(scratch) / "scanned"
        csvs.mkdir()
        scanned.mkdir()
        paths = unpacked_csvs(drops, csvs)
        scan = [sys.executable, "-c", SCAN, str(scanned), *paths]
        refresh = [iapt, "refresh", "--drops", str(drops), "--home", str(home)]
        measure("warm-up", scan)
        results = [
            measure("bare scan", scan),
            measure("refresh, cold", refresh),
            measure("refresh, repeated", refresh),
            measure("bare scan, again", scan),
        ]
    size = sum(Path(path).stat().st_size for path in paths if Path(path).exists())
    table = Table(
        "", "wall seconds", "peak MB", "times the scan", title=f"{len(paths)} CSV files, {size / 1e6:,.0f} MB"
    )
    bare = (results[0].seconds + results[-1].seconds) / 2
    for result in results:
        ratio = f"{result.seconds / bare:.1f}"
        table.add_row(result.name, f"{result.seconds:.1f}", f"{result.peak_mb:,.0f}", ratio)
    Console().print(table)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
