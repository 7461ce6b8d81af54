"""Warehouses that can be staged: the tables of a small release where dbt would have made them, and their builds."""

from __future__ import annotations

from pathlib import Path

import duckdb

from iapt.contract import TABLES
from iapt.release.parts import TABLES_IN_PARTS
from tests.factories.staged_release import build_tables


def build_warehouse(path: Path) -> Path:
    """Write a warehouse of every released table, all of whose periods were made in `build-1`; return its path."""
    with duckdb.connect(str(path)) as connection:
        build_tables(connection)
        for schema in sorted({table.schema for table in TABLES.values()} | {"landing"}):
            connection.execute(f"create schema if not exists {schema}")
        for table in TABLES.values():
            if table.is_released:
                connection.execute(f"create table {table.relation} as from main.{table.name}")
        connection.execute(
            "create table landing.period_builds (model varchar, period_grain varchar, period_start date, build varchar)"
        )
        for name, grain in TABLES_IN_PARTS.items():
            table = TABLES[name]
            for model in (name, table.made_from) if table.family == "extract" else (name,):
                connection.execute(
                    "insert into landing.period_builds "
                    f"select distinct ?, ?, period_start, 'build-1' from {table.relation}",
                    [model, grain],
                )
    return path


def change_period(warehouse: Path, table: str, period: str, change: str, *, build: str = "") -> None:
    """Run SQL on a warehouse and write down, as dbt would, that it made a period of a table again in this build."""
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(change)
        if build:
            start = f"(select min(period_start) from {TABLES[table].relation} where period = ?)"
            connection.execute(
                f"update landing.period_builds set build = ? where model = ? and period_start = {start}",
                [build, table, period],
            )
