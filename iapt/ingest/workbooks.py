"""Workbooks (XLSX): each is measured before it is loaded, and each visible sheet is offered as a table."""

from __future__ import annotations

import zipfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn

from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from iapt.catalogue.layouts import DEEPEST_HEADER_ROW
from iapt.catalogue.limits import Limits
from iapt.ingest.notices import format_notice
from iapt.ingest.packs import LOOK_AT_THE_LIMITS
from iapt.ingest.sheets import (
    Extent,
    NotMeasurableError,
    find_odd_cells,
    find_sheet_parts,
    format_position,
    measure_extent,
    measure_longest_string,
)
from iapt.ingest.tables import ERROR_CELL, GET_IT_AGAIN, HIDDEN_SHEET, NO_CELLS, Table, describe_member
from iapt.ingest.zip_files import DAMAGED, open_checked_zip
from iapt.rejection import DropRejectedError, show_value
from iapt.run_warnings import list_first

SAVE_AGAIN: Final = "Get the file again; if it opens in a spreadsheet program, save it there as XLSX, and offer that."
#: With fewer words than this, what a library says of a fault says nothing to a reader.
_FEWEST_WORDS_OF_A_REASON = 2
#: How many sheets a rejection names.
_SHEETS_NAMED = 5


def open_workbook(
    path: Path, file: str, member: str, limits: Limits, allowance: CellAllowance, notices: list[str]
) -> Iterator[Table]:
    """Yield the visible sheets of a workbook as tables; `member` names it where it is a member of a ZIP.

    What is passed over is added to `notices`, and what is loaded is taken off the allowance. Raises DropRejectedError
    where the workbook cannot be read, or is too large to be loaded.
    """
    with open_checked_zip(path, file, member, limits) as archive:
        inspections = _inspect_sheets(archive, file, member, limits, allowance)
    hidden: list[str] = []
    offered = 0
    sheet_name = ""
    try:
        workbook = CalamineWorkbook.from_path(path)
        for sheet in workbook.sheets_metadata:
            name = f"{member} sheet {sheet.name!r}".strip()
            if sheet.visible != SheetVisibleEnum.Visible:
                hidden.append(name)
                notices.append(format_notice(HIDDEN_SHEET, name))
                continue
            if sheet.typ != SheetTypeEnum.WorkSheet:
                notices.append(format_notice(NO_CELLS, name))
                continue
            sheet_name = name
            rows = workbook.get_sheet_by_name(sheet.name).to_python(skip_empty_area=False)
            allowance.remaining -= sum(map(len, rows))
            offered += 1
            yield make_sheet_table(file, name, rows, inspections.get(sheet.name, SheetInspection()))
    except (CalamineError, OSError, ValueError) as error:
        found = describe_unreadable(str(error), sheet_name)
        raise DropRejectedError(file, describe_member(member), "a readable workbook", found, SAVE_AGAIN) from error
    if not offered and not member:
        reject_without_sheets(hidden, file)


def make_sheet_table(file: str, name: str, rows: list[list[Any]], inspection: SheetInspection) -> Table:
    """Return a loaded sheet as a table, with what the library took for blank written into it."""
    _fill_odd_cells(rows, inspection.odd_cells)
    return Table(file, name, rows[:DEEPEST_HEADER_ROW], sheet_rows=rows, notices=tuple(inspection.notices(name)))


def reject_without_sheets(hidden: Sequence[str], file: str) -> NoReturn:
    """Raise the rejection of a workbook that offers no sheet; `hidden` are the names of those that it hides."""
    found = f"none but hidden ones: {', '.join(hidden[:_SHEETS_NAMED])}" if hidden else "none"
    remedy = "Get the file again; if a hidden sheet is what was published, unhide it, save the workbook, and offer it."
    raise DropRejectedError(file, describe_member(""), "a sheet of figures", found, remedy)


def describe_unreadable(message: str, sheet: str) -> str:
    """Return what the library says of a workbook that it cannot read: often the name of an element alone."""
    where = f"{sheet}: " if sheet else ""
    if sheet.endswith(repr(message)):
        return f"{where}the part with its cells is missing"
    if len(message.split()) < _FEWEST_WORDS_OF_A_REASON:
        return f"{where}a part of it is missing, or damaged near {show_value(message)}"
    return f"{where}{show_value(message)}"


@dataclass(frozen=True)
class SheetInspection:
    """What a library does not tell of a sheet: the cells that it takes for blank, and whether rows are hidden."""

    odd_cells: Mapping[tuple[int, int], str] = field(default_factory=dict)
    has_hidden_cells: bool = False

    def notices(self, name: str) -> Iterator[str]:
        """Yield what to say of the sheet if it is read."""
        if self.odd_cells:
            cells = [f"{format_position(*place)} {text}" for place, text in self.odd_cells.items()]
            yield format_notice(ERROR_CELL, f"{name}, {list_first(cells, len(cells))}")
        if self.has_hidden_cells:
            yield format_notice("hidden rows and columns are read like any others", name)


def _fill_odd_cells(rows: list[list[Any]], odd_cells: Mapping[tuple[int, int], str]) -> None:
    """Write into a loaded sheet what the library took for blank."""
    for (row, column), text in odd_cells.items():
        rows.extend([] for _ in range(len(rows), row))
        cells = rows[row - 1]
        cells.extend("" for _ in range(len(cells), column))
        cells[column - 1] = text


@dataclass
class CellAllowance:
    """How many more cells the sheets of one drop may reach over: all of them are in memory together."""

    remaining: int


def _inspect_sheets(
    archive: zipfile.ZipFile, file: str, member: str, limits: Limits, allowance: CellAllowance
) -> dict[str, SheetInspection]:
    """Return what was seen of each sheet by its name, before any is loaded.

    Raises DropRejectedError for a workbook of few bytes that would fill the memory once its sheets are loaded: few
    cells may stand so far apart that the table between them is vast; many may repeat one long string; many sheets may
    be one part.
    """
    parts = {info.filename.lower(): info for info in archive.infolist()}
    sheets: dict[str, str] = {}
    with _rejecting_unmeasurable(file, describe_member(member)):
        names, relations = parts.get("xl/workbook.xml"), parts.get("xl/_rels/workbook.xml.rels")
        if names and relations:
            with archive.open(names) as sheet_names, archive.open(relations) as targets:
                sheets = find_sheet_parts(sheet_names, targets)
    longest_string = 0
    if strings := parts.get("xl/sharedstrings.xml"):
        with _rejecting_unmeasurable(file, f"{member} {strings.filename}".strip()), archive.open(strings) as part:
            longest_string = measure_longest_string(part)
    extents = _measure_parts(archive, file, member, exactly=False)
    if sum(extent.cells for extent in extents.values()) > allowance.remaining:
        extents = _measure_parts(archive, file, member, exactly=True)
    _reject_vast_sheets(extents, file, member, limits, allowance)
    written = sum(extent.written for extent in extents.values())
    if written * longest_string > limits.max_uncompressed_bytes:
        raise DropRejectedError(
            file,
            describe_member(member),
            f"cells that come to at most {limits.max_uncompressed_bytes:,} bytes",
            f"{written:,} cells that share strings of up to {longest_string:,} characters",
            LOOK_AT_THE_LIMITS,
        )
    extent_of_part = {name.lower(): extent for name, extent in extents.items()}
    inspections: dict[str, SheetInspection] = {}
    for sheet, part_name in sheets.items():
        extent = extent_of_part.get(part_name, Extent())
        odd_cells: dict[tuple[int, int], str] = {}
        if extent.may_hold_odd_cells:
            with _rejecting_unmeasurable(file, f"{member} {part_name}".strip()):
                odd_cells = find_odd_cells(partial(archive.open, parts[part_name]))
        inspections[sheet] = SheetInspection(odd_cells, extent.has_hidden_cells)
    return inspections


def _measure_parts(archive: zipfile.ZipFile, file: str, member: str, *, exactly: bool) -> dict[str, Extent]:
    """Return how far the cells of each part reach, by the part's name."""
    extents = {}
    for info in archive.infolist():
        with _rejecting_unmeasurable(file, f"{member} {info.filename}".strip()):
            extents[info.filename] = measure_extent(partial(archive.open, info), exactly=exactly)
    return extents


def _reject_vast_sheets(
    extents: Mapping[str, Extent], file: str, member: str, limits: Limits, allowance: CellAllowance
) -> None:
    remaining = allowance.remaining
    for part, extent in extents.items():
        remaining -= extent.cells
        if remaining < 0:
            raise make_vast_sheet_rejection(extent, remaining, file, f"{member} {part}".strip(), limits)


def make_vast_sheet_rejection(
    extent: Extent, remaining: int, file: str, place: str, limits: Limits
) -> DropRejectedError:
    """Return the rejection of a drop of which a sheet leaves fewer than no cells of the allowance."""
    return DropRejectedError(
        file,
        place,
        f"sheets of at most {limits.max_sheet_cells:,} cells together",
        f"one that reaches over {extent.rows:,} rows and {extent.columns:,} columns, and "
        f"{limits.max_sheet_cells - remaining:,} cells with those before it",
        LOOK_AT_THE_LIMITS,
    )


@contextmanager
def _rejecting_unmeasurable(file: str, place: str) -> Generator[None]:
    """Reject a drop of which a part cannot be unpacked or measured."""
    try:
        yield
    except NotMeasurableError as problem:
        raise DropRejectedError(file, place, problem.expected, problem.found, GET_IT_AGAIN) from problem
    except (*DAMAGED, OSError) as error:
        raise DropRejectedError(file, place, "a workbook that unpacks", str(error), GET_IT_AGAIN) from error
