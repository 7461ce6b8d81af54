"""How the disclosure audit grows with cells, and what one more month costs: figures from one run, as ratios.

    python benchmarks/audit_growth.py HOME [--grain year]

HOME is a home that a refresh has filled. The facts of a grain are audited in parts of growing size (its first period,
the first two, and so on); the last column is the processor time per cell and doubling of cells: it stays flat, or
falls, where growth is at most n log n. The second table audits a grain whole, then again, then again with one period
changed: only that period is worked on.
"""

from __future__ import annotations

import argparse
import math
import resource
import tempfile
import time
from pathlib import Path

import duckdb
from rich.console import Console

from iapt.contract import FACT_GRAINS, TABLES, Grain
from iapt.disclosure.disclosure_risk import classify_risk
from iapt.disclosure.model import load_formulas
from iapt.disclosure.period_audits import AuditCache, SourceTables, audit_grain, bound_source

FACTS = {grain: TABLES[table].relation for table, grain in FACT_GRAINS.items()}

out = Console(highlight=False, soft_wrap=True)


def processor_seconds() -> float:
    """Processor time of this process so far: steadier than wall time on a shared machine."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def open_facts(home: Path, grain: Grain) -> duckdb.DuckDBPyConnection:
    """A connection with the figures of a grain in memory, on two threads and 4 GB."""
    connection = duckdb.connect(config={"threads": 2, "memory_limit": "4GB"})
    connection.execute("set preserve_insertion_order = false")
    connection.execute(f"attach '{home / 'warehouse.duckdb'}' as warehouse (read_only)")
    connection.execute("use warehouse")
    connection.execute(f"create temp table facts as from {FACTS[grain]} where value_status <> 'not_applicable'")
    return connection


def show_growth(connection: duckdb.DuckDBPyConnection, grain: Grain) -> None:
    """Audit growing parts of the facts and print a line for each."""
    periods = [
        str(period)
        for (period,) in connection.execute(
            "select period from facts where statistic = 'count' group by period order by count(*) desc, period"
        ).fetchall()
    ]
    load_formulas(connection, "marts.dim_measure")
    out.print(f"{'cells':>10} {'periods':>8} {'wall s':>8} {'cpu s':>8} {'cpu us per cell and doubling':>30}")
    size = 1
    sizes = []
    while size < len(periods):
        sizes.append(size)
        size *= 2
    for taken in (*sizes, len(periods)):
        named = ", ".join(f"'{period}'" for period in periods[:taken])
        began, used = time.perf_counter(), processor_seconds()
        bound_source(connection, grain, SourceTables("facts", "marts.dim_measure"), f"period in ({named})")
        classify_risk(connection)
        wall, cpu = time.perf_counter() - began, processor_seconds() - used
        row = connection.execute("select count(*) from cell").fetchone()
        assert row is not None
        cells = int(row[0])
        out.print(f"{cells:>10,} {taken:>8} {wall:>8.2f} {cpu:>8.2f} {1e6 * cpu / (cells * math.log2(cells)):>30.2f}")


def show_increments(connection: duckdb.DuckDBPyConnection, grain: Grain) -> None:
    """Audit everything, then what changed, and print a line for each."""
    out.print(f"{'':>28} {'wall s':>8} {'periods audited':>16} {'of':>5}")
    with tempfile.TemporaryDirectory() as folder:
        kept = AuditCache(Path(folder))
        for what, change in (
            ("everything", None),
            ("again, nothing changed", None),
            (
                "one period changed",
                "update facts set value = value + 5 where rowid = (select min(rowid) from facts "
                "where statistic = 'count' and value_status = 'published' and org_level <> 'england')",
            ),
        ):
            if change:
                connection.execute(change)
            began = time.perf_counter()
            audit = audit_grain(connection, grain, SourceTables("facts", "marts.dim_measure"), kept)
            wall = time.perf_counter() - began
            out.print(f"{what:>28} {wall:>8.2f} {len(audit.audited_now):>16} {len(audit.periods):>5}")


def main() -> None:
    """Run both measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("--grain", choices=sorted(FACTS), default="year")
    arguments = parser.parse_args()
    with open_facts(arguments.home, arguments.grain) as connection:
        show_growth(connection, arguments.grain)
    with open_facts(arguments.home, "month") as connection:
        show_increments(connection, "month")
    out.print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


if __name__ == "__main__":
    main()
