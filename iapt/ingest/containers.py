"""Containers: open a CSV, XLSX or ZIP within limits and offer the tables inside, whatever their layout."""

from __future__ import annotations

import codecs
import csv
import datetime as dt
import errno
import itertools
import lzma
import re
import shutil
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from iapt.catalogue.layouts import DEEPEST_HEADER_ROW
from iapt.catalogue.limits import Limits
from iapt.ingest.notices import format_notice
from iapt.ingest.sheets import (
    Extent,
    NotMeasurableError,
    find_odd_cells,
    find_sheet_parts,
    measure_extent,
    measure_longest_string,
    write_position,
)
from iapt.rejection import DropRejectedError, show_value
from iapt.run_warnings import name_first
from iapt.sources.file_formats import (
    COMPRESSIONS,
    HEAD_BYTES,
    READ_AS,
    READABLE_COMPRESSIONS,
    Format,
    detect_wide_encoding,
    find_delimiter,
    recognise_format,
    recognise_members,
)
from iapt.sources.folder import NOTES_SUFFIXES, is_system_file

HIDDEN_SHEET = "a hidden sheet is not read"
ERROR_CELL = "a cell with a spreadsheet's error is no figure"
GET_IT_AGAIN = "Get the file again from the publisher."
LOOK_AT_THE_LIMITS = "Look at the file; a genuine larger one needs a change in catalogue/limits.yml."
DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, ValueError)
_SAVE_AGAIN = "Get the file again; if it opens in a spreadsheet program, save it there as XLSX, and offer that."
_SAVE_AS_UTF_8 = "Get the file again; if it is whole, save it as UTF-8 and offer it so."
_TABLE_SUFFIXES = (".csv", ".xlsx")
#: With fewer words than this, what a library says of a fault says nothing to a reader.
_FEWEST_WORDS_OF_A_REASON = 2
#: How many members a rejection names.
_MEMBERS_NAMED = 5


@dataclass(frozen=True)
class Table:
    """One table inside a drop: a CSV on disk, or the rows of one sheet.

    `member` names it inside the file: a ZIP member, a sheet, or both; empty for a bare CSV. `book` is the workbook a
    sheet stands in (a ZIP member, or empty for a bare XLSX); None for a CSV. `delimiter` is what stands between the
    values of a CSV, and of its `top`: one with another than a comma is not read. `notices` are those that are worth
    telling if the table is read. `header_row` is known once the table is recognised.
    """

    file: str
    member: str
    top: Sequence[Sequence[object]]
    csv_path: Path | None = None
    encoding: str = "utf-8"
    delimiter: str = ","
    sheet_rows: Sequence[Sequence[object]] | None = None
    book: str | None = None
    header_row: int = 1
    notices: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """How to begin saying where something is in this table."""
        return f"{self.member}, " if self.member else ""


#: How a sheet ends the name of its table: as it is named below, by `repr`.
_SHEET_OF_A_BOOK = re.compile(r"(?:^| )sheet (?:'.*'|\".*\")$", re.DOTALL)


def find_zip_member(table: str) -> str:
    """The ZIP member that a table of this name stands in, be it a CSV or a workbook; empty where it is in no ZIP."""
    return _SHEET_OF_A_BOOK.sub("", table)


def open_tables(path: Path, file: str, limits: Limits, scratch: Path, notices: list[str]) -> Iterator[Table]:
    """Offer every table in a drop. Members of a ZIP are unpacked into `scratch` under names of our own.

    What is passed over, such as a note inside a pack, is said in `notices`.
    Raises DropRejectedError where the container is damaged, hostile or empty.
    """
    suffix = PurePosixPath(file).suffix.lower()
    if path.stat().st_size == 0:
        raise DropRejectedError(file, "the whole file", "a published table", "an empty file", GET_IT_AGAIN)
    if suffix == ".zip":
        yield from _zip_tables(path, file, limits, scratch, notices)
    elif suffix == ".xlsx":
        yield from _xlsx_tables(path, file, "", limits, _CellAllowance(limits.max_sheet_cells), notices)
    else:
        yield _csv_table(path, file, "", scratch / "whole.csv", notices)


def _zip_tables(path: Path, file: str, limits: Limits, scratch: Path, notices: list[str]) -> Iterator[Table]:
    """The tables of a ZIP. Members that are no CSV and no XLSX are named in a notice and left."""
    allowance = _CellAllowance(limits.max_sheet_cells)
    unopened: list[tuple[str, Format]] = []
    tables = 0
    with _checked_zip(path, file, "", limits) as archive:
        for number, info in enumerate(info for info in archive.infolist() if not info.is_dir()):
            member = PurePosixPath(info.filename)
            suffix = member.suffix.lower()
            if is_system_file(member):
                notices.append(
                    format_notice("a file manager's own member is archived with the drop, unread", info.filename)
                )
                continue
            if suffix in NOTES_SUFFIXES:
                notices.append(
                    format_notice(
                        "a member that is a note, not a table, is archived with the drop, unread", info.filename
                    )
                )
                continue
            if suffix not in _TABLE_SUFFIXES:
                unopened.append((info.filename, _format_of_member(archive, info)))
                continue
            _reject_unreadable(info, file)
            unpacked = scratch / f"member-{number}{suffix}"
            _unpack(archive, info, file, unpacked)
            if suffix == ".csv":
                yield _csv_table(unpacked, file, info.filename, scratch / f"member-{number}.utf-8.csv", notices)
                tables += 1
            else:
                for table in _xlsx_tables(unpacked, file, info.filename, limits, allowance, notices):
                    yield table
                    tables += 1
    if unopened and not tables:
        named = ", ".join(f"{name} ({what.description})" for name, what in unopened[:_MEMBERS_NAMED])
        more = f" and {len(unopened) - _MEMBERS_NAMED} more" if len(unopened) > _MEMBERS_NAMED else ""
        remedy = "Unpack it, and offer the files inside as drops of their own."
        raise DropRejectedError(file, "the whole file", "CSV or XLSX members", f"{named}{more}", remedy)
    notices += [
        format_notice(
            "a member that is no table to read is archived with the drop, unread; if it holds figures, offer it as a "
            "drop of its own, as CSV or XLSX",
            f"{name} ({what.description})",
        )
        for name, what in unopened
    ]


def _format_of_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Format:
    """What a member is that is not opened, as far as its first bytes tell."""
    unknown = Format("unknown", f"a file ending in {PurePosixPath(info.filename).suffix or 'nothing'}", "")
    if info.flag_bits & 0x1 or info.compress_type not in READABLE_COMPRESSIONS:
        return unknown
    try:
        with archive.open(info) as stream:
            found = recognise_format(stream)
    except (*DAMAGED, OSError):
        return unknown
    return unknown if found.name in {"text", "binary", "nuls"} else found


def _reject_unreadable(info: zipfile.ZipInfo, file: str) -> None:
    """Raise DropRejectedError where Python could not unpack a member."""
    place = f"member {info.filename}"
    if info.flag_bits & 0x1:
        remedy = "Unpack it with its password, and offer the file inside."
        raise DropRejectedError(file, place, "a member without a password", "an encrypted member", remedy)
    if info.compress_type not in READABLE_COMPRESSIONS:
        method = COMPRESSIONS.get(info.compress_type, f"method {info.compress_type}")
        remedy = "Unpack the ZIP, and offer the file inside."
        raise DropRejectedError(file, place, "a member compressed by Deflate", f"one compressed by {method}", remedy)


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo, file: str, unpacked: Path) -> None:
    place = f"member {info.filename}"
    try:
        with archive.open(info) as source, unpacked.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
    except (*DAMAGED, OSError) as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise  # the machine's trouble, such as a full disk, not the file's
        raise DropRejectedError(file, place, "a member that unpacks", str(error), GET_IT_AGAIN) from error
    if unpacked.stat().st_size == 0:
        raise DropRejectedError(file, place, "a published table", "an empty member", GET_IT_AGAIN)


def _reject_posing(found: Format, file: str, member: str) -> None:
    """Raise DropRejectedError where a file or member is something else than its name says."""
    suffix = PurePosixPath(member or file).suffix.lower()
    named = "text" if suffix not in READ_AS else {".csv": "text", ".xlsx": "xlsx", ".zip": "zip"}[suffix]
    if found.name == named:
        return
    remedy = found.remedy
    if member:
        remedy = f"Unpack the ZIP and offer its members as drops of their own. Of this one: {remedy}"
    place = f"member {member}" if member else "the whole file"
    expected = READ_AS.get(suffix, READ_AS[".csv"])
    raise DropRejectedError(file, place, f"{expected}, as its name says", found.description, remedy)


def _checked_zip(path: Path, file: str, member: str, limits: Limits) -> zipfile.ZipFile:
    """Open a ZIP (or an XLSX, which is one) after checking its directory against the limits."""
    place = f"member {member}" if member else "the whole file"
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
        stream.seek(0)
        is_zip = zipfile.is_zipfile(stream)
        stream.seek(0)
        found = Format("zip", "", "") if is_zip else recognise_format(stream)
    if not is_zip and not head.startswith(b"PK") and found.name != "binary":
        _reject_posing(found, file, member)
    try:
        archive = zipfile.ZipFile(path)
    except (*DAMAGED, OSError) as error:
        raise DropRejectedError(file, place, "a complete ZIP container", str(error), GET_IT_AGAIN) from error
    try:
        _check_directory(archive, path, file, member, limits)
    except DropRejectedError:
        archive.close()
        raise
    return archive


def _check_directory(archive: zipfile.ZipFile, path: Path, file: str, member: str, limits: Limits) -> None:
    """Raise DropRejectedError where a ZIP's directory says that it is hostile, or not of the kind of its name."""
    place = f"member {member}" if member else "the whole file"
    is_workbook = bool(member) or PurePosixPath(file).suffix.lower() == ".xlsx"
    infos = [info for info in archive.infolist() if not info.is_dir()]
    packed = max(path.stat().st_size, 1)
    unpacked = sum(info.file_size for info in infos)
    repeated = [name for name, times in Counter(info.filename for info in infos).items() if times > 1]
    if not infos:
        raise DropRejectedError(file, place, "at least one member", "an empty container", GET_IT_AGAIN)
    if repeated:
        found = f"more than one member named {repeated[0]!r}"
        raise DropRejectedError(file, place, "every member under a name of its own", found, GET_IT_AGAIN)
    problem = None
    if unpacked > limits.max_uncompressed_bytes:
        problem = (f"at most {limits.max_uncompressed_bytes:,} bytes unpacked", f"{unpacked:,} bytes")
    elif unpacked / packed > limits.max_compression_ratio:
        problem = (f"at most {limits.max_compression_ratio} to 1 compression", f"{unpacked // packed} to 1")
    if problem:
        raise DropRejectedError(file, place, *problem, LOOK_AT_THE_LIMITS)
    for info in infos:
        parts = PurePosixPath(info.filename.replace("\\", "/"))
        if not parts.parts or parts.is_absolute() or ".." in parts.parts or ":" in parts.parts[0]:
            problem = ("member names inside the container", f"a member that leads out of it: {info.filename!r}")
        elif stat.S_ISLNK(info.external_attr >> 16):
            problem = ("plain members", f"a link: {info.filename!r}")
    if problem:
        raise DropRejectedError(file, place, *problem, GET_IT_AGAIN)
    _reject_posing(recognise_members([info.filename for info in infos]), file, member)
    if is_workbook:
        for info in infos:
            _reject_unreadable_part(info, file, place)
    elif len(infos) > limits.max_members:
        expected = f"at most {limits.max_members} members"
        raise DropRejectedError(file, place, expected, f"{len(infos)} members", LOOK_AT_THE_LIMITS)


def _reject_unreadable_part(info: zipfile.ZipInfo, file: str, place: str) -> None:
    """Raise DropRejectedError where a part of a workbook is packed as no spreadsheet program packs it."""
    if info.flag_bits & 0x1 or info.compress_type not in READABLE_COMPRESSIONS:
        method = "encrypted" if info.flag_bits & 0x1 else COMPRESSIONS.get(info.compress_type, "by an unknown method")
        remedy = "Open it in a spreadsheet program, save it as XLSX, and offer that."
        raise DropRejectedError(file, place, "parts compressed by Deflate", f"{info.filename!r}, {method}", remedy)


def _xlsx_tables(
    path: Path, file: str, member: str, limits: Limits, allowance: _CellAllowance, notices: list[str]
) -> Iterator[Table]:
    with _checked_zip(path, file, member, limits) as archive:
        looks = _check_sheets(archive, file, member, limits, allowance)
    whole = f"member {member}" if member else "the whole file"
    hidden: list[str] = []
    offered = 0
    at = ""
    try:
        workbook = CalamineWorkbook.from_path(path)
        for sheet in workbook.sheets_metadata:
            name = f"{member} sheet {sheet.name!r}".strip()
            if sheet.visible != SheetVisibleEnum.Visible:
                hidden.append(name)
                notices.append(format_notice(HIDDEN_SHEET, name))
                continue
            if sheet.typ != SheetTypeEnum.WorkSheet:
                notices.append(format_notice("a sheet that holds no cells is not read", name))
                continue
            at = name
            rows = workbook.get_sheet_by_name(sheet.name).to_python(skip_empty_area=False)
            allowance.left -= sum(map(len, rows))
            look = looks.get(sheet.name, _SheetLook())
            _write_odd_cells(rows, look.odd_cells)
            top = rows[:DEEPEST_HEADER_ROW]
            offered += 1
            yield Table(file, name, top, sheet_rows=rows, book=member, notices=tuple(look.notices(name)))
    except (CalamineError, OSError, ValueError) as error:
        found = _describe_unreadable(str(error), at)
        raise DropRejectedError(file, whole, "a readable workbook", found, _SAVE_AGAIN) from error
    if not offered and not member:
        found = f"none but hidden ones: {', '.join(hidden[:_MEMBERS_NAMED])}" if hidden else "none"
        remedy = (
            "Get the file again; if a hidden sheet is what was published, unhide it, save the workbook, and offer it."
        )
        raise DropRejectedError(file, whole, "a sheet of figures", found, remedy)


def _describe_unreadable(said: str, sheet: str) -> str:
    """What the library says of a workbook that it cannot read: often the name of an element alone."""
    where = f"{sheet}: " if sheet else ""
    if sheet.endswith(repr(said)):
        return f"{where}the part with its cells is missing"
    if len(said.split()) < _FEWEST_WORDS_OF_A_REASON:
        return f"{where}a part of it is missing, or damaged near {show_value(said)}"
    return f"{where}{show_value(said)}"


@dataclass(frozen=True)
class _SheetLook:
    """What was seen of a sheet before it was loaded: the cells that would be taken for blank, and hidden rows."""

    odd_cells: Mapping[tuple[int, int], str] = field(default_factory=dict)
    has_hidden_cells: bool = False

    def notices(self, name: str) -> Iterator[str]:
        """What to say of the sheet if it is read."""
        if self.odd_cells:
            cells = [f"{write_position(*place)} {text}" for place, text in self.odd_cells.items()]
            yield format_notice(ERROR_CELL, f"{name}, {name_first(cells, len(cells))}")
        if self.has_hidden_cells:
            yield format_notice("hidden rows and columns are read like any others", name)


def _write_odd_cells(rows: list[list[Any]], odd_cells: Mapping[tuple[int, int], str]) -> None:
    """Write into a loaded sheet what the library took for blank."""
    for (row, column), text in odd_cells.items():
        rows.extend([] for _ in range(len(rows), row))
        cells = rows[row - 1]
        cells.extend("" for _ in range(len(cells), column))
        cells[column - 1] = text


@dataclass
class _CellAllowance:
    """How many more cells the sheets of one drop may reach over: all of them are in memory together."""

    left: int


def _check_sheets(
    archive: zipfile.ZipFile, file: str, member: str, limits: Limits, allowance: _CellAllowance
) -> dict[str, _SheetLook]:
    """Reject a workbook of few bytes that would fill the memory once its sheets are loaded; else look at each sheet.

    Few cells may stand so far apart that the table between them is vast; many may repeat one long string; many sheets
    may be one part.
    """
    whole = f"member {member}" if member else "the whole file"
    parts = {info.filename.lower(): info for info in archive.infolist()}
    part_of_sheet: dict[str, str] = {}
    with _measuring(file, whole):
        if len(parts) < len(archive.infolist()):
            raise NotMeasurableError("every part under a name of its own", "names that differ only in their capitals")
        names, relations = parts.get("xl/workbook.xml"), parts.get("xl/_rels/workbook.xml.rels")
        if names and relations:
            with archive.open(names) as sheets, archive.open(relations) as targets:
                part_of_sheet = find_sheet_parts(sheets, targets)
    longest_string = 0
    if strings := parts.get("xl/sharedstrings.xml"):
        with _measuring(file, f"{member} {strings.filename}".strip()), archive.open(strings) as part:
            longest_string = measure_longest_string(part)

    extent_of_part: dict[str, Extent] = {}

    def measured(*, exactly: bool) -> Iterator[tuple[str, Extent]]:
        for info in archive.infolist():
            place = f"{member} {info.filename}".strip()
            with _measuring(file, place):
                extent = measure_extent(partial(archive.open, info), exactly=exactly)
            extent_of_part[info.filename.lower()] = extent
            yield place, extent

    extents = list(measured(exactly=False))
    if sum(extent.cells for _, extent in extents) > allowance.left:
        extents = list(measured(exactly=True))
    left = allowance.left
    for place, extent in extents:
        left -= extent.cells
        if left < 0:
            raise DropRejectedError(
                file,
                place,
                f"sheets of at most {limits.max_sheet_cells:,} cells together",
                f"one that reaches over {extent.rows:,} rows and {extent.columns:,} columns, and "
                f"{limits.max_sheet_cells - left:,} cells with those before it",
                LOOK_AT_THE_LIMITS,
            )
    written = sum(extent.written for _, extent in extents)
    if written * longest_string > limits.max_uncompressed_bytes:
        raise DropRejectedError(
            file,
            whole,
            f"cells that come to at most {limits.max_uncompressed_bytes:,} bytes",
            f"{written:,} cells that share strings of up to {longest_string:,} characters",
            LOOK_AT_THE_LIMITS,
        )
    looks: dict[str, _SheetLook] = {}
    for sheet, part_name in part_of_sheet.items():
        extent = extent_of_part.get(part_name, Extent())
        odd_cells: dict[tuple[int, int], str] = {}
        if extent.may_hold_odd_cells:
            with _measuring(file, f"{member} {part_name}".strip()):
                odd_cells = find_odd_cells(partial(archive.open, parts[part_name]))
        looks[sheet] = _SheetLook(odd_cells, extent.has_hidden_cells)
    return looks


@contextmanager
def _measuring(file: str, place: str) -> Generator[None]:
    """Reject a drop of which a part cannot be unpacked or measured."""
    try:
        yield
    except NotMeasurableError as problem:
        raise DropRejectedError(file, place, problem.expected, problem.found, GET_IT_AGAIN) from problem
    except (*DAMAGED, OSError) as error:
        raise DropRejectedError(file, place, "a workbook that unpacks", str(error), GET_IT_AGAIN) from error


def _csv_table(path: Path, file: str, member: str, utf_8: Path, notices: list[str]) -> Table:
    """A CSV as a table. What is in UTF-16 or UTF-32 is written to `utf_8` as UTF-8 and read from there."""
    place = f"member {member}" if member else "the whole file"
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
        stream.seek(0)
        found = recognise_format(stream)
    if found.name != "text" and found.name != "binary":
        _reject_posing(found, file, member)
    if not head.lstrip(b"\xef\xbb\xbf").strip():
        raise DropRejectedError(file, place, "a published table", "white space", GET_IT_AGAIN)
    if wide := detect_wide_encoding(head):
        _write_as_utf_8(path, file, place, wide, utf_8)
        name = wide.upper().removesuffix("-LE").removesuffix("-BE")
        notices.append(format_notice(f"text in {name} is read as such", member))
        path = utf_8
    encoding = _encoding(path, file, member)
    with path.open(encoding="latin-1" if encoding == "latin-1" else "utf-8-sig", newline="") as lines:
        try:
            first = list(itertools.islice(lines, DEEPEST_HEADER_ROW))
            delimiter = find_delimiter(first)
            lines.seek(0)
            rows = csv.reader(lines, delimiter=delimiter)
            top: list[list[object]] = [list(row) for row in itertools.islice(rows, DEEPEST_HEADER_ROW)]
        except csv.Error as error:
            place = f"{member}, the first rows" if member else "the first rows"
            raise DropRejectedError(file, place, "comma-separated values", str(error), GET_IT_AGAIN) from error
    return Table(file, member, top, csv_path=path, encoding=encoding, delimiter=delimiter)


def _write_as_utf_8(path: Path, file: str, place: str, encoding: str, target: Path) -> None:
    """Write a text of wide letters as UTF-8. Raises DropRejectedError where it is none."""
    decoder = codecs.getincrementaldecoder(encoding)()
    read = 0
    with path.open("rb") as source, target.open("wb") as written:
        at_end = False
        while not at_end:
            chunk = source.read(1 << 20)
            at_end = not chunk
            try:
                text = decoder.decode(chunk, final=at_end)
            except UnicodeDecodeError as error:
                name = encoding.upper()
                found = f"bytes near {read + error.start + 1:,} that are not: {error.reason}"
                raise DropRejectedError(file, place, f"text in {name}, as it begins", found, _SAVE_AS_UTF_8) from error
            read += len(chunk)
            written.write(text.encode())


def _encoding(path: Path, file: str, member: str) -> str:
    """UTF-8 where every byte fits it, else Latin-1, in which any byte is a letter; the reader tells it as Windows-1252.

    A file with NUL bytes is not text.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    encoding = "utf-8"
    with path.open("rb") as stream:
        at_end = False
        while not at_end:
            chunk = stream.read(1 << 20)
            at_end = not chunk
            if b"\0" in chunk:
                place = f"member {member}" if member else "the whole file"
                raise DropRejectedError(
                    file, place, "text in UTF-8, UTF-16 or Windows-1252", "NUL bytes", _SAVE_AS_UTF_8
                )
            if encoding == "utf-8":
                try:
                    decoder.decode(chunk, final=at_end)
                except UnicodeDecodeError:
                    encoding = "latin-1"
    return encoding


def cell_text(cell: object) -> str:
    """A spreadsheet cell as the text a person would have typed: whole numbers without `.0`, dates in ISO form."""
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
