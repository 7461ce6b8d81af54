"""Whether the copies in a release, its database and its CSV files, hold the rows of its Parquet tables.

Rows are compared in any order, by digests; what differs is named, never repeated.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import duckdb

from iapt.contract import CONTRACTS, parquet_name
from iapt.duckdb_connections import open_duckdb
from iapt.release.csv_files import CSV_BY_PERIOD, format_csv_columns, name_csv_file
from iapt.sql import quote_literal, sql_list

#: How many rows there are, and the sum of their hashes, which is none of no rows.
Digest: TypeAlias = tuple[int, int | None]

_NO_ROWS: Final[Digest] = (0, None)
#: How the CSV files of a release are written. DuckDB would find it out again from every file, at most of the cost.
_CSV_OPTIONS: Final = "header = true, delim = ',', quote = '\"', escape = '\"'"
#: More characters than any header we write; no more is read of what may be any file.
_MAX_HEADER_LENGTH: Final = 2**16


def compare_database(database: Path, tables: Path) -> Iterator[str]:
    """Yield how the tables of a DuckDB file differ from the Parquet files in a folder."""
    with _connect() as connection:
        connection.execute(f"attach {quote_literal(database)} as served (read_only)")
        names = connection.execute(
            """
            select if(schema_name = 'main', table_name, schema_name || '.' || table_name)
            from duckdb_tables() where database_name = 'served'
            union
            select if(schema_name = 'main', view_name, schema_name || '.' || view_name)
            from duckdb_views() where database_name = 'served' and not internal
            """
        ).fetchall()
        present = {str(name) for (name,) in names}
        yield from (f"it lacks {table}" for table in CONTRACTS if table not in present)
        yield from (f"{table} does not belong in it" for table in sorted(present - CONTRACTS.keys()))
        for table, parquet in _list_parquet_files(tables):
            if table not in present:
                continue
            if _describe(connection, f"served.{table}") != _describe(connection, parquet):
                yield f"{table} has other columns"
            elif _digest(connection, f"served.{table}") != _digest(connection, parquet):
                yield f"{table} has other rows"


def compare_csv_files(folder: Path, tables: Path) -> Iterator[str]:
    """Yield how the CSV files in a folder differ from the Parquet files in another."""
    with _connect() as connection:
        expected: set[str] = set()
        for table, parquet in _list_parquet_files(tables):
            columns = _describe(connection, parquet)
            names = [name for name, _ in columns]
            rows = f"select {format_csv_columns(columns)} from {parquet}"
            digests = _digest_expected_files(connection, table, rows, names)
            expected |= digests.keys()
            comparable = []
            for name in digests:
                if not (folder / name).is_file():
                    yield f"{name} is missing"
                elif _read_header(folder / name) != names:
                    yield f"{name} has other columns"
                else:
                    comparable.append(name)
            found = _digest_csv_files(connection, [folder / name for name in comparable], names)
            yield from (f"{name} has other rows" for name in comparable if found.get(name, _NO_ROWS) != digests[name])
        files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        yield from (f"{name} does not belong in it" for name in files if name not in expected)


def _connect() -> duckdb.DuckDBPyConnection:
    connection = open_duckdb()
    # Every column of every row is read, so there is no plan to improve; to try takes longer than to read.
    connection.execute("pragma disable_optimizer")
    return connection


def _list_parquet_files(tables: Path) -> Iterator[tuple[str, str]]:
    """Yield each table that has a Parquet file in a folder, with the SQL that reads it."""
    for table in CONTRACTS:
        file = tables / parquet_name(table)
        if file.is_file():
            yield table, f"read_parquet({quote_literal(file)})"


def _describe(connection: duckdb.DuckDBPyConnection, relation: str) -> list[tuple[str, str]]:
    """Return the names and types of a relation's columns."""
    rows = connection.execute(f"describe select * from {relation}").fetchall()
    return [(str(name), str(column_type)) for name, column_type, *_ in rows]


def _read_header(file: Path) -> list[str]:
    """Return the header of a CSV file. DuckDB would read thousands of rows of every file to find it."""
    open_file = gzip.open if file.suffix == ".gz" else open
    try:
        with open_file(file, "rt", encoding="utf-8", newline="") as lines:
            return next(csv.reader([lines.readline(_MAX_HEADER_LENGTH)]), [])
    except (EOFError, UnicodeDecodeError, zlib.error, csv.Error) as error:
        raise OSError(f"{file.name} has no header that can be read") from error


def _digest_expected_files(
    connection: duckdb.DuckDBPyConnection, table: str, rows: str, names: Sequence[str]
) -> dict[str, Digest]:
    """Return the digest of the rows that each CSV file of a table must hold, by the file's name."""
    if table not in CSV_BY_PERIOD:
        return {name_csv_file(table): _digest_parts(connection, rows, names, "null").get(None, _NO_ROWS)}
    digests = _digest_parts(connection, rows, names, "period")
    return {name_csv_file(table, str(period)): digest for period, digest in digests.items() if period is not None}


def _digest_csv_files(
    connection: duckdb.DuckDBPyConnection, files: Sequence[Path], names: Sequence[str]
) -> dict[str, Digest]:
    """Return the digest of the rows of each CSV file that has any, by its name; all have these columns."""
    if not files:
        return {}
    columns = ", ".join(f"'{name}': 'varchar'" for name in names)
    options = f"auto_detect = false, columns = {{{columns}}}, filename = true, {_CSV_OPTIONS}"
    digests = _digest_parts(connection, f"from read_csv([{sql_list(files)}], {options})", names, "filename")
    return {Path(str(file)).name: digest for file, digest in digests.items()}


def _digest_parts(
    connection: duckdb.DuckDBPyConnection, rows: str, names: Sequence[str], part: str
) -> dict[object, Digest]:
    """Return the digest of each part of a query; an absent text and an empty one are the same."""
    cells = ", ".join(f"nullif(cast({name} as varchar), '')" for name in names)
    digests = connection.execute(f"select {part}, count(*), sum(hash({cells})::hugeint) from ({rows}) group by all")
    return {key: (count, total) for key, count, total in digests.fetchall()}


def _digest(connection: duckdb.DuckDBPyConnection, relation: str) -> Digest:
    """Return the digest of a relation's rows; to be compared with that of one of the same types."""
    query = f"select count(*), sum(hash(row)::hugeint) from {relation} as row"
    ((count, total),) = connection.execute(query).fetchall()
    return count, total
