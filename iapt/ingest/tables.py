"""Tables: what a drop holds, whatever container they came in."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

GET_IT_AGAIN = "Get the file again from the publisher."
HIDDEN_SHEET = "a hidden sheet is not read"
NO_CELLS = "a sheet that holds no cells is not read"
ERROR_CELL = "a cell with a spreadsheet's error is no figure"


@dataclass(frozen=True)
class Table:
    """One table inside a drop: a CSV on disk, or the rows of one sheet.

    `member` names it inside the file: a ZIP member, a sheet, or both; empty for a bare CSV. `delimiter` is what stands
    between the values of a CSV, and of its `top`: one with another than a comma is not read. `may_have_blank_rows` is
    False of a CSV that has no blank line. `notices` are those to
    give if the table is read. `header_row`, from 1, is known once the table is recognised.
    """

    file: str
    member: str
    top: Sequence[Sequence[object]]
    csv_path: Path | None = None
    encoding: str = "utf-8"
    delimiter: str = ","
    may_have_blank_rows: bool = True
    sheet_rows: Sequence[Sequence[object]] | None = None
    header_row: int = 1
    notices: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """The beginning of a place in this table, as an error names it."""
        return f"{self.member}, " if self.member else ""


#: How a sheet ends the name of its table: as it is named below, by `repr`.
_SHEET_OF_A_BOOK = re.compile(r"(?:^| )sheet (?:'.*'|\".*\")$", re.DOTALL)


def find_zip_member(table: str) -> str:
    """Return the ZIP member that a table of this name stands in, a CSV or a workbook; empty where it is in no ZIP."""
    return _SHEET_OF_A_BOOK.sub("", table)


def describe_member(member: str) -> str:
    """Return where something is that is true of a whole member of a ZIP, or of a whole drop (an empty name)."""
    return f"member {member}" if member else "the whole file"


def format_cell(cell: object) -> str:
    """Return a spreadsheet cell as a person would have typed it: whole numbers without `.0`, dates in ISO form."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat()
    if isinstance(cell, (dt.date, dt.time)):
        return cell.isoformat()
    return str(cell)
