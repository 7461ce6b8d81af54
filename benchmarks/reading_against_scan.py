"""Archiving and reading drops beside DuckDB's bare scan of the same CSV bytes into Parquet: time, processor and memory.

Run it with the folder of drops to measure, in one run, so that the ratio holds though machines differ. Each step is a
process of its own, so that its memory can be told:

    .venv/bin/python -m benchmarks.reading_against_scan DROPS
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks.process_costs import measure_command
from benchmarks.refresh_against_scan import SCAN, unpack_csvs
from iapt.catalogue.catalogue import Catalogue
from iapt.ingest.archive import DropArchive
from iapt.ingest.drop_reading import read_archived_drops
from iapt.ingest.home_origin import find_home_origin
from iapt.ingest.ingestion import ingest_folder
from iapt.ingest.observation_store import ObservationStore
from iapt.workspace import CATALOGUE, Workspace

ARCHIVED_AT: Final = "2026-11-01T00:00:00+00:00"


def archive(drops: Path, home: Path) -> None:
    """Archive the drops of a folder in a home."""
    ingest_folder(drops, DropArchive(Workspace(home).drops), Catalogue(CATALOGUE), ARCHIVED_AT)


def read(home: Path) -> None:
    """Read the archived drops of a home; raises ValueError where one is rejected."""
    paths = Workspace(home)
    drops = DropArchive(paths.drops)
    origin = find_home_origin(paths, drops) or "published"
    result = read_archived_drops(drops, ObservationStore(paths.observations), Catalogue(CATALOGUE), origin)
    if result.rejected:
        raise ValueError(f"expected drops that can be read; {len(result.rejected)} were rejected")


def main(drops: Path) -> None:
    """Measure, and print the table."""
    with tempfile.TemporaryDirectory() as scratch:
        csvs, home, scanned = Path(scratch) / "csv", Path(scratch) / "home", Path(scratch) / "scanned"
        csvs.mkdir()
        scanned.mkdir()
        paths = unpack_csvs(drops, csvs)
        size = sum(Path(path).stat().st_size for path in paths)
        scan = [sys.executable, "-c", SCAN, str(scanned), *paths]
        itself = [sys.executable, "-m", "benchmarks.reading_against_scan"]
        measure_command("warm-up", scan)
        costs = {"bare scan": measure_command("bare scan", scan)}
        for name, command in {
            "archiving": ["archive", str(drops), str(home)],
            "reading": ["read", str(home)],
            "reading, nothing new": ["read", str(home)],
        }.items():
            costs[name] = measure_command(name, [*itself, *command])
        costs["bare scan, again"] = measure_command("bare scan", scan)
    scans = costs["bare scan"], costs["bare scan, again"]
    wall_seconds, cpu_seconds = (
        sum(cost.wall_seconds for cost in scans) / 2,
        sum(cost.cpu_seconds for cost in scans) / 2,
    )
    table = Table(
        *("", "wall seconds", "times the scan", "processor seconds", "times the scan", "peak MB"),
        title=f"{len(paths)} CSV files, {size / 1e6:,.0f} MB",
    )
    for name, cost in costs.items():
        figures = (
            cost.wall_seconds,
            cost.wall_seconds / wall_seconds,
            cost.cpu_seconds,
            cost.cpu_seconds / cpu_seconds,
        )
        table.add_row(name, *(f"{figure:.1f}" for figure in figures), f"{cost.peak_mb:,.0f}")
    Console().print(table)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["archive", folder, home]:
            archive(Path(folder), Path(home))
        case ["read", home]:
            read(Path(home))
        case [folder]:
            main(Path(folder))
        case _:
            sys.exit("expected one argument: a folder of drops")
