"""Deflate64: members of a ZIP in the compression that Windows uses for large files and Python's zipfile lacks."""

from __future__ import annotations

import copy
import io
import zipfile
import zlib
from typing import IO, TYPE_CHECKING, Final

import inflate64

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

#: The number that a ZIP gives the method.
DEFLATE64: Final = 9
#: Eighteen bits can stand for 65,538 bytes: of so few packed bytes at a time, at most 8 MB are in memory.
_PACKED_AT_ONCE: Final = 256


def open_deflate64(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> IO[bytes]:
    """Return a stream of the bytes of a member compressed by Deflate64.

    Reading raises zipfile.BadZipFile where they are not as the directory of the ZIP says: in size, in checksum, or no
    Deflate64 at all; never are more of them inflated than that.
    """
    stored = copy.copy(info)  # the packed bytes as they stand, found and checked as zipfile does for any member
    stored.compress_type, stored.file_size = zipfile.ZIP_STORED, info.compress_size
    del stored.CRC
    return io.BufferedReader(_Deflate64Stream(archive.open(stored), info))


class _Deflate64Stream(io.RawIOBase):
    def __init__(self, packed: IO[bytes], info: zipfile.ZipInfo) -> None:
        super().__init__()
        self._packed, self._info = packed, info
        self._inflater = inflate64.Inflater()
        self._rest, self._size, self._crc = memoryview(b""), 0, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        while not self._rest:
            if self._inflater.eof:
                self._check_whole()
                return 0
            self._rest = memoryview(self._inflate())
        taken = min(len(view), len(self._rest))
        view[:taken] = self._rest[:taken]
        self._rest = self._rest[taken:]
        return taken

    def _inflate(self) -> bytes:
        chunk = self._packed.read(_PACKED_AT_ONCE)
        if not chunk:
            raise zipfile.BadZipFile("its compressed bytes end before the member does")
        try:
            inflated = self._inflater.inflate(chunk)
        except ValueError as error:
            raise zipfile.BadZipFile("bytes that are no Deflate64") from error
        self._size += len(inflated)
        self._crc = zlib.crc32(inflated, self._crc)
        if self._size > self._info.file_size:
            raise zipfile.BadZipFile(f"more than the {self._info.file_size:,} bytes that the ZIP says it has")
        return inflated

    def _check_whole(self) -> None:
        if self._size != self._info.file_size:
            raise zipfile.BadZipFile(f"{self._size:,} bytes, of {self._info.file_size:,} that the ZIP says it has")
        if self._crc != self._info.CRC:
            raise zipfile.BadZipFile("bytes with another checksum than the ZIP says")

    def close(self) -> None:
        self._packed.close()
        super().close()
