"""Containers: open a CSV, workbook, ZIP, RAR or gzip within limits; offer the tables inside, whatever their layout."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from iapt.catalogue.limits import Limits
from iapt.ingest.csv_files import open_csv
from iapt.ingest.gzip_files import unpack_gzip
from iapt.ingest.notices import format_notice
from iapt.ingest.packs import Pack
from iapt.ingest.rar_files import RarPack, find_unpackers
from iapt.ingest.tables import GET_IT_AGAIN, Table, describe_member
from iapt.ingest.workbooks import CellAllowance, open_workbook
from iapt.ingest.xls_files import open_old_workbook
from iapt.ingest.zip_files import ZipPack
from iapt.rejection import DropRejectedError
from iapt.sources.file_formats import GZIP, RAR, READ_AS, ZIP, Format, recognise_format
from iapt.sources.folder import NOTES_SUFFIXES, is_system_file

_TABLE_SUFFIXES = (".csv", ".xlsx", ".xls")
_WORKBOOKS = {".xlsx": open_workbook, ".xls": open_old_workbook}
#: Formats of containers, which are not opened inside another.
_CONTAINERS = frozenset({ZIP.name, RAR.name, GZIP.name})
_SYSTEM_MEMBER = "a file manager's own member is archived with the drop, unread"
_NOTE = "a member that is a note, not a table, is archived with the drop, unread"
_OTHER_MEMBER = (
    "a member that is no table to read is archived with the drop, unread; if it holds figures, offer it as a drop of "
    "its own, as CSV or workbook"
)
#: How many members a rejection names.
_MEMBERS_NAMED = 5


def describe_openable(file: str) -> str:
    """Return what this machine can open of a file of this name; a drop rejected under another answer is read again."""
    openable = f"{' '.join(sorted(READ_AS))} deflate64"
    if PurePosixPath(file).suffix.lower() == ".rar":
        openable += f" by {' '.join(unpacker.name for unpacker in find_unpackers()) or 'none'}"
    return openable


def open_tables(path: Path, file: str, limits: Limits, scratch: Path, notices: list[str]) -> Iterator[Table]:
    """Yield every table in a drop. Members of a pack are unpacked into `scratch` under names of our own.

    What is passed over, such as a note inside a pack, is added to `notices`.
    Raises DropRejectedError where the container is damaged, hostile or empty.
    """
    suffix = PurePosixPath(file).suffix.lower()
    if path.stat().st_size == 0:
        raise DropRejectedError(file, "the whole file", "a published table", "an empty file", GET_IT_AGAIN)
    if suffix == ".zip":
        with ZipPack(path, file, limits) as pack:
            yield from _open_pack(pack, file, limits, scratch, notices)
    elif suffix == ".rar":
        with RarPack(path, file, limits, scratch) as pack:
            yield from _open_pack(pack, file, limits, scratch, notices)
    elif suffix == ".gz":
        yield from _open_gzip(path, file, limits, scratch, notices)
    elif suffix in _WORKBOOKS:
        yield from _WORKBOOKS[suffix](path, file, "", limits, CellAllowance(limits.max_sheet_cells), notices)
    else:
        yield open_csv(path, file, "", scratch / "whole.csv", notices)


def _open_gzip(path: Path, file: str, limits: Limits, scratch: Path, notices: list[str]) -> Iterator[Table]:
    """Yield the tables of a gzip archive, of one CSV or one workbook: which, its name says, or else its bytes."""
    unpacked = scratch / "unpacked"
    unpack_gzip(path, file, limits, unpacked)
    with unpacked.open("rb") as stream:
        found = recognise_format(stream)
    suffix = PurePosixPath(PurePosixPath(file).stem).suffix.lower()
    if suffix not in _TABLE_SUFFIXES:
        suffix = next((ending for ending in _TABLE_SUFFIXES if READ_AS[ending].name == found.name), "")
    if not suffix or found.name in _CONTAINERS:
        remedy = "Unpack it, and offer what is inside as a drop of its own."
        if found.name not in _CONTAINERS:
            remedy = f"{remedy} Of that: {found.remedy}"
        expected = "a CSV or a workbook inside the gzip archive"
        raise DropRejectedError(file, "the whole file", expected, found.description, remedy)
    if suffix == ".csv":
        yield open_csv(unpacked, file, "", scratch / "whole.csv", notices)
    else:
        yield from _WORKBOOKS[suffix](unpacked, file, "", limits, CellAllowance(limits.max_sheet_cells), notices)


def _open_pack(pack: Pack, file: str, limits: Limits, scratch: Path, notices: list[str]) -> Iterator[Table]:
    """Yield the tables of a pack. Members that are no CSV and no workbook are named in a notice and left unread."""
    allowance = CellAllowance(limits.max_sheet_cells)
    unopened: list[tuple[str, Format]] = []
    tables = 0
    for number, name in enumerate(pack.members):
        member = PurePosixPath(name)
        suffix = member.suffix.lower()
        if is_system_file(member):
            notices.append(format_notice(_SYSTEM_MEMBER, name))
            continue
        if suffix in NOTES_SUFFIXES:
            notices.append(format_notice(_NOTE, name))
            continue
        if suffix not in _TABLE_SUFFIXES:
            unopened.append((name, pack.recognise(name)))
            continue
        unpacked = scratch / f"member-{number}{suffix}"
        pack.unpack(name, unpacked)
        if unpacked.stat().st_size == 0:
            place = describe_member(name)
            raise DropRejectedError(file, place, "a published table", "an empty member", GET_IT_AGAIN)
        if suffix == ".csv":
            yield open_csv(unpacked, file, name, scratch / f"member-{number}.utf-8.csv", notices)
            tables += 1
        else:
            for table in _WORKBOOKS[suffix](unpacked, file, name, limits, allowance, notices):
                yield table
                tables += 1
    if unopened and not tables:
        named = ", ".join(f"{name} ({found.description})" for name, found in unopened[:_MEMBERS_NAMED])
        more = f" and {len(unopened) - _MEMBERS_NAMED} more" if len(unopened) > _MEMBERS_NAMED else ""
        remedy = "Unpack it, and offer the files inside as drops of their own."
        raise DropRejectedError(file, "the whole file", "CSV or workbook members", f"{named}{more}", remedy)
    notices += [format_notice(_OTHER_MEMBER, f"{name} ({found.description})") for name, found in unopened]
