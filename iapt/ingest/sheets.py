"""Sheets: what loading a workbook would cost, found in its parts before any of it is loaded.

The library that loads a sheet believes every cell that says where it stands and makes room for all the cells between:
one cell can cost the machine its memory. So each sheet is measured first, and what cannot be measured is rejected.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import IO, Final
from xml.parsers import expat

LAST_ROW: Final = 1_048_576  # Excel's own
LAST_COLUMN: Final = 16_384  # XFD, Excel's own
_WINDOW: Final = 1 << 20
_LONGEST_TAG: Final = 1 << 16
_LONGEST_ERROR: Final = 64
_SHEET = b"sheetData"
# Every place where a parser, however lenient, could see a cell begin: comments are not recognised, so that none hides
# one. The prefix of a namespace is rare, and costly to look for.
_CELL = re.compile(rb"<c(?=[\s/>])[^<>]*")
_ANY_CELL = re.compile(rb"<(?:[^\s<>/]*:)?c(?=[\s/>])[^<>]*")
_PREFIXED_CELL = re.compile(rb":c[\s/>]")
_ATTRIBUTE = rb"""\s+([^\s=<>"'/]+)\s*=\s*(?:"([^"<>]*)"|'([^'<>]*)')"""
_ATTRIBUTES = re.compile(_ATTRIBUTE)
_PLAIN_CELL = re.compile(rb"<(?:[^\s<>/]*:)?c(?:" + _ATTRIBUTE + rb")*\s*/?")
_PLAIN_POSITION = re.compile(rb"[A-Za-z]{1,3}[0-9]{1,7}")
_POSITION = re.compile(rb"""\sr\s*=\s*["']([A-Za-z]{1,3}[0-9]{1,7})["']""")
_ERROR_CELL = re.compile(rb"""\st\s*=\s*(?:"e"|'e')""")
# What a formula may begin with: many short looks are sooner done than one for every prefix of a namespace.
_FORMULAS: Final = tuple(before + b"f" + after for before in (b"<", b":") for after in (b">", b" ", b"/", b"\t", b"\n"))
# The library that loads a sheet takes the text of a value up to any of these, or none of it, and says nothing.
_MARKUP_IN_VALUE = re.compile(rb"v>[^<]*<[^/][^<>]{0,20}")
_MARKUP_IN_MARKED_VALUE = re.compile(rb"<v\s[^<>]*>[^<]*<[^/][^<>]{0,20}")
_REFERENCE_IN_VALUE = re.compile(rb"[<:]v(?:\s[^<>]*)?>[^<]*&")
_TEXT_CELL = re.compile(rb"""<c\s[^<>]*\bt\s*=\s*["'](?:str|inlineStr|e)["'][^<>]*>(?:<f[^<>]*>(?:[^<]*</f>)?)?$""")
_ROW_NUMBER = re.compile(rb"""[<:]row\s(?:[^<>]*?\s)?r\s*=\s*["']([0-9]{1,7})["']""")
_LONGEST_CELL: Final = 1 << 12
_HIDDEN = re.compile(rb"""<(?:[^\s<>/]*:)?(?:row|col)\s[^<>]*\bhidden\s*=\s*["'](?:1|true|on)["']""")
_DECLARED_ENCODING = re.compile(rb"""^\s*<\?xml[^>]*?\sencoding\s*=\s*["']([^"']*)["']""")
_READ_ENCODINGS: Final = frozenset({b"utf-8", b"utf8", b"us-ascii", b"ascii"})
_ERROR_TEXT: Final = re.compile(r"#[A-Z0-9/_?! ]{1,20}")
#: How an error may be written, by a spreadsheet or in text that was saved from one.
SPREADSHEET_ERRORS: Final = (
    *("#N/A", "#DIV/0!", "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!", "#GETTING_DATA", "#SPILL!", "#CALC!"),
    *("#FIELD!", "#BLOCKED!", "#CONNECT!", "#UNKNOWN!", "#BUSY!", "#PYTHON!", "#EXTERNAL!", "#ERROR!", "Err:502"),
    *("Err:503", "Err:504", "Err:508", "Err:509", "Err:511", "Err:519", "Err:522"),
)
ERROR_REASON: Final = "a spreadsheet's error is neither a value nor a suppression"
#: What a cell of an error that no spreadsheet is known to write reads as.
OTHER_ERROR: Final = "#ERROR!"
#: What a cell reads as whose formula was saved without a result.
UNCALCULATED: Final = "(a formula without a result)"
UNCALCULATED_REASON: Final = "a formula that was saved without its result is neither a value nor a suppression"
_NO_DOCTYPE: Final = ("XML without a document type", "a document type, which may define entities")
_DIGITS: Final = b"0123456789"
_LETTERS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ALL_DIGITS_ALIKE = bytes.maketrans(_DIGITS, b"0" * 10)


class NotMeasurableError(Exception):
    """A part of a workbook is not as spreadsheets write it: what was expected and what was found."""

    def __init__(self, expected: str, found: str) -> None:
        """Say both in words that finish `expected ...; found ...`."""
        super().__init__(f"expected {expected}; found {found}")
        self.expected = expected
        self.found = found


@dataclass
class Extent:
    """How far a sheet reaches from its first cell, and how many cells it writes down."""

    rows: int = 0
    columns: int = 0
    written: int = 0
    may_hold_odd_cells: bool = field(default=False, compare=False)
    has_hidden_cells: bool = field(default=False, compare=False)

    @property
    def cells(self) -> int:
        """How many cells a table must have that holds them all."""
        return self.rows * self.columns

    def reach(self, rows: int, columns: int) -> None:
        """Take in a cell. Raises NotMeasurableError where Excel has no such row or column."""
        if rows > LAST_ROW or columns > LAST_COLUMN:
            raise NotMeasurableError(
                f"cells within the {LAST_ROW:,} rows and {LAST_COLUMN:,} columns of a sheet",
                f"one in row {rows:,}, column {columns:,}",
            )
        self.rows, self.columns = max(self.rows, rows), max(self.columns, columns)


def measure_extent(open_part: Callable[[], IO[bytes]], *, exactly: bool) -> Extent:
    """Return how far the cells of a part reach; an empty extent for a part that is no sheet.

    Where not exactly, rows are rounded up to their number of digits, 999 for 345: that needs a look at each kind of
    cell and not at each cell, and will do wherever the limit is not near.

    Nearly every spreadsheet says of every cell where it stands, and regular expressions find that several times sooner
    than a parser. Only a sheet that leaves cells to follow from those before them is parsed.
    """
    extent = Extent()
    plain: set[bytes] = set()
    look_at_each = exactly
    with open_part() as part:
        for tags in _find_cell_tags(part, extent):
            joined = b">".join(tags)
            shapes = set(joined.translate(_ALL_DIGITS_ALIKE).split(b">")) - plain
            positions = [_find_position(shape) for shape in shapes]
            extent.may_hold_odd_cells = extent.may_hold_odd_cells or any(map(_ERROR_CELL.search, shapes))
            if not all(positions):
                return _parse_extent(open_part, may_hold_odd_cells=True)
            plain |= shapes
            for position in positions:
                letters = position.rstrip(_DIGITS)
                rounded_up = 10 ** (len(position) - len(letters)) - 1
                look_at_each = look_at_each or rounded_up > LAST_ROW
                extent.reach(1 if look_at_each else rounded_up, _parse_column(letters))
            if look_at_each:
                rows = b" ".join(_POSITION.findall(joined)).translate(None, _LETTERS)
                extent.reach(max(map(int, rows.split())), 1)
            extent.written += len(tags)
    return extent


def _find_cell_tags(part: IO[bytes], extent: Extent) -> Iterator[list[bytes]]:
    """Yield the opening tags of the cells of a sheet without their `>`, some at a time; none of any other part.

    Whether the sheet has formulas and hidden rows or columns is noted in `extent`.
    """
    rest, before, in_sheet, is_first, last_row = b"", b"", False, True, 0
    while chunk := part.read(_WINDOW):
        window = rest + chunk
        if is_first:
            _reject_other_encoding(window)
            is_first = False
        if b"hidden" in window and _HIDDEN.search(window):
            extent.has_hidden_cells = True
        if not extent.may_hold_odd_cells and any(formula in window for formula in _FORMULAS):
            extent.may_hold_odd_cells = True
        rest = window[max(window.rfind(b"<"), 0) :]
        rest = b"" if b">" in rest else rest  # only a tag that the window cuts is looked at again
        if not in_sheet and b"<!DOCTYPE" in window:
            raise NotMeasurableError(*_NO_DOCTYPE)
        in_sheet = in_sheet or _SHEET in window
        if in_sheet and len(rest) > _LONGEST_TAG:
            raise NotMeasurableError("tags of an ordinary length", f"one of more than {_LONGEST_TAG:,} bytes")
        if in_sheet:
            complete = window[: len(window) - len(rest)]
            _reject_odd_values(before + complete)
            before = complete[-_LONGEST_CELL:]
            for row in map(int, _ROW_NUMBER.findall(complete)):
                if row <= last_row:
                    raise NotMeasurableError("rows in their order, each once", f"row {row:,} after row {last_row:,}")
                last_row = row
            if tags := (_ANY_CELL if _PREFIXED_CELL.search(complete) else _CELL).findall(complete):
                yield tags
        rest = rest[-_LONGEST_TAG:]


def _reject_odd_values(cells: bytes) -> None:
    """Raise NotMeasurableError where the value of a cell is written so that it would be read as another, or as none."""
    if markup := _MARKUP_IN_VALUE.search(cells) or _MARKUP_IN_MARKED_VALUE.search(cells):
        raise NotMeasurableError(*_make_odd_value(markup[0]))
    if b"&" in cells:
        for reference in _REFERENCE_IN_VALUE.finditer(cells):
            if not _TEXT_CELL.search(cells, max(reference.start() - _LONGEST_CELL, 0), reference.start()):
                raise NotMeasurableError(*_make_odd_value(reference[0]))


def _make_odd_value(value: bytes) -> tuple[str, str]:
    return "values that stand plainly in their cells, such as <v>12</v>", repr(value[:80].decode("latin-1"))


def _reject_other_encoding(start: bytes) -> None:
    """Raise NotMeasurableError where a part is XML in another encoding than UTF-8: no cell of it would be seen here."""
    if start.startswith((b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")):
        raise NotMeasurableError("XML in UTF-8", "XML in UTF-16")
    declared = _DECLARED_ENCODING.match(start[:1024].removeprefix(b"\xef\xbb\xbf"))
    if declared and declared[1].lower() not in _READ_ENCODINGS:
        raise NotMeasurableError(
            "XML in UTF-8", f"XML that declares the encoding {declared[1][:40].decode('latin-1')!r}"
        )


def _find_position(shape: bytes) -> bytes:
    """Return where a cell like this says it stands; empty where it does not say.

    Raises NotMeasurableError where parsers may differ on what it says.
    """
    names: list[bytes] = []
    positions: list[bytes] = []
    for name, quoted, otherwise_quoted in _ATTRIBUTES.findall(shape):
        names.append(name)
        if name == b"r":
            positions.append(quoted or otherwise_quoted)
    plain = _PLAIN_CELL.fullmatch(shape) and len(names) == len(set(names))
    if not plain or not all(_PLAIN_POSITION.fullmatch(position) for position in positions):
        raise _not_plain(shape, " (each digit shown as 0)")
    return positions[0] if positions else b""


def _not_plain(cell: bytes, how_shown: str = "") -> NotMeasurableError:
    return NotMeasurableError(
        "cells that say plainly where they stand, such as r='B12'", f"{cell[:80].decode('latin-1')!r}{how_shown}"
    )


def _parse_column(letters: bytes) -> int:
    """Return the number of a column: 1 for A, 27 for AA."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - ord("A") + 1
    return number


def find_odd_cells(open_part: Callable[[], IO[bytes]]) -> dict[tuple[int, int], str]:
    """Return the cells of a sheet that hold an error, or a formula without a result, by row and column from 1.

    The library that loads a sheet takes all of them for blank.
    """
    odd_cells: dict[tuple[int, int], str] = {}
    here: tuple[int, int] | None = None
    is_error = has_formula = in_value = False
    value = ""

    def start_cell(row: int, column: int, attributes: dict[str, str]) -> None:
        nonlocal here, is_error, has_formula, value
        here, is_error, has_formula, value = (row, column), attributes.get("t") == "e", False, ""

    def start(tag: str, _: dict[str, str]) -> None:
        nonlocal has_formula, in_value
        has_formula = has_formula or tag == "f"
        in_value = tag in {"v", "is"}

    def text(characters: str) -> None:
        nonlocal value
        if in_value and len(value) < _LONGEST_ERROR:
            value += characters

    def end(tag: str) -> None:
        nonlocal here, in_value
        in_value = in_value and tag not in {"v", "is"}
        if tag == "c" and here is not None:
            if is_error:
                odd_cells[here] = value.strip() if _ERROR_TEXT.fullmatch(value.strip()) else OTHER_ERROR
            elif has_formula and not value:
                odd_cells[here] = UNCALCULATED
            here = None

    _parse_extent(open_part, start_cell, start, end, text)
    return odd_cells


def _parse_extent(
    open_part: Callable[[], IO[bytes]],
    start_cell: Callable[[int, int, dict[str, str]], None] | None = None,
    start_other: Callable[[str, dict[str, str]], None] | None = None,
    end_any: Callable[[str], None] | None = None,
    text: Callable[[str], None] | None = None,
    *,
    may_hold_odd_cells: bool = False,
) -> Extent:
    """Return how far a sheet reaches of which some cells stand where those before them leave off.

    The callbacks get each cell with its place, each other element, each end of one, and each piece of text.
    """
    extent = Extent(may_hold_odd_cells=may_hold_odd_cells)
    row, column = 1, 1  # where a cell that does not say stands

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal row, column
        kind, place = _strip_prefix(tag), attributes.get("r", "")
        if kind in {"row", "col"} and attributes.get("hidden") in {"1", "true", "on"}:
            extent.has_hidden_cells = True
        if kind == "row" and place:
            if not re.fullmatch("[0-9]{1,7}", place):
                raise NotMeasurableError("rows that say plainly where they stand, such as r='12'", f"{place[:80]!r}")
            row = int(place)
        elif kind == "c":
            here = row
            if place:
                position = place.encode()
                if not _PLAIN_POSITION.fullmatch(position):
                    raise _not_plain(position)
                here, column = int(position.lstrip(_LETTERS)), _parse_column(position.rstrip(_DIGITS))
            extent.reach(here, column)
            extent.written += 1
            if start_cell is not None:
                start_cell(here, column, attributes)
            column += 1
        if start_other is not None and kind != "c":
            start_other(kind, attributes)

    def end(tag: str) -> None:
        nonlocal row, column
        if end_any is not None:
            end_any(_strip_prefix(tag))
        if _strip_prefix(tag) == "row":
            row, column = row + 1, 1

    with open_part() as part:
        _parse(part, start, end, text)
    return extent


def measure_longest_string(part: IO[bytes]) -> int:
    """Return the length of the longest string that the sheets of a workbook share; cells may repeat it at no cost."""
    longest = length = 0

    def start(tag: str, _: dict[str, str]) -> None:
        nonlocal length
        length = 0 if _strip_prefix(tag) == "si" else length

    def text(characters: str) -> None:
        nonlocal length, longest
        length += len(characters)
        longest = max(longest, length)

    _parse(part, start, None, text)
    return longest


def find_sheet_parts(workbook: IO[bytes], relations: IO[bytes]) -> dict[str, str]:
    """Return the part in which each sheet of a workbook stands, in small letters, by the sheet's name.

    Raises NotMeasurableError where two sheets are one part: each would be loaded as if it stood alone.
    """
    sheets: list[tuple[str, str]] = []
    targets: dict[str, str] = {}
    parts: list[str] = []

    def sheet(tag: str, attributes: dict[str, str]) -> None:
        if _strip_prefix(tag) == "sheet":
            ids = (value for name, value in attributes.items() if _strip_prefix(name) == "id")
            sheets.append((attributes.get("name", ""), next(ids, "")))

    def relation(tag: str, attributes: dict[str, str]) -> None:
        if _strip_prefix(tag) == "Relationship":
            target = attributes.get("Target", "")
            # A target may be written from the root or not; the folder and name at its end are the same.
            parts.append("/".join(PurePosixPath(target).parts[-2:]).casefold())
            rooted = target.startswith("/") or target.lower().startswith("xl/")
            targets[attributes.get("Id", "")] = (target.lstrip("/") if rooted else f"xl/{target}").lower()

    _parse(workbook, sheet, None)
    _parse(relations, relation, None)
    for name, times in (Counter(id_ for _, id_ in sheets if id_) | Counter(parts)).items():
        if times > 1:
            raise NotMeasurableError("every sheet in a part of its own", f"{name!r} {times:,} times")
    return {name: targets[id_] for name, id_ in sheets if id_ in targets}


def format_position(row: int, column: int) -> str:
    """Return where a cell stands as a spreadsheet says it: `B12` for row 12, column 2."""
    letters = ""
    while column:
        column, letter = divmod(column - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return f"{letters}{row}"


def _strip_prefix(name: str) -> str:
    """Return a name without the prefix of its namespace."""
    return name.rpartition(":")[2]


def _parse(
    part: IO[bytes],
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None] | None,
    text: Callable[[str], None] | None = None,
) -> None:
    """Parse a part as it is read. Raises NotMeasurableError where it is not well formed, or defines entities."""

    def reject_doctype(*_: object) -> None:
        raise NotMeasurableError(*_NO_DOCTYPE)

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = reject_doctype
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    try:
        while chunk := part.read(_WINDOW):
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        # An encoding that nobody knows is a LookupError, one of many bytes a letter a ValueError.
        raise NotMeasurableError("well-formed XML in UTF-8", str(error)) from error
