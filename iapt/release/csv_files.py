"""The CSV files of a release: every table as a spreadsheet should find it, the same bytes for the same rows."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import duckdb

from iapt.contract import CURRENT_BOUNDARIES, DERIVED, EXTRACT_GRAINS, parquet_name
from iapt.duckdb_connections import open_duckdb
from iapt.release.stage import TABLES
from iapt.sql import quote_literal

CSV_FOLDER = "csv"
# A spreadsheet runs a text that begins with one of these as a formula.
_FORMULA_STARTS = "=+-@\t\r"
WRITERS = 2
#: A spreadsheet holds about a million rows: these have more, so each of their periods is a file.
CSV_BY_PERIOD = (*EXTRACT_GRAINS, *CURRENT_BOUNDARIES)
GZIP_LEVEL = 3  # the next one takes twice the time for a file that is a tenth smaller


@dataclass(frozen=True)
class CsvFile:
    """A CSV file of a table, or of one period of it.

    `rows` is the query of its rows, and `texts` are the columns of text, whose every value is quoted.
    """

    table: str
    name: str
    rows: str
    texts: tuple[str, ...]
    period: str | None = None


def digest_csv_writer() -> str:
    """Return a digest of what decides, beside its rows, which bytes a CSV file has: this module and its libraries."""
    parts = (Path(__file__).read_text("utf-8"), duckdb.__version__, zlib.ZLIB_RUNTIME_VERSION)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def write_csv_files(release: Path, reuse: Callable[[CsvFile, Path], bool], *, workers: int = 1) -> dict[str, list[str]]:
    """Write every table of a release folder as CSV: those too long for a spreadsheet by period.

    A file that `reuse` puts into its place is not written. `workers` are those that share the memory of this process.
    Returns the paths of the files of each table, relative to the folder of the release.
    """
    folder = release / CSV_FOLDER
    folder.mkdir()

    def write(file: CsvFile) -> None:
        if reuse(file, folder / file.name):
            return
        with connection.cursor() as cursor:
            write_csv_file(cursor, file, folder / file.name)

    # On one thread each, so that the rows of a file are written in the order in which they are read.
    with (
        open_duckdb(workers=workers, threads=1, preserve_insertion_order=True) as connection,
        ThreadPoolExecutor(max_workers=WRITERS) as writers,
    ):
        files = [
            file for table in TABLES for file in list_csv_files(connection, table, str(release / parquet_name(table)))
        ]
        list(writers.map(write, files))
    return {
        table: [f"{CSV_FOLDER}/{file.name}" for file in files if file.table == table]
        for table in dict.fromkeys(file.table for file in files)
    }


def list_csv_files(connection: duckdb.DuckDBPyConnection, table: str, parquet: str) -> Iterator[CsvFile]:
    """Yield the CSV files of a table in a Parquet file.

    A period is read straight from the table's file: its rows lie together there, so little else is decoded.
    """
    source = f"read_parquet({quote_literal(parquet)})"
    columns = connection.execute(f"describe select * from {source}").fetchall()
    selected = format_csv_columns([(str(name), str(kind)) for name, kind, *_ in columns])
    texts = tuple(str(name) for name, kind, *_ in columns if kind == "VARCHAR")
    rows = f"select {selected} from {source} as staged"
    if table not in CSV_BY_PERIOD:
        yield CsvFile(table, name_csv_file(table), rows, texts)
        return
    periods = connection.execute(f"select distinct period from {source} where period is not null order by 1").fetchall()
    for (period,) in periods:
        of_period = f"{rows} where staged.period = {quote_literal(str(period))}"
        yield CsvFile(table, name_csv_file(table, str(period)), of_period, texts, str(period))


def write_csv_file(connection: duckdb.DuckDBPyConnection, file: CsvFile, target: Path) -> None:
    """Write the rows of a file in their order as CSV, gzipped where its name says so.

    Every text is quoted, and nothing else: who guesses types takes no code for a number, and an absent value, of
    whichever type, stays apart from a text.
    zlib takes half the time of DuckDB's own gzip. No time and no name go into the file: same rows, same bytes.
    """
    plain = target.with_name(target.name.removesuffix(".gz"))
    # Else an operator may hold back a few rows to write them together with later ones, and does so after those.
    connection.execute("set enable_caching_operators = false")
    quoted = f", force_quote ({', '.join(file.texts)})" if file.texts else ""
    connection.execute(f"copy ({file.rows}) to {quote_literal(plain)} (format csv, header true{quoted})")
    if plain == target:
        return
    with (
        plain.open("rb") as text,
        target.open("wb") as written,
        gzip.GzipFile(filename="", mode="wb", compresslevel=GZIP_LEVEL, fileobj=written, mtime=0) as packed,
    ):
        shutil.copyfileobj(text, packed, 1 << 20)
    plain.unlink()


def name_csv_file(table: str, period: str | None = None) -> str:
    """Return the name of the CSV file of a table, or of one period of it."""
    if period is not None:
        return f"{table}_{period.lower().replace(' ', '-')}.csv.gz"
    return f"{table}.csv.gz" if table in DERIVED else f"{table}.csv"


def format_csv_columns(columns: Sequence[tuple[str, str]]) -> str:
    """Return the select list of a table: `columns` are pairs of a name and a DuckDB type."""
    has_statistic = "statistic" in dict(columns)
    return ", ".join(format_csv_column(name, kind, has_statistic=has_statistic) for name, kind in columns)


def format_csv_column(name: str, kind: str, *, has_statistic: bool) -> str:
    """Return a column as a spreadsheet should find it: whole numbers plain, means at one decimal, no live formulas."""
    if name == "value" and has_statistic:
        return (
            "case when statistic in ('mean', 'median') or value <> floor(value) then printf('%.1f', value) "
            "else cast(cast(value as bigint) as varchar) end as value"
        )
    if kind == "DOUBLE":
        is_average = name.startswith(("mean_", "median_"))
        return (
            f"case when {str(is_average).lower()} or {name} <> floor({name}) then printf('%.1f', {name}) "
            f"else cast(cast({name} as bigint) as varchar) end as {name}"
        )
    if kind == "VARCHAR":
        # Not `left({name}, 1) in (...)`, which is a join for each column: slow, and a join does not keep the order.
        return f"case when {name} <> ltrim({name}, '{_FORMULA_STARTS}') then '''' || {name} else {name} end as {name}"
    return name
