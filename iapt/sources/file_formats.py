"""Formats: what a file is by its own bytes, whatever its name says, and what a person can do about one not read."""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Final

#: How much of a file is looked at.
HEAD_BYTES: Final = 8192
#: By the number that a ZIP gives each; those that Python unpacks are not here.
COMPRESSIONS: Final = {
    **{1: "Shrink", 2: "Reduce", 3: "Reduce", 4: "Reduce", 5: "Reduce", 6: "Implode", 9: "Deflate64"},
    **{10: "PKWARE DCL Implode", 16: "IBM CMPSC", 18: "IBM TERSE", 19: "IBM LZ77", 20: "Zstandard (old number)"},
    **{93: "Zstandard", 94: "MP3", 95: "XZ", 96: "JPEG", 97: "WavPack", 98: "PPMd", 99: "AES encryption"},
}
READABLE_COMPRESSIONS: Final = frozenset(
    {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}
)
_UNPACK: Final = "Unpack it and offer the file inside."
_SAVE_AS_XLSX: Final = "Open it in a spreadsheet program, save it as XLSX, and offer that."
_GET_THE_TABLE: Final = "Get the CSV, XLSX or ZIP file itself from the publisher's page."
_GET_IT_AGAIN: Final = "Get the file again from the publisher."
_COMMA_SEPARATED: Final = (
    "Get the publisher's own file, or save this one with commas between the values, and offer that."
)


@dataclass(frozen=True)
class Format:
    """What a file is: a short name, the words for it, and what to do where it is not read."""

    name: str
    description: str
    remedy: str


XLSX: Final = Format("xlsx", "an Excel workbook (XLSX)", "Rename it to end in .xlsx, and offer it again.")
RAR: Final = Format("rar", "a RAR archive", "Rename it to end in .rar, and offer it again.")
GZIP: Final = Format("gzip", "a gzip archive", "Rename it to end in .gz, and offer it again.")
ZIP: Final = Format("zip", "a ZIP container", "Rename it to end in .zip, and offer it again.")
TEXT: Final = Format(
    "text", "text", "If it is comma-separated, rename it to end in .csv, and offer it again; else get the file again."
)
_TABLE_TEXT: Final = Format("text", "comma-separated text", TEXT.remedy)
BINARY: Final = Format("binary", "bytes of no kind that is known here", _GET_IT_AGAIN)
NULS: Final = Format("nuls", "nothing but NUL bytes, as a download that failed leaves", _GET_IT_AGAIN)
OLD_WORKBOOK: Final = Format("xls", "an old Excel workbook (XLS)", "Rename it to end in .xls, and offer it again.")
LOCKED_WORKBOOK: Final = Format(
    "locked",
    "an Office file with a password",
    "Open it with its password, save it as XLSX without one, and offer that.",
)
#: What a file is opened as, by the end of its name; anything else under that name is rejected for what it is.
READ_AS: Final[Mapping[str, Format]] = {
    ".csv": _TABLE_TEXT,
    ".xlsx": XLSX,
    ".xls": OLD_WORKBOOK,
    ".zip": ZIP,
    ".rar": RAR,
    ".gz": GZIP,
}
_WEB_PAGE_REMEDY: Final = (
    "Get the file itself: open its link in a browser, see what the page says, and download the file from the "
    "publisher's page."
)
_SIGNATURES: Final[Sequence[tuple[bytes, Format]]] = (
    (b"%PDF-", Format("pdf", "a PDF", f"Figures are not read from a PDF. {_GET_THE_TABLE}")),
    (b"\x1f\x8b", GZIP),
    (b"Rar!\x1a\x07", RAR),
    (b"7z\xbc\xaf\x27\x1c", Format("7z", "a 7z archive", _UNPACK)),
    (b"BZh", Format("bzip2", "a bzip2 archive", _UNPACK)),
    (b"\xfd7zXZ\x00", Format("xz", "an xz archive", _UNPACK)),
    (b"\x28\xb5\x2f\xfd", Format("zstd", "a Zstandard archive", _UNPACK)),
    (b"MSCF", Format("cab", "a CAB archive", _UNPACK)),
    (b"{\\rtf", Format("rtf", "a document in RTF", _GET_THE_TABLE)),
    (b"\x89PNG\r\n", Format("png", "a picture (PNG)", _GET_THE_TABLE)),
    (b"\xff\xd8\xff", Format("jpeg", "a picture (JPEG)", _GET_THE_TABLE)),
    (b"GIF8", Format("gif", "a picture (GIF)", _GET_THE_TABLE)),
    (b"PAR1", Format("parquet", "a Parquet file", _GET_THE_TABLE)),
    (b"SQLite format 3\x00", Format("sqlite", "a SQLite database", _GET_THE_TABLE)),
    (
        b"version https://git-lfs",
        Format("lfs", "a pointer of Git LFS, not the file", "Run git lfs pull, and offer it."),
    ),
)
_OLE2: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
#: Of the header: the size of a sector as a power of two, and the first sector of the directory.
_OLE2_HEADER: Final = struct.Struct("<30xH16xI")
#: How much of one is searched for the names of its streams, beside its directory.
_OLE2_BYTES: Final = 1 << 20
_ZIPS: Final = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_BOMS: Final = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_TITLE: Final = re.compile(r"<title[^>]*>([^<]{1,200})", re.IGNORECASE)
_HTML: Final = re.compile(r"<!doctype\s+html|<html[\s>]", re.IGNORECASE)
_HTML_TAG: Final = re.compile(
    r"<(?:html|!doctype\s+html|head|body|div|table|script|meta|title|style|h[1-6]|p|center|iframe)[\s>/]", re.IGNORECASE
)
_JSON: Final = re.compile(r"""\{\s*["}]|\[\s*[\[{"\]]""")
_COMMENTS: Final = re.compile(r"(?:<!--.*?-->\s*)+", re.DOTALL)
_FIRST_TAG: Final = re.compile(r"<(?:\?[^>]*\?>\s*<)?([A-Za-z][\w:.-]{0,40})")


def recognise_format(stream: IO[bytes]) -> Format:
    """Return what a file is, by its first bytes; in a ZIP by its members, in an old Office file by its streams."""
    head = stream.read(HEAD_BYTES)
    if head.startswith(_ZIPS):
        return _recognise_zip(stream) if stream.seekable() else ZIP
    if head.startswith(_OLE2):
        return _recognise_ole2(head + stream.read(_OLE2_BYTES) + _read_ole2_directory(head, stream))
    return recognise_head(head)


def recognise_head(head: bytes) -> Format:
    """Return what a file is that begins so, where it is neither a ZIP nor an old Office file."""
    for signature, found in _SIGNATURES:
        if head.startswith(signature):
            return found
    if head and not head.strip(b"\0"):
        return NULS
    encoding = detect_wide_encoding(head)
    if encoding is None and b"\0" in head:
        tar = head[257:262] == b"ustar"
        return Format("tar", "a tar archive", _UNPACK) if tar else BINARY
    text = head.decode(encoding or "utf-8", "replace").lstrip("\ufeff").strip()
    return _recognise_text(text) or TEXT


def detect_wide_encoding(head: bytes) -> str | None:
    """Return UTF-16 or UTF-32, by its mark or the places of NUL bytes; None for single bytes and for no text."""
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding
    sample = head[: len(head) // 4 * 4]
    if b"\0" not in sample:
        return None
    # Of the columns of figures nearly every letter is of ASCII: which bytes of each are NUL tells the encoding.
    nuls = [sample[place::4].count(0) / (len(sample) / 4) for place in range(4)]
    for encoding, expected in {
        "utf-32-le": (False, True, True, True),
        "utf-32-be": (True, True, True, False),
        "utf-16-le": (False, True, False, True),
        "utf-16-be": (True, False, True, False),
    }.items():
        if all(share > 0.7 if is_nul else share < 0.05 for share, is_nul in zip(nuls, expected, strict=True)):
            return encoding
    return None


def _recognise_text(text: str) -> Format | None:
    """Return what a text is that is no table: a page, a message of a server, a document; None where it may be one."""
    text = text.removeprefix(comments[0]) if (comments := _COMMENTS.match(text)) else text
    is_marked_up = text.startswith("<") and (text[1:2].isalpha() or text[1:2] in "!?")
    is_prose = text.partition("\n")[0].count(",") < 2
    if is_marked_up and 'progid="Excel.Sheet"' in text:
        return Format("xml_workbook", "a workbook in the XML of Excel 2003", _SAVE_AS_XLSX)
    if text.startswith("HTTP/") or (is_marked_up and _HTML_TAG.search(text)) or (is_prose and _HTML.search(text)):
        title = _TITLE.search(text)
        named = f", titled {' '.join(title[1].split())[:60]!a}" if title else ""
        return Format("html", f"a web page{named}", _WEB_PAGE_REMEDY)
    if is_marked_up:
        tag = _FIRST_TAG.match(text)
        return Format("xml", f"XML of <{tag[1]}>" if tag else "XML", _WEB_PAGE_REMEDY)
    return Format("json", "JSON", _WEB_PAGE_REMEDY) if _JSON.match(text) else None


def _recognise_zip(stream: IO[bytes]) -> Format:
    try:
        with zipfile.ZipFile(stream) as archive:
            return recognise_members(archive.namelist())
    except (zipfile.BadZipFile, OSError, RuntimeError, ValueError, EOFError):
        return ZIP  # damaged, or of a later version; which of the containers it was cannot be told


def recognise_members(names: Sequence[str]) -> Format:
    """Return what a ZIP of these members is."""
    parts = {name.replace("\\", "/").lower().lstrip("/") for name in names}
    if "xl/workbook.bin" in parts:
        return Format("xlsb", "a binary Excel workbook (XLSB)", _SAVE_AS_XLSX)
    if "xl/vbaproject.bin" in parts:
        return Format("xlsm", "an Excel workbook with macros (XLSM)", _SAVE_AS_XLSX)
    if "xl/workbook.xml" in parts or ("[content_types].xml" in parts and any(part.startswith("xl/") for part in parts)):
        return XLSX
    if "word/document.xml" in parts or "ppt/presentation.xml" in parts:
        return Format("document", "a document of Word or PowerPoint", _GET_THE_TABLE)
    if "content.xml" in parts and "meta-inf/manifest.xml" in parts:
        return Format("ods", "an OpenDocument file", _SAVE_AS_XLSX)
    return ZIP


def _read_ole2_directory(head: bytes, stream: IO[bytes]) -> bytes:
    """Return the first part of the directory of an old Office file, which may stand at its end."""
    if len(head) < _OLE2_HEADER.size or not stream.seekable():
        return b""
    sector_bits, first_sector = _OLE2_HEADER.unpack_from(head)
    try:
        stream.seek((first_sector + 1) << min(sector_bits, 12))
        return stream.read(HEAD_BYTES)
    except (OSError, ValueError, zipfile.BadZipFile, EOFError, zlib.error):
        return b""  # cut short, or a member of a ZIP that is damaged


def _recognise_ole2(content: bytes) -> Format:
    """Return what an old Office file is by the names of its streams, which stand in UTF-16 in its directory."""
    if "EncryptedPackage".encode("utf-16-le") in content:
        return LOCKED_WORKBOOK
    for name, found in (("Workbook", OLD_WORKBOOK), ("Book", OLD_WORKBOOK)):
        if name.encode("utf-16-le") + b"\0\0" in content:
            return found
    return Format("ole2", "an old Office file", f"If it is a workbook: {_SAVE_AS_XLSX}")


def describe_unknown_member(member: str) -> Format:
    """Return what a member of a pack is of which the name alone is known."""
    return Format("unknown", f"a file ending in {PurePosixPath(member).suffix or 'nothing'}", "")


def describe_suffix_remedy(suffix: str) -> str:
    """Return what to do about a file of which the name says that it is not read."""
    if suffix in {".7z", ".tgz", ".tar", ".bz2", ".xz", ".zst", ".cab", ".lzh", ".arj", ".z"}:
        return _UNPACK
    if suffix in {".xlsb", ".xlsm", ".xltx", ".ods", ".numbers", ".xlt"}:
        return _SAVE_AS_XLSX
    if suffix in {".crdownload", ".part", ".partial", ".download", ".opdownload", ".filepart", ".tmp"}:
        return "Wait until the download has ended, or start it again; take away what is left of it."
    if suffix in {".tsv", ".tab", ".psv"}:
        return _COMMA_SEPARATED
    return "Offer the publisher's own CSV, XLSX or ZIP file, and take this one out of the drop folder."


def find_delimiter(lines: Sequence[str]) -> str:
    """Return what separates the values of the first line that has any: a comma, unless others give more columns."""
    first = next((line for line in lines if line.strip()), "")
    if declared := re.fullmatch(r"\ufeff?\"?sep=(.)\"?\s*", first):
        return declared[1]
    counts = {delimiter: _count_values(first, delimiter) for delimiter in ",;\t|"}
    best = max(counts, key=lambda delimiter: counts[delimiter])
    return best if counts[best] >= 3 else ","


def _count_values(line: str, delimiter: str) -> int:
    """Return how many values a line has: what stands in quotes separates nothing."""
    return re.sub(r'"[^"]*"', "", line).count(delimiter) + 1


def describe_delimiter(delimiter: str) -> tuple[str, str]:
    """Return what a file is that has another delimiter than a comma, and what to do."""
    names = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
    return f"{names.get(delimiter, repr(delimiter))} between the values", _COMMA_SEPARATED
