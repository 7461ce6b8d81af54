"""First bytes: whether what came from an address can be the file that its name promises, told by how it begins."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

from iapt.sources.file_formats import HEAD_BYTES, recognise_head
from iapt.sources.remote_files import NotAFileError

_ZIP: Final = "a ZIP container or a workbook (XLSX)"
_OLD_OFFICE: Final = "an old Office file, or a workbook with a password"
_RAR: Final = "a RAR archive"
_GZIP: Final = "a gzip archive"
_TEXT: Final = "text"
#: What a file begins as, by the suffix of its name. Bytes of no known kind may be text with a few that are not: the
#: reader of the drop says so.
_EXPECTED: Final[dict[str, frozenset[str]]] = {
    ".csv": frozenset({_TEXT, "bytes of no kind that is known here"}),
    ".xlsx": frozenset({_ZIP}),
    ".xls": frozenset({_OLD_OFFICE}),
    ".zip": frozenset({_ZIP}),
    ".rar": frozenset({_RAR}),
    ".gz": frozenset({_GZIP}),
}
_NEVER_A_FILE: Final = frozenset({"html", "xml", "json", "nuls"})
_PAGES: Final = frozenset({".htm", ".html", ".json", ".xml"})
_OLE2: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def check_first_bytes(head: bytes, address: str, name: str) -> None:
    """Raise NotAFileError where a file that begins so is not what its name says, such as a web page for a CSV."""
    suffix = PurePosixPath(name).suffix.lower()
    expected = _EXPECTED.get(suffix)
    found, is_page = _describe_head(head[:HEAD_BYTES])
    is_wrong = found not in expected if expected else not head or (is_page and suffix not in _PAGES)
    if is_wrong:
        raise NotAFileError(
            address,
            " or ".join(sorted(expected - {"bytes of no kind that is known here"})) if expected else "a file",
            found,
            "Open the address in a browser and see what it says. If the file comes there, put it into the folder inbox "
            "of IAPT_HOME: iapt pull takes it from there.",
        )


def _describe_head(head: bytes) -> tuple[str, bool]:
    """Return what begins so, in words, and whether it is a page or a message of a server."""
    if not head:
        return "nothing: a body of 0 bytes", False
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return _ZIP, False
    if head.startswith(_OLE2):
        return _OLD_OFFICE, False
    found = recognise_head(head)
    return found.description, found.name in _NEVER_A_FILE
