"""Old workbooks (XLS): each visible sheet is offered as a table, under the rules of newer ones.

xlrd loads a cell for each that the file holds, and says which are errors; only the gaps between them must be bounded.
What it does not tell, which is sheets that are no tables, formulas without a result and hidden rows, stands in the
records of the stream that it reads.
"""

from __future__ import annotations

import datetime as dt
import io
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import xlrd
from xlrd.biffh import XLRDError, error_text_from_code, unpack_string, unpack_unicode
from xlrd.book import Book
from xlrd.compdoc import CompDocError
from xlrd.sheet import Sheet
from xlrd.xldate import XLDateError, xldate_as_datetime

from iapt.catalogue.limits import Limits
from iapt.ingest.notices import format_notice
from iapt.ingest.packs import LOOK_AT_THE_LIMITS, reject_posing
from iapt.ingest.sheets import OTHER_ERROR, UNCALCULATED, Extent
from iapt.ingest.tables import HIDDEN_SHEET, NO_CELLS, Table, describe_member
from iapt.ingest.workbooks import (
    SAVE_AGAIN,
    CellAllowance,
    SheetInspection,
    describe_unreadable,
    make_sheet_table,
    make_vast_sheet_rejection,
    reject_without_sheets,
)
from iapt.rejection import DropRejectedError
from iapt.sources.file_formats import LOCKED_WORKBOOK, recognise_format

#: What xlrd raises for a workbook that is damaged: it trusts most of what it reads.
_DAMAGED: Final = (
    *(XLRDError, CompDocError, XLDateError, struct.error, ValueError, LookupError, EOFError),
    *(AssertionError, AttributeError, TypeError, ArithmeticError, NotImplementedError),
)
#: What xlrd says where a password is needed.
_ENCRYPTED: Final = "Workbook is encrypted"
# Numbers of records in the stream of a workbook.
_SHEET_LISTED, _BEGIN, _END, _FORMULAS, _ROW, _COLUMNS = 0x85, 0x809, 0x0A, (0x06, 0x206, 0x406), 0x208, 0x7D
_WORKSHEET: Final = 0
_FIRST_UNICODE_VERSION: Final = 80
_EMPTY_RESULT: Final = b"\x03"
_ROW_IS_HIDDEN, _COLUMN_IS_HIDDEN = 0x20, 0x01


@dataclass(frozen=True)
class _ListedSheet:
    """A sheet as the workbook lists it, with the place of its records in the stream."""

    name: str
    kind: int
    is_hidden: bool
    start: int


def open_old_workbook(
    path: Path, file: str, member: str, limits: Limits, allowance: CellAllowance, notices: list[str]
) -> Iterator[Table]:
    """Yield the visible sheets of an old workbook as tables; `member` names it where it is a member of a pack.

    What is passed over is added to `notices`, and what is loaded is taken off the allowance. Raises DropRejectedError
    where the workbook cannot be read, or is too large to be loaded.
    """
    place = describe_member(member)
    with path.open("rb") as stream:
        reject_posing(recognise_format(stream), ".xls", file, member)
    size = path.stat().st_size
    if size > limits.max_old_workbook_bytes:
        expected = f"an old workbook of at most {limits.max_old_workbook_bytes:,} bytes"
        raise DropRejectedError(file, place, expected, f"{size:,} bytes", LOOK_AT_THE_LIMITS)
    hidden: list[str] = []
    offered = 0
    where = ""
    try:
        book = xlrd.open_workbook(
            file_contents=path.read_bytes(), logfile=io.StringIO(), on_demand=True, ragged_rows=True
        )
        records = _copy_records(book)
        numbers = iter(range(book.nsheets))
        starts: set[int] = set()
        for listed in _list_sheets(records, book):
            name = f"{member} sheet {listed.name!r}".strip()
            number = next(numbers) if listed.kind == _WORKSHEET else None
            if listed.is_hidden:
                hidden.append(name)
                notices.append(format_notice(HIDDEN_SHEET, name))
                continue
            if number is None:
                notices.append(format_notice(NO_CELLS, name))
                continue
            if listed.start in starts:
                raise DropRejectedError(file, name, "every sheet in records of its own", "those of another", SAVE_AGAIN)
            starts.add(listed.start)
            where = name
            sheet = book.sheet_by_index(number)
            extent = Extent(sheet.nrows, sheet.ncols)
            allowance.remaining -= extent.cells
            if allowance.remaining < 0:
                raise make_vast_sheet_rejection(extent, allowance.remaining, file, name, limits)
            rows = _load_sheet(sheet, 1 if book.datemode else 0)
            inspection = _inspect_sheet(records, listed.start, dict(_find_errors(sheet)))
            book.unload_sheet(number)
            _reject_long_texts(rows, file, name, limits)
            offered += 1
            yield make_sheet_table(file, name, rows, inspection)
    except _DAMAGED as error:
        if _ENCRYPTED in str(error):
            expected, found, remedy = (
                "a workbook without a password",
                LOCKED_WORKBOOK.description,
                LOCKED_WORKBOOK.remedy,
            )
            raise DropRejectedError(file, place, expected, found, remedy) from error
        found = describe_unreadable(str(error) or "records that contradict each other", where)
        raise DropRejectedError(file, place, "a readable workbook", found, SAVE_AGAIN) from error
    if not offered and not member:
        reject_without_sheets(hidden, file)


def _copy_records(book: Book) -> bytes:
    """Return the records that xlrd reads: those of the workbook within the old Office file."""
    if book.mem is None:
        raise AssertionError("a workbook without its bytes")
    return bytes(book.mem[book.base : book.base + book.stream_len])


def _iterate_records(stream: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    """Yield the records from a place on, up to the end of what begins there; what stands within it is passed over."""
    depth = 0
    while start + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, start)
        content = stream[start + 4 : start + 4 + length]
        start += 4 + length
        depth += (kind == _BEGIN) - (kind == _END)
        if depth < 1:
            return
        if depth == 1:
            yield kind, content


def _list_sheets(stream: bytes, book: Book) -> list[_ListedSheet]:
    """Return the sheets of a workbook in their order, those too that hold no cells, which xlrd leaves out."""
    listed: list[_ListedSheet] = []
    for kind, content in _iterate_records(stream, 0):
        if kind == _SHEET_LISTED:
            start, visibility, sheet_kind = struct.unpack_from("<iBB", content)
            if book.biff_version >= _FIRST_UNICODE_VERSION:
                name = unpack_unicode(content, 6, lenlen=1)
            else:
                name = unpack_string(content, 6, book.encoding or "latin-1", lenlen=1)
            listed.append(_ListedSheet(name, sheet_kind, visibility & 0x3 != 0, start))
    if [sheet.name for sheet in listed if sheet.kind == _WORKSHEET] != book.sheet_names():
        raise ValueError("sheets that the workbook does not list")
    return listed


def _load_sheet(sheet: Sheet, date_mode: Literal[0, 1]) -> list[list[Any]]:
    """Return the cells of a sheet as rows of equal length, a blank one as an empty text."""
    rows: list[list[Any]] = []
    for row in range(sheet.nrows):
        cells = [
            _read_cell(kind, value, date_mode)
            for kind, value in zip(sheet.row_types(row), sheet.row_values(row), strict=True)
        ]
        rows.append(cells + [""] * (sheet.ncols - len(cells)))
    return rows


def _read_cell(kind: int, value: Any, date_mode: Literal[0, 1]) -> Any:
    if kind == xlrd.XL_CELL_DATE:
        try:
            return _read_date(value, date_mode)
        except (XLDateError, ValueError, OverflowError):
            return value  # a number in the form of a date that no calendar has
    if kind == xlrd.XL_CELL_BOOLEAN:
        return bool(value)
    return value if kind in {xlrd.XL_CELL_TEXT, xlrd.XL_CELL_NUMBER} else ""


def _read_date(value: float, date_mode: Literal[0, 1]) -> dt.datetime | dt.time:
    """Return a day with its time, or a time alone where there is no day."""
    read = xldate_as_datetime(value, date_mode)
    return read.time() if 0 <= value < 1 else read


def _find_errors(sheet: Sheet) -> Iterator[tuple[tuple[int, int], str]]:
    """Yield the cells that hold an error, by row and column from 1."""
    for row in range(sheet.nrows):
        kinds = sheet.row_types(row)
        if xlrd.XL_CELL_ERROR in kinds:
            for column, kind in enumerate(kinds):
                if kind == xlrd.XL_CELL_ERROR:
                    text = error_text_from_code.get(int(sheet.cell_value(row, column)), OTHER_ERROR)
                    yield (row + 1, column + 1), text


def _inspect_sheet(stream: bytes, start: int, errors: Mapping[tuple[int, int], str]) -> SheetInspection:
    """Return the errors of a sheet with what xlrd does not tell: formulas saved without a result, and hidden rows."""
    odd_cells = dict(errors)
    has_hidden_cells = False
    for kind, content in _iterate_records(stream, start):
        if kind in _FORMULAS and content[6:7] == _EMPTY_RESULT and content[12:14] == b"\xff\xff":
            row, column = struct.unpack_from("<HH", content)
            odd_cells[row + 1, column + 1] = UNCALCULATED
        elif kind == _ROW and len(content) > 12:
            has_hidden_cells = has_hidden_cells or bool(content[12] & _ROW_IS_HIDDEN)
        elif kind == _COLUMNS and len(content) > 8:
            has_hidden_cells = has_hidden_cells or bool(content[8] & _COLUMN_IS_HIDDEN)
    return SheetInspection(odd_cells, has_hidden_cells)


def _reject_long_texts(rows: list[list[Any]], file: str, place: str, limits: Limits) -> None:
    """Raise DropRejectedError where cells repeat texts so long that they come to more than the limit."""
    length = sum(len(cell) for row in rows for cell in row if isinstance(cell, str))
    if length > limits.max_uncompressed_bytes:
        expected = f"cells that come to at most {limits.max_uncompressed_bytes:,} bytes"
        raise DropRejectedError(file, place, expected, f"texts of {length:,} characters", LOOK_AT_THE_LIMITS)
