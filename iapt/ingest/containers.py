"""Containers: open a CSV, XLSX or ZIP within limits and offer the tables inside, whatever their layout."""

from __future__ import annotations

import errno
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from iapt.catalogue.limits import Limits
from iapt.ingest.csv_files import open_csv
from iapt.ingest.notices import format_notice
from iapt.ingest.tables import GET_IT_AGAIN, Table, describe_member
from iapt.ingest.workbooks import CellAllowance, open_workbook
from iapt.ingest.zip_files import DAMAGED, open_checked_zip, reject_unreadable_member
from iapt.rejection import DropRejectedError
from iapt.sources.file_formats import READABLE_COMPRESSIONS, Format, recognise_format
from iapt.sources.folder import NOTES_SUFFIXES, is_system_file

_TABLE_SUFFIXES = (".csv", ".xlsx")
_SYSTEM_MEMBER = "a file manager's own member is archived with the drop, unread"
_NOTE = "a member that is a note, not a table, is archived with the drop, unread"
_OTHER_MEMBER = (
    "a member that is no table to read is archived with the drop, unread; if it holds figures, offer it as a drop of "
    "its own, as CSV or XLSX"
)
#: How many members a rejection names.
_MEMBERS_NAMED = 5


def open_tables(path: Path, file: str, limits: Limits, scratch: Path, notices: list[str]) -> Iterator[Table]:
    """Yield every table in a drop. Members of a ZIP are unpacked into `scratch` under names of our own.

    What is passed over, such as a note inside a pack, is added to `notices`.
    Raises DropRejectedError where the container is damaged, hostile or empty.
    """
    suffix = PurePosixPath(file).suffix.lower()
    if path.stat().st_size == 0:
        raise DropRejectedError(file, "the whole file", "a published table", "an empty file", GET_IT_AGAIN)
    if suffix == ".zip":
        yield from _open_zip(path, file, limits, scratch, notices)
    elif suffix == ".xlsx":
        yield from open_workbook(path, file, "", limits, CellAllowance(limits.max_sheet_cells), notices)
    else:
        yield open_csv(path, file, "", scratch / "whole.csv", notices)


def _open_zip(path: Path, file: str, limits: Limits, scratch: Path, notices: list[str]) -> Iterator[Table]:
    """Yield the tables of a ZIP. Members that are no CSV and no XLSX are named in a notice and left unread."""
    allowance = CellAllowance(limits.max_sheet_cells)
    unopened: list[tuple[str, Format]] = []
    tables = 0
    with open_checked_zip(path, file, "", limits) as archive:
        for number, info in enumerate(info for info in archive.infolist() if not info.is_dir()):
            member = PurePosixPath(info.filename)
            suffix = member.suffix.lower()
            if is_system_file(member):
                notices.append(format_notice(_SYSTEM_MEMBER, info.filename))
                continue
            if suffix in NOTES_SUFFIXES:
                notices.append(format_notice(_NOTE, info.filename))
                continue
            if suffix not in _TABLE_SUFFIXES:
                unopened.append((info.filename, _recognise_member(archive, info)))
                continue
            reject_unreadable_member(info, file)
            unpacked = scratch / f"member-{number}{suffix}"
            _unpack(archive, info, file, unpacked)
            if suffix == ".csv":
                yield open_csv(unpacked, file, info.filename, scratch / f"member-{number}.utf-8.csv", notices)
                tables += 1
            else:
                for table in open_workbook(unpacked, file, info.filename, limits, allowance, notices):
                    yield table
                    tables += 1
    if unopened and not tables:
        named = ", ".join(f"{name} ({member_format.description})" for name, member_format in unopened[:_MEMBERS_NAMED])
        more = f" and {len(unopened) - _MEMBERS_NAMED} more" if len(unopened) > _MEMBERS_NAMED else ""
        remedy = "Unpack it, and offer the files inside as drops of their own."
        raise DropRejectedError(file, "the whole file", "CSV or XLSX members", f"{named}{more}", remedy)
    notices += [
        format_notice(_OTHER_MEMBER, f"{name} ({member_format.description})") for name, member_format in unopened
    ]


def _recognise_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Format:
    """Return what a member is that is not opened, as far as its first bytes tell."""
    unknown = Format("unknown", f"a file ending in {PurePosixPath(info.filename).suffix or 'nothing'}", "")
    if info.flag_bits & 0x1 or info.compress_type not in READABLE_COMPRESSIONS:
        return unknown
    try:
        with archive.open(info) as stream:
            found = recognise_format(stream)
    except (*DAMAGED, OSError):
        return unknown
    return unknown if found.name in {"text", "binary", "nuls"} else found


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo, file: str, unpacked: Path) -> None:
    place = describe_member(info.filename)
    try:
        with archive.open(info) as source, unpacked.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
    except (*DAMAGED, OSError) as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise  # the machine's trouble, such as a full disk, not the file's
        raise DropRejectedError(file, place, "a member that unpacks", str(error), GET_IT_AGAIN) from error
    if unpacked.stat().st_size == 0:
        raise DropRejectedError(file, place, "a published table", "an empty member", GET_IT_AGAIN)
