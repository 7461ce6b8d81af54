"""A home whose staged release is made of parts, as the staging leaves one."""

from __future__ import annotations

from pathlib import Path

import duckdb

from iapt.contract import parquet_name
from iapt.files import compute_sha256
from iapt.release.parquet_joining import join_parquet_files
from iapt.release.parts import TABLES_IN_PARTS, Part, StagedParts, find_part
from iapt.sql import quote_literal
from iapt.workspace import Workspace


def split_into_parts(home: Workspace, build: str = "a-build") -> StagedParts:
    """Write the staged tables of a home again, put together from parts of their periods, and return these.

    A table with a row that is of no period, or of no day, has no parts.
    """
    home.parts.mkdir(parents=True, exist_ok=True)
    parts = [part for table in TABLES_IN_PARTS for part in _split_table(home, table, build)]
    staged = StagedParts(parts=tuple(parts))
    staged.write(home.staged_parts)
    for table in TABLES_IN_PARTS:
        if files := [find_part(home.parts, part) for part in staged.of_table(table)]:
            join_parquet_files(files, home.staging / parquet_name(table))
    return staged


def _split_table(home: Workspace, table: str, build: str) -> list[Part]:
    parts = []
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(f"create table rows as from {quote_literal(home.staging / parquet_name(table))}")
        periods = connection.execute(
            "select period, min(period_start)::varchar, count(*) from rows group by period order by all"
        ).fetchall()
        is_whole = all(period and start for period, start, _ in periods)
        for period, start, rows in periods if is_whole else ():
            file = home.parts / "a.parquet"
            write_part(connection, f"period = {quote_literal(period)}", file)
            part = Part(
                table=table,
                grain=TABLES_IN_PARTS[table],
                period=period,
                period_start=start,
                sha256=compute_sha256(file),
                rows=rows,
                bytes=file.stat().st_size,
                build=build,
            )
            file.rename(find_part(home.parts, part))
            parts.append(part)
    return parts


def write_part(connection: duckdb.DuckDBPyConnection, condition: str, file: Path) -> None:
    """Write the `rows` that meet a condition as a part."""
    connection.execute(
        f"copy (from rows where {condition} order by all) to {quote_literal(file)} "
        "(format parquet, compression zstd, write_bloom_filter false)"
    )
