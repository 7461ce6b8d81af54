"""Packs whose members are compressed by Deflate64, as Windows compresses a large file."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping

import inflate64

from iapt.ingest.deflate64 import DEFLATE64

_LOCAL, _CENTRAL = b"PK\x03\x04", b"PK\x01\x02"


def compress_deflate64(content: bytes) -> bytes:
    """Return the bytes compressed, without any container."""
    deflater = inflate64.Deflater()
    return bytes(deflater.deflate(content) + deflater.flush())


def make_deflate64_zip(
    members: Mapping[str, bytes], *, size: int | None = None, checksum: int | None = None, packed: bytes | None = None
) -> bytes:
    """Return a ZIP of the members; the size, checksum and packed bytes are those of each, unless others are given."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, compress_deflate64(content) if packed is None else packed)
        infos = archive.infolist()
    made = bytearray(stream.getvalue())
    places = [info.header_offset for info in infos], _find_all(made, _CENTRAL)
    for heads, at_method, at_checksum, at_size in ((places[0], 8, 14, 22), (places[1], 10, 16, 24)):
        for head, content in zip(heads, members.values(), strict=True):
            struct.pack_into("<H", made, head + at_method, DEFLATE64)
            struct.pack_into("<I", made, head + at_checksum, zlib.crc32(content) if checksum is None else checksum)
            struct.pack_into("<I", made, head + at_size, len(content) if size is None else size)
    return bytes(made)


def _find_all(content: bytearray, signature: bytes) -> list[int]:
    found = [content.index(signature)]
    while (place := content.find(signature, found[-1] + 1)) >= 0:
        found.append(place)
    return found
