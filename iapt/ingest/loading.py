"""Stage 1 of reading: the rows of a group's tables, all text, in one working table of DuckDB, with clean keys."""

from __future__ import annotations

import contextlib
import csv
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from iapt.ingest.cell_conditions import is_one_of
from iapt.ingest.distinct_keys import list_loaded_keys
from iapt.ingest.notices import format_notice
from iapt.ingest.reading_context import CORRECT_ROW, EXTEND_LAYOUT, ReadingContext, describe_row
from iapt.ingest.sheets import ERROR_REASON, SPREADSHEET_ERRORS, UNCALCULATED, UNCALCULATED_REASON
from iapt.ingest.tables import GET_IT_AGAIN, Table, format_cell
from iapt.rejection import DropRejectedError
from iapt.run_warnings import list_first
from iapt.sql import quote_identifier, quote_literal

if TYPE_CHECKING:
    import pandas as pd

#: What a spreadsheet writes into a cell that has no value, in every layout, and why it is quarantined.
SPREADSHEET_MARKS = {**dict.fromkeys(SPREADSHEET_ERRORS, ERROR_REASON), UNCALCULATED: UNCALCULATED_REASON}
#: White space of any alphabet, with the characters that show nothing, at either end of a text.
OUTER_SPACE = r"^[\s\p{Z}\p{Cc}\p{Cf}]+|[\s\p{Z}\p{Cc}\p{Cf}]+$"
#: How many texts, codes or reasons of one kind the notices of a drop name.
NAMED_IN_NOTICES = 5
ERROR_ROWS = "error_rows"
#: How much stands on either side of a letter that a notice shows.
_LETTERS_SHOWN = 20


@dataclass(frozen=True)
class LoadedRows:
    """The working table of the rows: source_member, source_row, and each column of the header as text.

    `keys` is the working table of their distinct keys. `rows` counts those of ERROR_ROWS too: rows that have a
    spreadsheet's error in a key.
    """

    table: str
    keys: str
    rows: int
    notices: tuple[str, ...]


def load_rows(context: ReadingContext) -> LoadedRows:
    """Load the rows of every table of the group, with the number each has in its file, the header's row counted.

    Raises DropRejectedError where a table has no rows, or rows that cannot be read.
    """
    table, rows = "loaded_rows", 0
    encoding_notices: list[str] = []
    for number, offered in enumerate(context.group.tables):
        source = _convert_to_utf8(context, offered, number, encoding_notices)
        _append_table(context, source, table, is_first=number == 0)
        rows_before, rows = rows, context.count_rows(table)
        # Of each table, not of all: a member without rows would take its levels from the period unnoticed.
        if rows == rows_before:
            raise DropRejectedError(
                context.drop.file, f"{source.place}below the header", "rows of figures", "none", GET_IT_AGAIN
            )
        if source.csv_path is not None:
            _reject_unended_row(context, source, source.csv_path)
    odd = _find_odd_columns(context, table)
    encoding_notices += _find_spoilt_letters(context, table, odd.with_letters)
    table, space_notices = _strip_keys(context, table, odd.padded)
    error_notices = _separate_error_rows(context, table, odd.with_errors)
    return LoadedRows(
        table, list_loaded_keys(context, table), rows, (*encoding_notices, *space_notices, *error_notices)
    )


# -- CSV and sheets -------------------------------------------------------------------------------------------------


def _convert_to_utf8(context: ReadingContext, table: Table, number: int, notices: list[str]) -> Table:
    """Return the table as UTF-8, which it mostly is; else from Windows-1252, in which Excel saves its apostrophes.

    Latin-1 needs no detection: its letters have the same bytes there. Other encodings have other letters, and any byte
    is one of Windows-1252, so a notice shows the first of them.
    """
    if table.csv_path is None or table.encoding == "utf-8":
        return table
    path = context.folder / f"table-{number}.csv"
    first = ""
    with table.csv_path.open("rb") as source, path.open("w", encoding="utf-8", newline="") as target:
        for line_number, line in enumerate(source, start=1):
            try:
                text = line.decode("cp1252")
                target.write(text)
                if not first and (letter := re.search(r"[^\x00-\x7f]", text)):
                    shown = text[max(0, letter.start() - _LETTERS_SHOWN) : letter.start() + _LETTERS_SHOWN]
                    first = f"{table.place}line {line_number}, {shown.strip()!r}"
            except UnicodeDecodeError as error:
                raise DropRejectedError(
                    context.drop.file,
                    f"{table.place}line {line_number}, byte {error.start + 1}",
                    "text in UTF-8 or Windows-1252",
                    f"the byte 0x{line[error.start]:02X}, which is neither",
                    f"{GET_IT_AGAIN} If it is whole, save it as UTF-8 and offer it so.",
                ) from error
    notices.append(format_notice("text that is no UTF-8 is read as Windows-1252; look at its letters", first))
    return replace(table, csv_path=path, encoding="utf-8")


def _append_table(context: ReadingContext, source: Table, target: str, *, is_first: bool) -> None:
    """Append the rows of a CSV or a sheet to the working table; the first one creates it."""
    verb = f"create or replace temp table {target} as" if is_first else f"insert into {target}"
    columns = ", ".join(map(quote_identifier, context.group.header))
    if source.csv_path is not None:
        if source.may_have_blank_rows:
            _reject_blank_row(context, source, source.csv_path)
        relation, number = _read_csv_sql(context, source), f"row_number() over () + {source.header_row}"
    else:
        context.connection.register("sheet", _build_sheet_frame(context, source))
        relation, number = "sheet", "source_row"
    # A row of commas alone is passed over as a blank row of a sheet is; its number stays.
    query = f"""
        {verb} select * from (
            select {quote_literal(source.member)} as source_member, {number} as source_row, {columns} from {relation}
        )
        where coalesce({columns}) is not null
    """
    try:
        context.connection.execute(query)
    except duckdb.InvalidInputException as error:
        raise _make_csv_rejection(context, source, error) from error
    finally:
        if source.csv_path is None:
            context.connection.unregister("sheet")


def _read_csv_sql(context: ReadingContext, table: Table) -> str:
    types = ", ".join(f"{quote_literal(name)}: 'VARCHAR'" for name in context.group.header)
    return (
        f"read_csv({quote_literal(str(table.csv_path))}, auto_detect = false, header = false, "
        f"skip = {table.header_row}, delim = ',', quote = '\"', escape = '\"', encoding = '{table.encoding}', "
        f"strict_mode = true, null_padding = false, columns = {{{types}}})"
    )


def _build_sheet_frame(context: ReadingContext, table: Table) -> pd.DataFrame:
    """Return the sheet's rows below its header as text; wholly blank rows are passed over."""
    import pandas as pd  # imported late: most drops are CSV, and it takes long

    header, header_row = context.group.header, table.header_row
    width = len(header)
    numbers: list[int] = []
    rows: list[list[str]] = []
    for number, row in enumerate((table.sheet_rows or [])[header_row:], start=header_row + 1):
        texts = [format_cell(cell) for cell in row]
        if not any(texts):
            continue
        if any(texts[width:]):
            place = f"{table.place}row {number}"
            found = "a value beyond the last"
            raise DropRejectedError(context.drop.file, place, f"{width} columns", found, EXTEND_LAYOUT)
        numbers.append(number)
        rows.append(texts[:width] + [""] * (width - len(texts)))
    frame = pd.DataFrame(rows, columns=list(header), dtype=object)
    frame.insert(0, "source_row", pd.Series(numbers, dtype="int64"))
    return frame


def _reject_unended_row(context: ReadingContext, table: Table, path: Path) -> None:
    """Raise where the last row has no line end: a file cut within a figure, 45 of 455, looks just so."""
    with path.open("rb") as content:
        content.seek(-1, os.SEEK_END)
        if content.read() in (b"\n", b"\r"):
            return
    raise DropRejectedError(
        context.drop.file,
        f"{table.place}the last row",
        "a line end after the last row",
        "none: the file may be cut short",
        "Get the file again; if it is whole, end its last line and offer it so.",
    )


def _reject_blank_row(context: ReadingContext, table: Table, path: Path) -> None:
    """Raise for a blank line above a row: DuckDB passes over it and would misnumber the rows that follow."""
    blank_row = 0
    # Where the quotes are broken this gives up: DuckDB then says which row.
    with path.open(encoding=table.encoding, newline="") as lines, contextlib.suppress(csv.Error):
        for number, row in enumerate(csv.reader(lines), start=1):
            if row and blank_row:
                raise context.make_row_rejection(
                    table.member, blank_row, "a row of figures", "a blank line", CORRECT_ROW
                )
            if not row and number > table.header_row:
                blank_row = blank_row or number


def _make_csv_rejection(context: ReadingContext, table: Table, error: duckdb.Error) -> DropRejectedError:
    """Return what DuckDB said of a CSV that it cannot read, as a rejection."""
    text = str(error)
    line = re.search(r"Line: (\d+)", text)
    counts = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", text)
    if not counts and table.csv_path is not None and len(ends := _find_line_ends(table.csv_path)) > 1:
        return DropRejectedError(
            context.drop.file,
            table.member or "the whole file",
            "text with every line of it ended alike",
            f"lines ended by {' and by '.join(ends)}",
            "Get the file again; if it is published so, save it with one kind of line end and offer it so.",
        )
    kind = re.search(r"\n(?:Error: )?((?:Value with|Unterminated|Invalid|The|It was)[^\n]{5,120})", text)
    expected = f"{len(context.group.header)} columns in every row"
    if not (line or counts or kind):
        expected = "text in UTF-8 or Windows-1252, every line of it ended alike"
    found = f"{counts.group(2)} columns" if counts else (kind.group(1) if kind else text.splitlines()[0][:160])
    found = found.removeprefix("Invalid Input Error: ").rstrip(".")
    place = f"{table.place}row {line.group(1)}" if line else f"{table.place}a row below the header"
    return DropRejectedError(context.drop.file, place, expected, found, GET_IT_AGAIN)


def _find_line_ends(path: Path) -> list[str]:
    """Return the ways in which the rows of a CSV end; a line that ends within quotes ends no row."""
    outside_quotes = re.sub(rb'"[^"]*"', b"", path.read_bytes())
    counts = Counter(re.findall(rb"\r\n|\n|\r", outside_quotes))
    return [name for end, name in ((b"\r\n", "CRLF"), (b"\n", "LF"), (b"\r", "CR")) if counts[end]]


# -- keys -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OddColumns:
    """The columns of keys of which some text is odd; its rows are looked for in these alone, each in the file's order.

    It has letters beyond ASCII, white space at an end, or is a spreadsheet's error.
    """

    with_letters: list[str]
    padded: list[str]
    with_errors: list[str]


def _find_odd_columns(context: ReadingContext, table: str) -> OddColumns:
    """Look at the distinct texts of every column of keys: a file has many rows and few texts."""
    odd = OddColumns([], [], [])
    for column in context.group.key_columns:
        stripped = f"regexp_replace(text, {quote_literal(OUTER_SPACE)}, '', 'g')"
        [(has_letters, is_padded, has_errors)] = context.fetch(
            f"""
            select
                bool_or(regexp_matches(text, '[^\\x00-\\x7F]')),
                bool_or(regexp_matches(text, {quote_literal(OUTER_SPACE)})),
                bool_or({is_one_of(stripped, SPREADSHEET_MARKS)})
            from (select distinct {quote_identifier(column)} as text from {table})
            """
        )
        for columns, is_odd in (
            (odd.with_letters, has_letters),
            (odd.padded, is_padded),
            (odd.with_errors, has_errors),
        ):
            if is_odd:
                columns.append(column)
    return odd


def _find_spoilt_letters(context: ReadingContext, table: str, columns: Sequence[str]) -> list[str]:
    """Return a notice of each column of keys in which letters were lost, or encoded twice: `CafÃ©` for `Café`."""
    notices = []
    for column in columns:
        name = quote_identifier(column)
        texts = context.fetch(
            f"""
            select {name}, arg_min(source_member, source_row), min(source_row) from {table}
            where regexp_matches({name}, '[^\\x00-\\x7F]') group by 1 order by 3, 1
            """
        )
        spoilt = [(text, describe_row(member, row)) for text, member, row in texts if is_spoilt(text)]
        if spoilt:
            text, place = spoilt[0]
            more = f", and {len(spoilt) - 1:,} more texts" if len(spoilt) > 1 else ""
            what = "a text has letters that were lost, or encoded twice, before it came"
            notices.append(format_notice(what, f"{column} {text[:60]!r} ({place}){more}"))
    return notices


def is_spoilt(text: str) -> bool:
    """Whether a text holds the mark of a lost letter, or bytes of UTF-8 that were taken for letters."""
    if "\ufffd" in text:
        return True
    for encoding in ("cp1252", "latin-1"):
        with contextlib.suppress(UnicodeError):
            return text.encode(encoding).decode() != text
    return False


def _strip_keys(context: ReadingContext, table: str, columns: Sequence[str]) -> tuple[str, list[str]]:
    """Take white space off the ends of every key text, since it distinguishes no keys.

    Returns the working table to go on with, and a notice of each of the columns, which have some.
    """
    if not columns:
        return table, []
    padded = [(column, _find_padded(context, table, column)) for column in columns]
    space = quote_literal(OUTER_SPACE)
    stripped = ", ".join(
        f"regexp_replace({name}, {space}, '', 'g') as {name}"
        for name in (quote_identifier(column) for column, _ in padded)
    )
    stripped_table = context.create_table("stripped_rows", f"select * replace ({stripped}) from {table} order by rowid")
    context.connection.execute(f"drop table {table}")
    notices = []
    for column, texts in padded:
        rows = sum(times for *_, times in texts)
        named = ", ".join(
            f"{text[:60]!r} ({describe_row(member, row)})" for text, member, row, _ in texts[:NAMED_IN_NOTICES]
        )
        more = f" and {len(texts) - NAMED_IN_NOTICES} more" if len(texts) > NAMED_IN_NOTICES else ""
        subject = f"{column} {named}{more}, {rows:,} rows"
        notices.append(format_notice("white space is taken off the ends of keys", subject))
    return stripped_table, notices


def _find_padded(context: ReadingContext, table: str, column: str) -> list[tuple[str, str, int, int]]:
    """Return each text of a column with white space at an end, the first row that has it, and how many rows do."""
    return context.fetch(
        f"""
        with texts as (
            select {quote_identifier(column)} as text, count(*) as times,
                arg_min(source_member, source_row) as member, min(source_row) as first_row
            from {table} group by 1
        )
        select text, member, first_row, times from texts
        where regexp_matches(text, {quote_literal(OUTER_SPACE)}) order by first_row, text
        """
    )


def _separate_error_rows(context: ReadingContext, table: str, columns: Sequence[str]) -> list[str]:
    """Move the rows of which a key is a spreadsheet's error to ERROR_ROWS: nobody knows whose figures they are.

    Returns the notices of them. Raises DropRejectedError where no other row is left.
    """
    is_error = " or ".join(is_one_of(quote_identifier(name), SPREADSHEET_MARKS) for name in columns)
    if not columns:
        context.create_table(ERROR_ROWS, f"select * from {table} limit 0")
        return []
    context.create_table(ERROR_ROWS, f"select * from {table} where {is_error} order by rowid")
    rows = context.fetch(f"select source_member, source_row from {ERROR_ROWS} limit 6")
    context.connection.execute(f"delete from {table} where {is_error}")
    if context.count_rows(table) == 0:
        member, row = rows[0]
        found = "a spreadsheet's error in the keys of every row"
        raise context.make_row_rejection(member, row, "keys in some row", found)
    places = list_first([describe_row(member, row) for member, row in rows], context.count_rows(ERROR_ROWS))
    return [format_notice("rows with a spreadsheet's error in a key are quarantined", places)]
