"""CSV files: their encoding, their delimiter and their first rows."""

from __future__ import annotations

import codecs
import csv
import itertools
from pathlib import Path

from iapt.catalogue.layouts import DEEPEST_HEADER_ROW
from iapt.ingest.notices import format_notice
from iapt.ingest.packs import reject_posing
from iapt.ingest.tables import GET_IT_AGAIN, Table, describe_member
from iapt.rejection import DropRejectedError
from iapt.sources.file_formats import HEAD_BYTES, detect_wide_encoding, find_delimiter, recognise_format

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
    encoding = _detect_encoding(path, file, member)
    with path.open(encoding="latin-1" if encoding == "latin-1" else "utf-8-sig", newline="") as lines:
        try:
            first = list(itertools.islice(lines, DEEPEST_HEADER_ROW))
            delimiter = find_delimiter(first)
            lines.seek(0)
            rows = csv.reader(lines, delimiter=delimiter)
            top: list[list[object]] = [list(row) for row in itertools.islice(rows, DEEPEST_HEADER_ROW)]
        except csv.Error as error:
            place = f"{member}, the first rows" if member else "the first rows"
            raise DropRejectedError(file, place, "comma-separated values", str(error), GET_IT_AGAIN) from error
    return Table(file, member, top, csv_path=path, encoding=encoding, delimiter=delimiter)


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


def _detect_encoding(path: Path, file: str, member: str) -> str:
    """Return `utf-8` where every byte fits it, else `latin-1`, in which any byte is a letter.

    Loading reads the latter as Windows-1252. Raises DropRejectedError for NUL bytes: such a file is not text.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    encoding = "utf-8"
    with path.open("rb") as stream:
        at_end = False
        while not at_end:
            chunk = stream.read(1 << 20)
            at_end = not chunk
            if b"\0" in chunk:
                place = describe_member(member)
                raise DropRejectedError(
                    file, place, "text in UTF-8, UTF-16 or Windows-1252", "NUL bytes", _SAVE_AS_UTF_8
                )
            if encoding == "utf-8":
                try:
                    decoder.decode(chunk, final=at_end)
                except UnicodeDecodeError:
                    encoding = "latin-1"
    return encoding
