"""Staging: write the candidate release, one Parquet file a table, in a fixed order and with fixed settings."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb

from iapt.contract import CONTRACTS, CURRENT_BOUNDARIES, EXTRACT_GRAINS, KEYS
from iapt.sql import quote_literal

EXTRACTS = {table: f"extracts.{table}" for table in EXTRACT_GRAINS}
TABLES = {
    table: f"extracts.{table}" if table in EXTRACT_GRAINS or table in CURRENT_BOUNDARIES else f"marts.{table}"
    for table in CONTRACTS
}
_FIRST = {
    **dict.fromkeys(EXTRACTS, ("period_start",)),
    **dict.fromkeys(CURRENT_BOUNDARIES, ("period_start",)),
    "dim_period": ("period_grain", "period_start"),
}


def _order(table: str) -> str:
    """The columns that put the rows of a table in order: time first, then all that names a row."""
    columns = dict.fromkeys((*_FIRST.get(table, ()), *KEYS[table]))
    return ", ".join(f"{column} nulls first" for column in columns)


def stage(warehouse: Path, folder: Path) -> dict[str, int]:
    """Write every table that may leave from the warehouse into `folder`, replacing what was staged before.

    The same rows give the same bytes: the order is total and nothing in a file depends on the time.
    Returns the number of rows of each table.
    """
    beside = folder.with_name(folder.name + ".part")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    rows = {}
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        for table, source in TABLES.items():
            target = quote_literal(beside / f"{table}.parquet")
            connection.execute(
                f"copy (select * from {source} order by {_order(table)}) to {target} "
                "(format parquet, compression zstd, row_group_size 122880)"
            )
            rows[table] = int(connection.execute(f"select count(*) from read_parquet({target})").fetchall()[0][0])
    shutil.rmtree(folder, ignore_errors=True)
    beside.rename(folder)
    return rows
