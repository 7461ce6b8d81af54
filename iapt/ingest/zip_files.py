"""ZIP containers, and XLSX files, which are ZIPs too: opened only within limits, and if they are what they say."""

from __future__ import annotations

import lzma
import stat
import zipfile
import zlib
from collections import Counter
from pathlib import Path, PurePosixPath

from iapt.catalogue.limits import Limits
from iapt.ingest.tables import GET_IT_AGAIN, describe_member
from iapt.rejection import DropRejectedError
from iapt.sources.file_formats import (
    COMPRESSIONS,
    HEAD_BYTES,
    READ_AS,
    READABLE_COMPRESSIONS,
    Format,
    recognise_format,
    recognise_members,
)

LOOK_AT_THE_LIMITS = "Look at the file; a genuine larger one needs a change in catalogue/limits.yml."
#: What Python raises for a ZIP, or a member of one, that is damaged.
DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, ValueError)


def open_checked_zip(path: Path, file: str, member: str, limits: Limits) -> zipfile.ZipFile:
    """Open a ZIP, or an XLSX, after checking its directory against the limits.

    Raises DropRejectedError where it is damaged, hostile, or of another kind than its name says.
    """
    place = describe_member(member)
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
        stream.seek(0)
        is_zip = zipfile.is_zipfile(stream)
        stream.seek(0)
        found = Format("zip", "", "") if is_zip else recognise_format(stream)
    if not is_zip and not head.startswith(b"PK") and found.name != "binary":
        reject_posing(found, file, member)
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
    place = describe_member(member)
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
    reject_posing(recognise_members([info.filename for info in infos]), file, member)
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


def reject_posing(found: Format, file: str, member: str) -> None:
    """Raise DropRejectedError where a file or member is something else than its name says."""
    suffix = PurePosixPath(member or file).suffix.lower()
    named = "text" if suffix not in READ_AS else {".csv": "text", ".xlsx": "xlsx", ".zip": "zip"}[suffix]
    if found.name == named:
        return
    remedy = found.remedy
    if member:
        remedy = f"Unpack the ZIP and offer its members as drops of their own. Of this one: {remedy}"
    place = describe_member(member)
    expected = READ_AS.get(suffix, READ_AS[".csv"])
    raise DropRejectedError(file, place, f"{expected}, as its name says", found.description, remedy)


def reject_unreadable_member(info: zipfile.ZipInfo, file: str) -> None:
    """Raise DropRejectedError where Python could not unpack a member."""
    place = describe_member(info.filename)
    if info.flag_bits & 0x1:
        remedy = "Unpack it with its password, and offer the file inside."
        raise DropRejectedError(file, place, "a member without a password", "an encrypted member", remedy)
    if info.compress_type not in READABLE_COMPRESSIONS:
        method = COMPRESSIONS.get(info.compress_type, f"method {info.compress_type}")
        remedy = "Unpack the ZIP, and offer the file inside."
        raise DropRejectedError(file, place, "a member compressed by Deflate", f"one compressed by {method}", remedy)
