"""RAR archives made for tests: of RAR 5 and RAR 4, stored, or with the compression of RAR 5 at its simplest.

Written from the published description of the formats; every field that a test may want to be wrong is an argument.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

RAR5 = b"Rar!\x1a\x07\x01\x00"
RAR4 = b"Rar!\x1a\x07\x00"
#: Kinds of links of RAR 5.
SYMBOLIC_LINK, HARD_LINK, FILE_COPY = 1, 4, 5


@dataclass(frozen=True)
class RarMember:
    """A file of an archive. What is None is as the content has it; `packed` are other bytes than would be written."""

    name: str
    content: bytes = b""
    is_compressed: bool = False
    size: int | None = None
    checksum: int | None = None
    packed: bytes | None = None
    is_folder: bool = False
    is_encrypted: bool = False
    is_split: bool = False
    link_kind: int = 0
    version: int = 0
    has_checksum: bool = True
    is_solid: bool = False


def make_rar5(
    members: Sequence[RarMember], *, archive_flags: int = 0, is_whole: bool = True, has_encrypted_headers: bool = False
) -> bytes:
    """Return an archive as RAR 5 writes it."""
    made = RAR5
    if has_encrypted_headers:
        return made + _block(4, b"\0\0\x0f" + bytes(16)) + bytes(64)
    made += _block(1, _vint(archive_flags))
    for member in members:
        packed = _pack(member)
        checksum = zlib.crc32(member.content) if member.checksum is None else member.checksum
        compression = (3 << 7 if member.is_compressed else 0) | (0x40 if member.is_solid else 0)
        name = member.name.encode("utf-8", "surrogateescape")
        fields = _vint((1 if member.is_folder else 0) | (4 if member.has_checksum else 0))
        fields += _vint(len(member.content) if member.size is None else member.size) + _vint(0o100644)
        fields += struct.pack("<I", checksum) if member.has_checksum else b""
        fields += _vint(compression) + _vint(1) + _vint(len(name)) + name
        extra = b""
        if member.is_encrypted:
            extra += _record(1, b"\0\0\x0f" + bytes(32))
        if member.version:
            extra += _record(4, _vint(0) + _vint(member.version))
        if member.link_kind:
            extra += _record(5, _vint(member.link_kind) + _vint(0) + _vint(len(member.content)) + member.content)
        made += _block(2, fields, packed, extra, 0x10 if member.is_split else 0)
    return made + (_block(5, _vint(0)) if is_whole else b"")


def make_rar4(
    members: Sequence[RarMember], *, archive_flags: int = 0, is_whole: bool = True, packed_comment: bytes = b""
) -> bytes:
    """Return an archive as RAR 3 and 4 write it. Nothing in it is compressed, unless a comment is."""
    made = RAR4 + _old_block(0x73, archive_flags, bytes(6))
    if packed_comment:
        fields = struct.pack("<IIBIIBBHI", len(packed_comment), 99, 3, 0, 0, 29, 0x33, 3, 0) + b"CMT"
        made += _old_block(0x7A, 0x8000, fields) + packed_comment
    for member in members:
        packed = _pack(member)
        size = len(member.content) if member.size is None else member.size
        checksum = zlib.crc32(member.content) if member.checksum is None else member.checksum
        name = member.name.encode("utf-8")
        mode = 0o120777 if member.link_kind else 0o40755 if member.is_folder else 0o100644
        flags = 0x8000 | (0x200 if not name.isascii() else 0) | (0x4 if member.is_encrypted else 0)
        flags |= (0xE0 if member.is_folder else 0) | (0x2 if member.is_split else 0) | (0x800 if member.version else 0)
        fields = struct.pack("<IIBIIBBHI", len(packed), size, 3, checksum, 0, 29, 0x30, len(name), mode) + name
        made += _old_block(0x74, flags, fields) + packed
    return made + (_old_block(0x7B, 0x4000, b"") if is_whole else b"")


def _pack(member: RarMember) -> bytes:
    if member.packed is not None:
        return member.packed
    if member.is_folder or (member.link_kind and not member.packed):
        return b""
    return compress_rar5(member.content) if member.is_compressed else member.content


def compress_rar5(content: bytes) -> bytes:
    """Return bytes as a stream of RAR 5 in which every letter has a code of 8 bits: sound, though nothing is saved."""
    chunks = [content[start : start + (1 << 20)] for start in range(0, len(content), 1 << 20)] or [b""]
    made = b""
    for chunk in chunks:
        bits = _code_tables() + "".join(f"{byte:08b}" for byte in chunk)
        packed = int(bits.ljust((len(bits) + 7) // 8 * 8, "0"), 2).to_bytes((len(bits) + 7) // 8, "big")
        flags = 0x80 | (0x40 if chunk is chunks[-1] else 0) | (2 << 3) | ((len(bits) - 1) % 8)
        length = len(packed).to_bytes(3, "little")
        check = 0x5A ^ flags ^ length[0] ^ length[1] ^ length[2]
        made += bytes([flags, check]) + length + packed
    return made


def _code_tables() -> str:
    """Return the bits of the code tables: 256 letters of 8 bits each, and nothing of the other 174 symbols.

    They are written in a code of their own: two bits each for the lengths 0, 8 and 9, and for a run of zeros.
    """
    lengths = "".join(f"{2 if symbol in {0, 8, 9, 19} else 0:04b}" for symbol in range(20))
    eight, run_of_zeros = "01", "11"
    return lengths + eight * 256 + f"{run_of_zeros}{138 - 11:07b}" + f"{run_of_zeros}{36 - 11:07b}"


def _vint(number: int) -> bytes:
    made = b""
    while number > 0x7F:
        made += bytes([number & 0x7F | 0x80])
        number >>= 7
    return made + bytes([number])


def _record(kind: int, fields: bytes) -> bytes:
    record = _vint(kind) + fields
    return _vint(len(record)) + record


def _block(kind: int, fields: bytes, data: bytes | None = None, extra: bytes = b"", flags: int = 0) -> bytes:
    flags |= (1 if extra else 0) | (2 if data is not None else 0)
    header = _vint(kind) + _vint(flags)
    header += _vint(len(extra)) if extra else b""
    header += _vint(len(data)) if data is not None else b""
    header += fields + extra
    header = _vint(len(header)) + header
    return struct.pack("<I", zlib.crc32(header)) + header + (data or b"")


def _old_block(kind: int, flags: int, fields: bytes) -> bytes:
    header = struct.pack("<BHH", kind, flags, 7 + len(fields)) + fields
    return struct.pack("<H", zlib.crc32(header) & 0xFFFF) + header
