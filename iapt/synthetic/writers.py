"""Bytes that are the same on every run and machine: CSV, ZIP and XLSX files without clocks or compression.

A compressed stream depends on the library that made it, so containers store their members as they are.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

import xlsxwriter

from iapt.synthetic.layouts import Cell

_ZIP_DAY = (1980, 1, 1, 0, 0, 0)  # the earliest a ZIP can hold
_CREATED = datetime(2020, 1, 1)
_UNIX = 3


def encode_lines(lines: Iterable[str]) -> bytes:
    """Lines, each with its own end, as UTF-8 without a byte order mark."""
    return "".join(lines).encode("utf-8")


def make_zip(members: Mapping[str, bytes]) -> bytes:
    """A ZIP of members in the order given."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name, _ZIP_DAY)
            entry.create_system = _UNIX
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


def make_workbook(sheets: Mapping[str, Iterable[Sequence[Cell]]], *, day_format: str) -> bytes:
    """An XLSX workbook: rows of text, numbers and true dates; an empty text is an empty cell."""
    with zipfile.ZipFile(_write_workbook(sheets, day_format)) as archive:
        return make_zip({name: archive.read(name) for name in archive.namelist()})


def _write_workbook(sheets: Mapping[str, Iterable[Sequence[Cell]]], day_format: str) -> io.BytesIO:
    """A workbook with a clock and compression in it. What it was made from, ten times as large, is let go of."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        book.set_properties({"created": _CREATED, "title": "Synthetic demonstration data"})
        day = book.add_format({"num_format": day_format})
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for place, row in enumerate(rows):
                for column, cell in enumerate(row):
                    if isinstance(cell, date):
                        # It takes a day without a time too, which its types do not say.
                        sheet.write_datetime(place, column, cell, day)  # pyrefly: ignore[no-matching-overload]
                    elif isinstance(cell, str):
                        if cell:
                            sheet.write_string(place, column, cell)
                    else:
                        sheet.write_number(place, column, cell)
    return buffer
