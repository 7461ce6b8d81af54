"""A refresh beside DuckDB's bare scan of the same CSV bytes into Parquet: wall time, and the memory of the
largest process.

Run it with the folder of drops to measure, in one run, so that the ratio holds though machines differ:

    .venv/bin/python -m benchmarks.refresh_against_scan DROPS
"""

from __future__ import annotations

import sys
import tempfile
import zipfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.process_costs import measure_command

SCAN = """
import sys, duckdb
with duckdb.connect() as connection:
    for number, path in enumerate(sys.argv[2:]):
        target = f"{sys.argv[1]}/{number}.parquet"
        connection.execute(f"copy (from read_csv(?, all_varchar = true)) to '{target}' (format parquet)", [path])
"""


def unpack_csvs(drops: Path, folder: Path) -> list[str]:
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
        paths = unpack_csvs(drops, csvs)
        scan = [sys.executable, "-c", SCAN, str(scanned), *paths]
        refresh = [iapt, "refresh", "--drops", str(drops), "--home", str(home)]
        measure_command("warm-up", scan)
        commands = {"bare scan": scan, "refresh, cold": refresh, "refresh, repeated": refresh, "bare scan, again": scan}
        results = {name: measure_command(name, command) for name, command in commands.items()}
    size = sum(Path(path).stat().st_size for path in paths if Path(path).exists())
    table = Table(
        "", "wall seconds", "peak MB", "times the scan", title=f"{len(paths)} CSV files, {size / 1e6:,.0f} MB"
    )
    bare = (results["bare scan"].wall_seconds + results["bare scan, again"].wall_seconds) / 2
    for name, cost in results.items():
        ratio = f"{cost.wall_seconds / bare:.1f}"
        table.add_row(name, f"{cost.wall_seconds:.1f}", f"{cost.peak_mb:,.0f}", ratio)
    Console().print(table)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
