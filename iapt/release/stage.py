"""Staging: write the candidate release, one Parquet file a table, in a fixed order and with fixed settings.

A table in parts is put together from the files of its periods, of which those that were not made again since they were
written are kept.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import duckdb

from iapt import contract
from iapt.duckdb_connections import open_duckdb
from iapt.files import compute_sha256, rename_durably
from iapt.release.parquet_joining import join_parquet_files
from iapt.release.parts import TABLES_IN_PARTS, Part, StagedParts, find_part
from iapt.sql import quote_literal
from iapt.workspace import Workspace

#: Every released table, and where the warehouse holds it.
TABLES: Final = {table.name: table.relation for table in contract.TABLES.values() if table.is_released}
#: A footer that says where Bloom filters lie cannot be joined; rows in order are found by their statistics.
_PARQUET_SETTINGS: Final = "format parquet, compression zstd, row_group_size 122880, write_bloom_filter false"
#: How the name ends of what is being written.
_UNFINISHED: Final = ".part"
#: Two cores, and one more: of so many parts one is mostly being flushed, for which only the disk works.
WRITERS: Final = 3
#: The build of the rows of a period of a model, by model, grain and first day.
_Builds: TypeAlias = Mapping[tuple[str, str, str], str]


class StagingError(Exception):
    """Raised where the warehouse cannot be staged whole; what was staged before stands."""


@dataclass(frozen=True)
class StagedTable:
    """A table of the candidate: its rows and, of a table in parts, how many were written and how many kept."""

    rows: int
    parts_written: int = 0
    parts_kept: int = 0


def stage(workspace: Workspace) -> dict[str, StagedTable]:
    """Write every released table from the warehouse as the candidate release, replacing what was staged before.

    The same rows give the same bytes: the order is total and nothing in a file depends on the time. A part is kept
    where the warehouse says that the rows of its period were made last in the build that it was written from.
    Killed at any moment, it leaves what was staged before or no candidate at all, and parts that the next run removes.
    Raises StagingError where a table has rows that belong to no period, ParquetJoinError where parts do not fit.
    """
    folder, parts_folder = workspace.staging, workspace.parts
    temp_folder = folder.with_name(folder.name + _UNFINISHED)
    shutil.rmtree(temp_folder, ignore_errors=True)
    temp_folder.mkdir(parents=True)
    parts_folder.mkdir(exist_ok=True)
    before = StagedParts.load_if_present(workspace.staged_parts) or StagedParts()
    known = {(part.table, part.period): part for part in before.parts}
    # Each writer works alone on its file, in the order of the rows.
    with (
        open_duckdb(
            workspace.warehouse, spill=workspace.spill, read_only=True, threads=1, preserve_insertion_order=True
        ) as connection,
        ThreadPoolExecutor(WRITERS) as writers,
    ):

        def write(query: str, target: Path) -> int:
            with connection.cursor() as cursor:
                return _write_parquet(cursor, query, target)

        def write_table(table: str) -> int:
            return write(_select_rows(table), temp_folder / contract.parquet_name(table))

        def write_part(part: Part) -> Part:
            return _write_part(part, parts_folder, write)

        builds = _read_builds(connection)
        expected = [part for table in TABLES_IN_PARTS for part in _list_parts(connection, table, builds)]
        kept = {
            (part.table, part.period): part.model_copy(update={"sha256": old.sha256, "bytes": old.bytes})
            for part in expected
            if (old := known.get((part.table, part.period))) is not None and _is_current(old, part, parts_folder)
        }
        in_parts = dict.fromkeys(part.table for part in expected)  # the others of them have no rows
        counts = writers.map(write_table, whole := [table for table in TABLES if table not in in_parts])
        missing = [part for part in expected if (part.table, part.period) not in kept]
        written = list(writers.map(write_part, missing))
        rows = dict(zip(whole, counts, strict=True))
    parts = {(part.table, part.period): part for part in written} | kept
    staged_parts = StagedParts(parts=tuple(parts[part.table, part.period] for part in expected))
    for table in in_parts:
        of_table = staged_parts.of_table(table)
        join_parquet_files(
            [find_part(parts_folder, part) for part in of_table], temp_folder / contract.parquet_name(table)
        )
        rows[table] = sum(part.rows for part in of_table)
    # In this order no staged files ever stand beside the parts of others.
    shutil.rmtree(folder, ignore_errors=True)
    staged_parts.write(workspace.staged_parts)
    rename_durably(temp_folder, folder)
    _remove_other_files(parts_folder, {part.file_name for part in staged_parts.parts})
    return {
        table: StagedTable(
            rows[table],
            parts_written=sum(part.table == table for part in written),
            parts_kept=sum(name == table for name, _ in kept),
        )
        for table in TABLES
    }


def _read_builds(connection: duckdb.DuckDBPyConnection) -> _Builds:
    """Return what the warehouse says of the builds of its periods; nothing where it is of an earlier version."""
    if not connection.execute(
        "select 1 from duckdb_tables() where schema_name = 'landing' and table_name = 'period_builds'"
    ).fetchall():
        return {}
    rows = connection.execute(
        "select model, period_grain, cast(period_start as varchar), build from landing.period_builds"
    ).fetchall()
    return {(str(model), str(grain), str(start)): str(build) for model, grain, start, build in rows}


def _list_parts(connection: duckdb.DuckDBPyConnection, table: str, builds: _Builds) -> Iterator[Part]:
    """Yield the parts that a table has in the warehouse, in the order of their periods, without any of their files."""
    relation, grain = contract.TABLES[table].relation, TABLES_IN_PARTS[table]
    columns = connection.execute(f"describe {relation}").fetchall()
    periods = connection.execute(
        f"select period, cast(period_start as varchar), count(*) from {relation} group by all order by all"
    ).fetchall()
    for period, start, rows in periods:
        if period is None or start is None:
            raise StagingError(
                f"{relation}: expected a period in every row; found {rows} rows without one. Build every dbt "
                "model again."
            )
        part = Part(
            table=table,
            grain=grain,
            period=period,
            period_start=start,
            rows=rows,
            build=builds.get((table, grain, start), ""),
        )
        settings = [duckdb.__version__, _PARQUET_SETTINGS, _select_part(part), columns]
        yield part.model_copy(update={"written_by": hashlib.sha256(repr(settings).encode()).hexdigest()})


def _is_current(part: Part, expected: Part, folder: Path) -> bool:
    """Whether a part holds the rows that are expected, written as they would be now, and its file is as it was."""
    path = find_part(folder, part)
    return (
        part.build == expected.build != ""
        and (part.period_start, part.rows) == (expected.period_start, expected.rows)
        and part.written_by == expected.written_by
        and path.is_file()
        and path.stat().st_size == part.bytes
        and compute_sha256(path) == part.sha256
    )


def _write_part(part: Part, folder: Path, write: Callable[[str, Path], int]) -> Part:
    """Write the rows of a part into the folder of parts; return it with what its file is."""
    with tempfile.NamedTemporaryFile(suffix=_UNFINISHED, dir=folder, delete=False) as stream:
        temp_path = Path(stream.name)
    rows = write(_select_part(part), temp_path)
    if rows != part.rows:
        raise StagingError(
            f"{part.table} of {part.period}: expected {part.rows} rows of one first day; found {rows}. Build every dbt "
            "model again."
        )
    complete = part.model_copy(update={"sha256": compute_sha256(temp_path), "bytes": temp_path.stat().st_size})
    rename_durably(temp_path, find_part(folder, complete))
    return complete


def _select_part(part: Part) -> str:
    """Return the query of the rows of a part in their order."""
    return _select_rows(
        part.table,
        f"where period = {quote_literal(part.period)} and period_start = date {quote_literal(part.period_start)}",
        without=("period_start", "period"),
    )


def _select_rows(table: str, where: str = "", *, without: Sequence[str] = ()) -> str:
    """Return the query of the rows of a table in their order; `without` are columns of one value."""
    order = [column for column in contract.TABLES[table].order if column not in without]
    columns = ", ".join(f"{column} nulls first" for column in order)
    return f"select * from {contract.TABLES[table].relation} {where} order by {columns}"


def _write_parquet(connection: duckdb.DuckDBPyConnection, query: str, target: Path) -> int:
    """Write the rows of a query; return how many there are."""
    copied = connection.execute(f"copy ({query}) to {quote_literal(target)} ({_PARQUET_SETTINGS})").fetchall()
    return int(copied[0][0])


def _remove_other_files(folder: Path, names: set[str]) -> None:
    """Remove the files of a folder that have none of these names: those of parts that changed, and of killed runs."""
    for path in folder.iterdir():
        if path.name not in names:
            path.unlink()
