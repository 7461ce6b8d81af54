"""Old workbooks (XLS) for tests, and edits of the records in them."""

from __future__ import annotations

import datetime as dt
import io
import struct
from collections.abc import Iterator, Mapping, Sequence

import xlwt

#: The numbers of records.
SHEET_LISTED, INTERFACE, ROW, FORMULA, FILE_PASS = 0x85, 0xE1, 0x208, 0x06, 0x2F
_ERROR_NUMBERS = {
    **{"#NULL!": 0x00, "#DIV/0!": 0x07, "#VALUE!": 0x0F, "#REF!": 0x17},
    **{"#NAME?": 0x1D, "#NUM!": 0x24, "#N/A": 0x2A},
}
#: Where the records of a workbook begin that xlwt writes.
_FIRST_RECORD = 512
#: How visible a sheet is.
VISIBLE, HIDDEN, VERY_HIDDEN = 0, 1, 2


class ErrorValue(str):
    """A cell with a spreadsheet's error: `ErrorValue("#N/A")`."""


class Formula(str):
    """A cell with a formula that nobody has calculated: `Formula("1+1")`."""


def make_xls(
    sheets: Mapping[str, Sequence[Sequence[object]]],
    *,
    visibility: Mapping[str, int] | None = None,
    from_1904: bool = False,
    hidden_row: int | None = None,
    hidden_column: int | None = None,
) -> bytes:
    """Return an old workbook of these sheets. Days are written as a spreadsheet has them, as numbers with a format."""
    book = xlwt.Workbook()
    book.dates_1904 = from_1904
    day = xlwt.easyxf(num_format_str="DD/MM/YYYY")
    for name, rows in sheets.items():
        sheet = book.add_sheet(name, cell_overwrite_ok=True)
        sheet.visibility = (visibility or {}).get(name, VISIBLE)
        for at, row in enumerate(rows):
            for column, cell in enumerate(row):
                if isinstance(cell, ErrorValue):
                    sheet.row(at).set_cell_error(column, _ERROR_NUMBERS[cell])
                elif isinstance(cell, Formula):
                    sheet.write(at, column, xlwt.Formula(str(cell)))
                elif isinstance(cell, dt.date):
                    sheet.write(at, column, cell, day)
                elif cell is not None:
                    sheet.write(at, column, cell)
        if hidden_row is not None:
            sheet.row(hidden_row).hidden = True
        if hidden_column is not None:
            sheet.col(hidden_column).hidden = True
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def find_records(book: bytes, kind: int) -> Iterator[int]:
    """Yield where the records of one kind begin in a workbook of `make_xls`."""
    start = _FIRST_RECORD
    while start + 4 <= len(book):
        found, length = struct.unpack_from("<HH", book, start)
        if found == 0 and length == 0:
            return
        if found == kind:
            yield start
        start += 4 + length


def edit_record(book: bytes, kind: int, number: int, offset: int, written: bytes) -> bytes:
    """Return a workbook with some bytes of a record written over; an offset of -4 is that of the record's kind."""
    place = list(find_records(book, kind))[number] + 4 + offset
    return book[:place] + written + book[place + len(written) :]
