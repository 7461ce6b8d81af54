"""Containers: open a CSV, XLSX or ZIP within limits and offer the tables inside, whatever their layout."""

from __future__ import annotations

import codecs
import csv
import datetime as dt
import errno
import itertools
import lzma
import shutil
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from python_calamine import CalamineError, CalamineWorkbook

from orchestration.drops.catalogue import Limits
from orchestration.drops.layouts import DEEPEST_HEADER_ROW
from orchestration.drops.refusals import DropRefused
from orchestration.drops.sheets import Extent, NotMeasurable, extent_of, longest_string_of, refuse_shared_sheets
from orchestration.drops.sources import NOTES_SUFFIXES

GET_IT_AGAIN = "Get the file again from the publisher."
LOOK_AT_THE_LIMITS = "Look at the file; a genuine larger one needs a change in catalogue/limits.yml."
DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, ValueError)
# What the managers of files leave in every folder they look into, and so in a ZIP of one.
_DROPPINGS = frozenset({".ds_store", "thumbs.db", "desktop.ini"})


@dataclass(frozen=True)
class Table:
    """One table inside a drop: a CSV on disk, or the rows of one sheet.

    `member` names it inside the file: a ZIP member, a sheet, or both; empty for a bare CSV. `book` is the workbook a
    sheet stands in (a ZIP member, or empty for a bare XLSX); None for a CSV.
    """

    file: str
    member: str
    top: Sequence[Sequence[object]]
    csv_path: Path | None = None
    encoding: str = "utf-8"
    sheet_rows: Sequence[Sequence[object]] | None = None
    book: str | None = None

    @property
    def place(self) -> str:
        """How to begin saying where something is in this table."""
        return f"{self.member}, " if self.member else ""


def open_tables(path: Path, file: str, limits: Limits, scratch: Path, notices: list[str]) -> Iterator[Table]:
    """Offer every table in a drop. Members of a ZIP are unpacked into `scratch` under names of our own.

    What is passed over, such as a note inside a pack, is said in `notices`.
    Raises DropRefused where the container is damaged, hostile or empty.
    """
    suffix = PurePosixPath(file).suffix.lower()
    if path.stat().st_size == 0:
        raise DropRefused(file, "the whole file", "a published table", "an empty file", GET_IT_AGAIN)
    if suffix == ".zip":
        yield from _zip_tables(path, file, limits, scratch, notices)
    elif suffix == ".xlsx":
        yield from _xlsx_tables(path, file, "", limits, _CellAllowance(limits.max_sheet_cells))
    else:
        yield _csv_table(path, file, "")


def _zip_tables(path: Path, file: str, limits: Limits, scratch: Path, notices: list[str]) -> Iterator[Table]:
    allowance = _CellAllowance(limits.max_sheet_cells)
    with _checked_zip(path, file, "", limits) as archive:
        members = [info for info in archive.infolist() if not info.is_dir()]
        for number, info in enumerate(members):
            member = PurePosixPath(info.filename)
            if _is_dropping(member):
                notices.append(f"member {info.filename} is a file manager's own; it is kept with the drop, unread")
                continue
            if member.suffix.lower() in NOTES_SUFFIXES:
                notices.append(f"member {info.filename} is a note, not a table; it is kept with the drop, unread")
                continue
            if member.suffix.lower() not in {".csv", ".xlsx"}:
                raise DropRefused(
                    file,
                    f"member {info.filename}",
                    "CSV or XLSX members",
                    f"a member ending in {member.suffix or 'nothing'}",
                    "A container inside a container is not opened: offer the inner files as drops of their own.",
                )
            unpacked = scratch / f"member-{number}{member.suffix.lower()}"
            try:
                with archive.open(info) as source, unpacked.open("wb") as target:
                    shutil.copyfileobj(source, target, 1 << 20)
            except (*DAMAGED, OSError) as error:
                if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
                    raise  # the machine's trouble, such as a full disk, not the file's
                raise DropRefused(
                    file, f"member {info.filename}", "a member that unpacks", str(error), GET_IT_AGAIN
                ) from error
            if unpacked.stat().st_size == 0:
                raise DropRefused(file, f"member {info.filename}", "a published table", "an empty member", GET_IT_AGAIN)
            if member.suffix.lower() == ".csv":
                yield _csv_table(unpacked, file, info.filename)
            else:
                yield from _xlsx_tables(unpacked, file, info.filename, limits, allowance)


def _is_dropping(member: PurePosixPath) -> bool:
    """Whether a file manager left this in the pack: as in a folder of drops, hidden files are nobody's tables."""
    return "__MACOSX" in member.parts or member.name.startswith(".") or member.name.lower() in _DROPPINGS


def _checked_zip(path: Path, file: str, member: str, limits: Limits) -> zipfile.ZipFile:
    """Open a ZIP (or an XLSX, which is one) after checking its directory against the limits."""
    place = f"member {member}" if member else "the whole file"
    try:
        archive = zipfile.ZipFile(path)
    except (*DAMAGED, OSError) as error:
        raise DropRefused(file, place, "a complete ZIP container", str(error), GET_IT_AGAIN) from error
    infos = [info for info in archive.infolist() if not info.is_dir()]
    packed = max(path.stat().st_size, 1)
    unpacked = sum(info.file_size for info in infos)
    repeated = [name for name, times in Counter(info.filename for info in infos).items() if times > 1]
    problem = None
    if not infos:
        problem = ("at least one member", "an empty container")
    elif repeated:
        problem = ("every member under a name of its own", f"more than one member named {repeated[0]!r}")
    elif len(infos) > limits.max_members and not member and path.suffix.lower() != ".xlsx":
        problem = (f"at most {limits.max_members} members", f"{len(infos)} members")
    elif unpacked > limits.max_uncompressed_bytes:
        problem = (f"at most {limits.max_uncompressed_bytes:,} bytes unpacked", f"{unpacked:,} bytes")
    elif unpacked / packed > limits.max_compression_ratio:
        problem = (f"at most {limits.max_compression_ratio} to 1 compression", f"{unpacked // packed} to 1")
    else:
        for info in infos:
            parts = PurePosixPath(info.filename.replace("\\", "/"))
            if not parts.parts or parts.is_absolute() or ".." in parts.parts or ":" in parts.parts[0]:
                problem = ("member names inside the container", f"a member that leads out of it: {info.filename!r}")
            elif info.flag_bits & 0x1:
                problem = ("members without a password", f"an encrypted member: {info.filename!r}")
            elif stat.S_ISLNK(info.external_attr >> 16):
                problem = ("plain members", f"a link: {info.filename!r}")
    if problem:
        archive.close()
        raise DropRefused(file, place, *problem, LOOK_AT_THE_LIMITS)
    return archive


def _xlsx_tables(path: Path, file: str, member: str, limits: Limits, allowance: _CellAllowance) -> Iterator[Table]:
    with _checked_zip(path, file, member, limits) as archive:
        _check_sheets(archive, file, member, limits, allowance)
    try:
        workbook = CalamineWorkbook.from_path(path)
        for sheet in workbook.sheet_names:
            rows = workbook.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
            allowance.left -= sum(map(len, rows))
            name = f"{member} sheet {sheet!r}".strip()
            yield Table(file, name, rows[:DEEPEST_HEADER_ROW], sheet_rows=rows, book=member)
    except (CalamineError, OSError, ValueError) as error:
        raise DropRefused(
            file, f"member {member}" if member else "the whole file", "a readable workbook", str(error), GET_IT_AGAIN
        ) from error


@dataclass
class _CellAllowance:
    """How many more cells the sheets of one drop may reach over: all of them are in memory together."""

    left: int


def _check_sheets(archive: zipfile.ZipFile, file: str, member: str, limits: Limits, allowance: _CellAllowance) -> None:
    """Refuse a workbook of few bytes that would fill the memory once its sheets are loaded.

    Few cells may stand so far apart that the table between them is vast; many may repeat one long string; many sheets
    may be one part.
    """
    whole = f"member {member}" if member else "the whole file"
    parts = {info.filename.lower(): info for info in archive.infolist()}
    with _measuring(file, whole):
        if len(parts) < len(archive.infolist()):
            raise NotMeasurable("every part under a name of its own", "names that differ only in their capitals")
        names, relations = parts.get("xl/workbook.xml"), parts.get("xl/_rels/workbook.xml.rels")
        if names and relations:
            with archive.open(names) as sheets, archive.open(relations) as targets:
                refuse_shared_sheets(sheets, targets)
    longest_string = 0
    if strings := parts.get("xl/sharedstrings.xml"):
        with _measuring(file, f"{member} {strings.filename}".strip()), archive.open(strings) as part:
            longest_string = longest_string_of(part)

    def measured(*, exactly: bool) -> Iterator[tuple[str, Extent]]:
        for info in archive.infolist():
            place = f"{member} {info.filename}".strip()
            with _measuring(file, place):
                extent = extent_of(partial(archive.open, info), exactly=exactly)
            yield place, extent

    extents = list(measured(exactly=False))
    if sum(extent.cells for _, extent in extents) > allowance.left:
        extents = list(measured(exactly=True))
    left = allowance.left
    for place, extent in extents:
        left -= extent.cells
        if left < 0:
            raise DropRefused(
                file,
                place,
                f"sheets of at most {limits.max_sheet_cells:,} cells together",
                f"one that reaches over {extent.rows:,} rows and {extent.columns:,} columns, and "
                f"{limits.max_sheet_cells - left:,} cells with those before it",
                LOOK_AT_THE_LIMITS,
            )
    written = sum(extent.written for _, extent in extents)
    if written * longest_string > limits.max_uncompressed_bytes:
        raise DropRefused(
            file,
            whole,
            f"cells that come to at most {limits.max_uncompressed_bytes:,} bytes",
            f"{written:,} cells that share strings of up to {longest_string:,} characters",
            LOOK_AT_THE_LIMITS,
        )


@contextmanager
def _measuring(file: str, place: str) -> Generator[None]:
    """Refuse a drop of which a part cannot be unpacked or measured."""
    try:
        yield
    except NotMeasurable as problem:
        raise DropRefused(file, place, problem.expected, problem.found, GET_IT_AGAIN) from problem
    except (*DAMAGED, OSError) as error:
        raise DropRefused(file, place, "a workbook that unpacks", str(error), GET_IT_AGAIN) from error


def _csv_table(path: Path, file: str, member: str) -> Table:
    encoding = _encoding(path, file, member)
    with path.open(encoding="latin-1" if encoding == "latin-1" else "utf-8-sig", newline="") as lines:
        try:
            top: list[list[object]] = [list(row) for row in itertools.islice(csv.reader(lines), DEEPEST_HEADER_ROW)]
        except csv.Error as error:
            place = f"{member}, the first rows" if member else "the first rows"
            raise DropRefused(file, place, "comma-separated values", str(error), GET_IT_AGAIN) from error
    return Table(file, member, top, csv_path=path, encoding=encoding)


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
                raise DropRefused(file, place, "text in UTF-8 or Windows-1252", "NUL bytes", GET_IT_AGAIN)
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
