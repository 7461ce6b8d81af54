"""Staging: write the candidate release, one Parquet file a table, in a fixed order and with fixed settings."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb

from iapt import contract
from iapt.files import rename_durably
from iapt.sql import quote_literal

#: Every released table, and where the warehouse holds it.
TABLES = {table.name: table.relation for table in contract.TABLES.values() if table.is_released}


def _make_order_clause(table: str) -> str:
    return ", ".join(f"{column} nulls first" for column in contract.TABLES[table].order)


def stage(warehouse: Path, folder: Path) -> dict[str, int]:
    """Write every released table from the warehouse into `folder`, replacing what was staged before.

    The same rows give the same bytes: the order is total and nothing in a file depends on the time.
    Returns the number of rows of each table.
    """
    temp_folder = folder.with_name(folder.name + ".part")
    shutil.rmtree(temp_folder, ignore_errors=True)
    temp_folder.mkdir(parents=True)
    rows = {}
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        for table, source in TABLES.items():
            target = quote_literal(temp_folder / f"{table}.parquet")
            connection.execute(
                f"copy (select * from {source} order by {_make_order_clause(table)}) to {target} "
                "(format parquet, compression zstd, row_group_size 122880)"
            )
            rows[table] = int(connection.execute(f"select count(*) from read_parquet({target})").fetchall()[0][0])
    shutil.rmtree(folder, ignore_errors=True)
    rename_durably(temp_folder, folder)
    return rows
