"""CSV files: their encoding, their delimiter and their first rows."""

from __future__ import annotations

import codecs
import csv
import itertools
from dataclasses import dataclass
from pathlib import Path

from iapt.catalogue.layouts import DEEPEST_HEADER_ROW
from iapt.ingest.notices import format_notice
from iapt.ingest.packs import reject_posing
from iapt.ingest.tables import GET_IT_AGAIN, Table, describe_member
from iapt.rejection import DropRejectedError
from iapt.sources.file_formats import HEAD_BYTES, detect_wide_encoding, find_delimiter, recognise_format

#: How much of a file is inspected at a time: little enough to stay in the processor's cache.
_INSPECTED_BYTES = 1 << 18
_SAVE_AS_UTF_8 = "Get the file again; if it is whole, save it as UTF-8 and offer it so."


def open_csv(path: Path, file: str, member: str, utf_8: Path, notices: list[str]) -> Table:
    """Return a CSV as a table, with its first rows; `member` names it where it is a member of a ZIP.

    What is in UTF-16 or UTF-32 is written to `utf_8` as UTF-8, to be read from there, with a notice.
    Raises DropRejectedError where it is no text with rows.
    """
    place = describe_member(member)
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
        stream.seek(0)
        found = recognise_format(stream)
    if found.name != "text" and found.name != "binary":
        reject_posing(found, ".csv", file, member)
    if not head.lstrip(b"\xef\xbb\xbf").strip():
        raise DropRejectedError(file, place, "a published table", "white space", GET_IT_AGAIN)
    if wide := detect_wide_encoding(head):
        _write_as_utf_8(path, file, place, wide, utf_8)
        name = wide.upper().removesuffix("-LE").removesuffix("-BE")
        notices.append(format_notice(f"text in {name} is read as such", member))
        path = utf_8
    text = _inspect_bytes(path, file, member)
    with path.open(encoding="latin-1" if text.encoding == "latin-1" else "utf-8-sig", newline="") as lines:
        try:
            first = list(itertools.islice(lines, DEEPEST_HEADER_ROW))
            delimiter = find_delimiter(first)
            lines.seek(0)
            rows = csv.reader(lines, delimiter=delimiter)
            top: list[list[object]] = [list(row) for row in itertools.islice(rows, DEEPEST_HEADER_ROW)]
        except csv.Error as error:
            place = f"{member}, the first rows" if member else "the first rows"
            raise DropRejectedError(file, place, "comma-separated values", str(error), GET_IT_AGAIN) from error
    return Table(
        file,
        member,
        top,
        csv_path=path,
        encoding=text.encoding,
        delimiter=delimiter,
        may_have_blank_rows=text.may_have_blank_rows,
    )


def _write_as_utf_8(path: Path, file: str, place: str, encoding: str, target: Path) -> None:
    """Write a text of wide letters as UTF-8. Raises DropRejectedError where it is none."""
    decoder = codecs.getincrementaldecoder(encoding)()
    read = 0
    with path.open("rb") as source, target.open("wb") as written:
        at_end = False
        while not at_end:
            chunk = source.read(1 << 20)
            at_end = not chunk
            try:
                text = decoder.decode(chunk, final=at_end)
            except UnicodeDecodeError as error:
                name = encoding.upper()
                found = f"bytes near {read + error.start + 1:,} that are not: {error.reason}"
                raise DropRejectedError(file, place, f"text in {name}, as it begins", found, _SAVE_AS_UTF_8) from error
            read += len(chunk)
            written.write(text.encode())


@dataclass(frozen=True)
class _TextBytes:
    """What the bytes of a text say. `encoding` is `utf-8` where every byte fits it, else `latin-1`, which any fits."""

    encoding: str
    may_have_blank_rows: bool


def _inspect_bytes(path: Path, file: str, member: str) -> _TextBytes:
    """Look at every byte of a text once.

    Loading reads `latin-1` as Windows-1252. Raises DropRejectedError for NUL bytes: such a file is not text.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf_8, may_have_blank_rows, end = True, False, b""
    with path.open("rb") as stream:
        at_end = False
        while not at_end:
            chunk = stream.read(_INSPECTED_BYTES)
            at_end = not chunk
            if b"\0" in chunk:
                place = describe_member(member)
                raise DropRejectedError(
                    file, place, "text in UTF-8, UTF-16 or Windows-1252", "NUL bytes", _SAVE_AS_UTF_8
                )
            if is_utf_8 and not (chunk.isascii() and not decoder.getstate()[0] and not at_end):
                try:
                    decoder.decode(chunk, final=at_end)
                except UnicodeDecodeError:
                    is_utf_8 = False
            may_have_blank_rows = may_have_blank_rows or _may_have_blank_line(end + chunk)
            end = (end + chunk)[-2:]
    return _TextBytes("utf-8" if is_utf_8 else "latin-1", may_have_blank_rows)


def _may_have_blank_line(text: bytes) -> bool:
    """Whether a line may be blank, or one character long: False only where none is. Many times as fast as a search."""
    import numpy as np  # imported late: a refresh with nothing new looks at what can be opened, and opens nothing

    letters = np.frombuffer(text, dtype=np.uint8)
    feeds = letters == ord("\n")
    is_blank = bool((feeds[1:] & feeds[:-1]).any())
    if b"\r" in text:
        returns = letters == ord("\r")
        is_blank = is_blank or bool((feeds[2:] & feeds[:-2]).any() or (returns[1:] & returns[:-1]).any())
    return is_blank
