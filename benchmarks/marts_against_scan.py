"""A full rebuild of every mart beside a bare `CREATE TABLE AS` scan of the observations: wall time, before and after.

Run it with a home that was refreshed from the drops to measure, in one run, so that the ratio holds though machines
differ. The home is only read: its warehouse is copied.

    .venv/bin/python benchmarks/marts_against_scan.py HOME
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

from iapt.workspace import DBT_PROJECT, Workspace


def scan(warehouse: Path, folder: Path) -> tuple[float, int]:
    """Seconds of a bare scan of the observations into a table of their own, and how many there are."""
    with duckdb.connect(str(folder / "scan.duckdb"), config={"threads": 2}) as connection:
        # the views of the warehouse name their catalogue, which is the file's stem
        connection.execute(f"attach '{warehouse}' as {warehouse.stem} (read_only)")
        started = time.perf_counter()
        connection.execute(f"create or replace table observations as from {warehouse.stem}.landing.observations")
        seconds = time.perf_counter() - started
        rows = connection.execute("select count(*) from observations").fetchall()[0][0]
        connection.execute("drop table observations")
    return seconds, int(rows)


def rebuild(warehouse: Path, folder: Path) -> float:
    """Seconds of `dbt build` of every seed and model, without tests, its start included."""
    dbt = Path(sys.executable).with_name("dbt")
    target = str(folder / "target")
    command = [str(dbt), "--quiet", "build", "--full-refresh", "--exclude-resource-type", "test", "unit_test"]
    environment = {**os.environ, "IAPT_WAREHOUSE": str(warehouse), "DBT_PROFILES_DIR": str(DBT_PROJECT)}
    parse = [str(dbt), "--quiet", "parse", "--target-path", target]
    subprocess.run(parse, cwd=DBT_PROJECT, env=environment, check=True)
    started = time.perf_counter()
    subprocess.run([*command, "--target-path", target], cwd=DBT_PROJECT, env=environment, check=True)
    return time.perf_counter() - started


def main() -> None:
    """Measure, and print the ratio."""
    if len(sys.argv) != 2:
        sys.exit("expected one argument: a refreshed home, such as data")
    home = Workspace(Path(sys.argv[1]).resolve())
    if not home.warehouse.is_file():
        sys.exit(f"{home.warehouse}: not found; name a home that was refreshed")
    with tempfile.TemporaryDirectory(dir=home.root.parent) as workshop:
        folder = Path(workshop)
        warehouse = folder / home.warehouse.name
        shutil.copyfile(home.warehouse, warehouse)
        before, rows = scan(warehouse, folder)
        marts = rebuild(warehouse, folder)
        after, _ = scan(warehouse, folder)
    bare = min(before, after)
    table = Table("what", "seconds", "x scan", title=f"{rows:,} observations")
    table.add_row("bare scan, before / after", f"{before:.1f} / {after:.1f}", "1.0")
    table.add_row("full rebuild of all seeds and models", f"{marts:.1f}", f"{marts / bare:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
