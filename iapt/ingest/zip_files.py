"""ZIP containers, and XLSX files, which are ZIPs too: opened only within limits, and if they are what they say."""

from __future__ import annotations

import errno
import io
import itertools
import lzma
import shutil
import stat
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO

from iapt.catalogue.limits import Limits
from iapt.ingest.deflate64 import DEFLATE64, open_deflate64
from iapt.ingest.packs import Pack, reject_hostile_names, reject_oversize, reject_posing, reject_too_many
from iapt.ingest.tables import GET_IT_AGAIN, describe_member
from iapt.rejection import DropRejectedError
from iapt.sources.file_formats import (
    COMPRESSIONS,
    HEAD_BYTES,
    READABLE_COMPRESSIONS,
    ZIP,
    Format,
    describe_unknown_member,
    recognise_format,
    recognise_members,
)

#: What Python raises for a ZIP, or a member of one, that is damaged.
DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, ValueError)
#: That of a workbook of 1,000 sheets is a tenth of it.
_LONGEST_DIRECTORY = 1 << 20
#: The bytes of a local header before its name.
_LOCAL_HEADER_BYTES = 30


class ZipPack(Pack):
    """A ZIP whose directory was checked against the limits, member by member."""

    def __init__(self, path: Path, file: str, limits: Limits) -> None:
        """Open it. Raises DropRejectedError where it is damaged, hostile, or of another kind than its name says."""
        self._file = file
        self._archive = open_checked_zip(path, file, "", limits)
        self._infos = {info.filename: info for info in self._archive.infolist() if not info.is_dir()}

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the file."""
        self._archive.close()

    @property
    def members(self) -> Sequence[str]:
        """The names of the members that are files."""
        return list(self._infos)

    def recognise(self, member: str) -> Format:
        """Return what a member is by its first bytes, as far as Python unpacks them."""
        info, unknown = self._infos[member], describe_unknown_member(member)
        if info.flag_bits & 0x1 or not _is_readable(info):
            return unknown
        try:
            with self._open(info) as stream:
                found = recognise_format(stream)
        except (*DAMAGED, OSError):
            return unknown
        return unknown if found.name in {"text", "binary", "nuls"} else found

    def unpack(self, member: str, target: Path) -> None:
        """Write the bytes of a member to a path of ours. Raises DropRejectedError where it does not unpack whole."""
        info, place = self._infos[member], describe_member(member)
        _reject_unreadable_member(info, self._file)
        try:
            with self._open(info) as source, target.open("wb") as written:
                shutil.copyfileobj(source, written, 1 << 20)
        except (*DAMAGED, OSError) as error:
            if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
                raise  # the machine's trouble, such as a full disk, not the file's
            raise DropRejectedError(self._file, place, "a member that unpacks", str(error), GET_IT_AGAIN) from error

    def _open(self, info: zipfile.ZipInfo) -> IO[bytes]:
        return open_deflate64(self._archive, info) if info.compress_type == DEFLATE64 else self._archive.open(info)


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
        found = ZIP if is_zip else recognise_format(stream)
    if not is_zip and not head.startswith(b"PK") and found.name != "binary":
        reject_posing(found, _find_suffix(file, member), file, member)
    try:
        with _GuardedFile(path) as guarded:
            zipfile.ZipFile(guarded)
        archive = zipfile.ZipFile(path)
    except (*DAMAGED, OSError) as error:
        raise DropRejectedError(file, place, "a complete ZIP container", str(error), GET_IT_AGAIN) from error
    try:
        _check_directory(archive, path, file, member, limits)
    except DropRejectedError:
        archive.close()
        raise
    return archive


class _GuardedFile(io.FileIO):
    """A ZIP as it is opened, which reads its directory in one piece: one so long would fill the memory with members."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Return bytes of the file. Raises zipfile.BadZipFile for more than a directory can have."""
        if size is not None and size > _LONGEST_DIRECTORY:
            raise zipfile.BadZipFile(f"a directory of {size:,} bytes, of at most {_LONGEST_DIRECTORY:,}")
        return super().read(size)


def _find_suffix(file: str, member: str) -> str:
    """Return as what a ZIP is opened: one within another container can be a workbook only."""
    return ".zip" if not member and PurePosixPath(file).suffix.lower() == ".zip" else ".xlsx"


def _check_directory(archive: zipfile.ZipFile, path: Path, file: str, member: str, limits: Limits) -> None:
    """Raise DropRejectedError where a ZIP's directory says that it is hostile, or not of the kind of its name."""
    place = describe_member(member)
    suffix = _find_suffix(file, member)
    infos = [info for info in archive.infolist() if not info.is_dir()]
    if not infos:
        raise DropRejectedError(file, place, "at least one member", "an empty container", GET_IT_AGAIN)
    reject_hostile_names([info.filename for info in infos], file, place)
    reject_oversize(sum(info.file_size for info in infos), path.stat().st_size, limits, file, place)
    for info in infos:
        if stat.S_ISLNK(info.external_attr >> 16):
            raise DropRejectedError(file, place, "plain members", f"a link: {info.filename!r}", GET_IT_AGAIN)
    reject_posing(recognise_members([info.filename for info in infos]), suffix, file, member)
    if suffix == ".xlsx":
        for info in infos:
            _reject_unreadable_part(info, file, place)
    else:
        reject_too_many(len(infos), limits, file, place)
    _reject_overlapping(infos, file, place)


def _reject_overlapping(infos: Sequence[zipfile.ZipInfo], file: str, place: str) -> None:
    """Raise DropRejectedError where two members share packed bytes, as only a bomb has it."""
    by_place = sorted(infos, key=lambda info: info.header_offset)
    for info, following in itertools.pairwise(by_place):
        if info.header_offset + _LOCAL_HEADER_BYTES + info.compress_size > following.header_offset:
            found = f"{info.filename!r} and {following.filename!r}, which share bytes"
            raise DropRejectedError(file, place, "members in bytes of their own", found, GET_IT_AGAIN)


def _reject_unreadable_part(info: zipfile.ZipInfo, file: str, place: str) -> None:
    """Raise DropRejectedError where a part of a workbook is packed as no spreadsheet program packs it."""
    if info.flag_bits & 0x1 or info.compress_type not in READABLE_COMPRESSIONS:
        method = "encrypted" if info.flag_bits & 0x1 else COMPRESSIONS.get(info.compress_type, "by an unknown method")
        remedy = "Open it in a spreadsheet program, save it as XLSX, and offer that."
        raise DropRejectedError(file, place, "parts compressed by Deflate", f"{info.filename!r}, {method}", remedy)


def _is_readable(info: zipfile.ZipInfo) -> bool:
    return info.compress_type in READABLE_COMPRESSIONS or info.compress_type == DEFLATE64


def _reject_unreadable_member(info: zipfile.ZipInfo, file: str) -> None:
    """Raise DropRejectedError where Python could not unpack a member."""
    place = describe_member(info.filename)
    if info.flag_bits & 0x1:
        remedy = "Unpack it with its password, and offer the file inside."
        raise DropRejectedError(file, place, "a member without a password", "an encrypted member", remedy)
    if not _is_readable(info):
        method = COMPRESSIONS.get(info.compress_type, f"method {info.compress_type}")
        remedy = "Unpack the ZIP, and offer the file inside."
        raise DropRejectedError(file, place, "a member compressed by Deflate", f"one compressed by {method}", remedy)
