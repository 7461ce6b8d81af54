"""The CSV files of a release: every table as a spreadsheet should find it, the same bytes for the same rows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import isal
from isal import isal_zlib

from iapt.contract import CURRENT_BOUNDARIES, DERIVED, EXTRACT_GRAINS, parquet_name
from iapt.duckdb_connections import open_duckdb
from iapt.release.stage import TABLES
from iapt.sql import quote_literal

CSV_FOLDER = "csv"
# A spreadsheet runs a text that begins with one of these as a formula.
_FORMULA_STARTS = "=+-@\t\r"
#: A spreadsheet holds about a million rows: these have more, so each of their periods is a file.
CSV_BY_PERIOD = (*EXTRACT_GRAINS, *CURRENT_BOUNDARIES)
GZIP_LEVEL = (
    1  # the size of zlib's third in a fifth of its time; the next that is smaller, by a tenth, takes four times
)
#: Has deflate write the header and the end of a gzip file: 2^15 bytes looked back upon, and 16 for gzip.
_GZIP_WINDOW_BITS = 15 + 16
#: Which buffer of an Arrow array of texts holds them, one after another. Those before say which are there, and where.
_TEXT_BUFFER = 2


@dataclass(frozen=True)
class CsvFile:
    """A CSV file of a table, or of one period of it.

    `rows` is the query of its rows, with these `columns`, of which the `texts` are those of text, whose every value is
    quoted.
    """

    table: str
    name: str
    rows: str
    columns: tuple[str, ...]
    texts: tuple[str, ...]
    period: str | None = None


def digest_csv_writer() -> str:
    """Return a digest of what decides, beside its rows, which bytes a CSV file has: this module and its libraries."""
    parts = (Path(__file__).read_text("utf-8"), duckdb.__version__, isal.__version__)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def write_csv_files(
    release: Path, reuse: Callable[[CsvFile, Path], bool], *, spill: Path | None = None, workers: int = 1
) -> dict[str, list[str]]:
    """Write every table of a release folder as CSV: those too long for a spreadsheet by period.

    A file that `reuse` puts into its place is not written. What does not fit into memory is spilt into `spill`, and
    `workers` are those that share the memory of this process.
    Returns the paths of the files of each table, relative to the folder of the release.
    """
    folder = release / CSV_FOLDER
    folder.mkdir()

    # On one thread, so that the rows of a file are written in the order in which they are read.
    with open_duckdb(spill=spill, workers=workers, threads=1, preserve_insertion_order=True) as connection:
        files = [
            file for table in TABLES for file in list_csv_files(connection, table, str(release / parquet_name(table)))
        ]
        for file in files:
            if not reuse(file, folder / file.name):
                write_csv_file(connection, file, folder / file.name)
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
    names = tuple(str(name) for name, *_ in columns)
    texts = tuple(str(name) for name, kind, *_ in columns if kind == "VARCHAR")
    rows = f"select {selected} from {source} as staged"
    if table not in CSV_BY_PERIOD:
        yield CsvFile(table, name_csv_file(table), rows, names, texts)
        return
    periods = connection.execute(f"select distinct period from {source} where period is not null order by 1").fetchall()
    for (period,) in periods:
        of_period = f"{rows} where staged.period = {quote_literal(str(period))}"
        yield CsvFile(table, name_csv_file(table, str(period)), of_period, names, texts, str(period))


def write_csv_file(connection: duckdb.DuckDBPyConnection, file: CsvFile, target: Path) -> None:
    """Write the rows of a file in their order as CSV, gzipped where its name says so.

    Every text is quoted, and nothing else: who guesses types takes no code for a number, and an absent value, of
    whichever type, stays apart from a text.
    A row is one text in DuckDB, and the texts of many rows lie in one piece of memory, which is packed as it is: that
    takes half the time of DuckDB's own CSV. No time and no name go into the file: same rows, same bytes.
    """
    import nanoarrow  # imported late: most that import this module write no CSV

    # Else an operator may hold back a few rows to write them together with later ones, and does so after those.
    connection.execute("set enable_caching_operators = false")
    header = ",".join(f'"{name}"' if name in file.texts else name for name in file.columns)
    rows = connection.sql(f"select {_format_csv_row(file)} as line from ({file.rows})")
    is_packed = target.suffix == ".gz"
    packing = isal_zlib.compressobj(GZIP_LEVEL, isal_zlib.DEFLATED, _GZIP_WINDOW_BITS)
    with target.open("wb") as stream:

        def write(text: bytes | memoryview) -> None:
            stream.write(packing.compress(text) if is_packed else text)

        write(f"{header}\n".encode())
        for batch in nanoarrow.c_array_stream(rows):
            lines = batch.child(0).view()
            write(memoryview(lines.buffer(_TEXT_BUFFER)))
        if is_packed:
            stream.write(packing.flush())


def _format_csv_row(file: CsvFile) -> str:
    """Return SQL for a row of a file as its line in CSV, with its end."""
    cells = [
        f"""coalesce('"' || replace({name}, '"', '""') || '"', '')"""
        if name in file.texts
        else f"coalesce(cast({name} as varchar), '')"
        for name in file.columns
    ]
    return f"""concat({", ',', ".join(cells)}, chr(10))"""


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
