"""Staging: write the candidate release, one Parquet file a table, in a fixed order and with fixed settings."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb

EXTRACTS = {
    "extract_monthly": "extracts.extract_monthly",
    "extract_quarterly": "extracts.extract_quarterly",
    "extract_annual": "extracts.extract_annual",
}
DIMENSIONS = {
    "dim_period": "marts.dim_period",
    "dim_organisation": "marts.dim_organisation",
    "dim_measure": "marts.dim_measure",
}
TABLES = {**EXTRACTS, **DIMENSIONS}
_EXTRACT_ORDER = (
    "period_start, org_level, org_code, partner_code nulls first, variable_type, variable_a nulls first, "
    "variable_b nulls first, measure"
)
_ORDER = {
    **dict.fromkeys(EXTRACTS, _EXTRACT_ORDER),
    "dim_period": "period_grain, period_start",
    "dim_organisation": "org_level, org_code",
    "dim_measure": "measure",
}


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
            target = str(beside / f"{table}.parquet").replace("'", "''")
            connection.execute(
                f"copy (select * from {source} order by {_ORDER[table]}) to '{target}' "
                "(format parquet, compression zstd, row_group_size 122880)"
            )
            rows[table] = int(connection.execute(f"select count(*) from read_parquet('{target}')").fetchall()[0][0])
    shutil.rmtree(folder, ignore_errors=True)
    beside.rename(folder)
    return rows
