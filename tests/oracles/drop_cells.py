"""The measure cells of a drop, read a second time from its bytes by Python's own CSV and XML readers.

It shares no code with the reader: which columns hold keys is written out in `drop_mutations`, and every other is a
column of measure cells. Where the bytes are so damaged that it cannot read them, it says so rather than guess.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Sequence
from xml.etree import ElementTree

from tests.factories.drop_mutations import KEYS

_MARKS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_ENCODINGS = ("utf-32", "utf-32", "utf-8-sig", "utf-16", "utf-16")
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_SHEET = re.compile(r"(?:^|(?P<book>.*) )sheet (?P<quote>['\"])(?P<sheet>.*)(?P=quote)$", re.DOTALL)

#: How a table begins of which the third column is a variable, whatever its name.
_TABLES_OF_ONE_VARIABLE = (["CCG_CODE", "CCG_NAME"], ["CCG", "CCGName"])


class UnreadableError(Exception):
    """Raised where the bytes cannot be read a second time."""


def read_cells(content: bytes, tables: Iterable[str]) -> Counter[str]:
    """Return the texts of the measure cells of the tables of these names, with how often each stands there.

    Raises UnreadableError where that cannot be said.
    """
    try:
        return sum((_read_table(content, name) for name in tables), Counter())
    except (OSError, ValueError, LookupError, csv.Error, zipfile.BadZipFile, ElementTree.ParseError) as error:
        raise UnreadableError(f"{type(error).__name__}: {error}") from error


def _read_table(content: bytes, name: str) -> Counter[str]:
    sheet = _SHEET.match(name)
    if sheet is not None:
        book = _read_member(content, sheet["book"]) if sheet["book"] else content
        rows = _read_sheet(book, sheet["sheet"].encode().decode("unicode_escape") if "\\" in name else sheet["sheet"])
    else:
        rows = _read_csv(_read_member(content, name) if name else content)
    return _count_cells(rows)


def _read_member(content: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(name)


def _read_csv(content: bytes) -> list[list[str]]:
    encoding = next((name for mark, name in zip(_MARKS, _ENCODINGS, strict=True) if content.startswith(mark)), "")
    if not encoding:
        is_wide = content[1:2] == b"\0" or content[:1] == b"\0"
        encoding = ("utf-16-le" if content[1:2] == b"\0" else "utf-16-be") if is_wide else "utf-8"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        text = content.decode("cp1252")
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def _count_cells(rows: Sequence[Sequence[str]]) -> Counter[str]:
    for number, row in enumerate(rows):
        header = [name.strip().strip("\ufeff\u200b").strip() for name in row]
        while header and not header[-1]:
            header.pop()
        if sum(name in KEYS for name in header) >= 2:
            places = [place for place, name in enumerate(header) if name not in KEYS]
            if header[:2] in _TABLES_OF_ONE_VARIABLE and 2 in places:
                places.remove(2)
            return Counter(
                below[place] if place < len(below) else ""
                for below in rows[number + 1 :]
                if any(below)
                for place in places
            )
    raise ValueError("no header")


# -- workbooks ---------------------------------------------------------------------------------------------------------


def _read_sheet(content: bytes, name: str) -> list[list[str]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        strings = []
        if "xl/sharedStrings.xml" in archive.namelist():
            root = ElementTree.fromstring(archive.read("xl/sharedStrings.xml"))
            strings = ["".join(text.text or "" for text in item.iter(f"{_MAIN}t")) for item in root]
        relations = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
        targets = {relation.attrib["Id"]: relation.attrib["Target"] for relation in relations}
        workbook = ElementTree.fromstring(archive.read("xl/workbook.xml"))
        sheets = {sheet.attrib["name"]: sheet.attrib[_RELATION] for sheet in workbook.iter(f"{_MAIN}sheet")}
        root = ElementTree.fromstring(archive.read(f"xl/{targets[sheets[name]].removeprefix('/xl/')}"))
    rows: list[list[str]] = []
    for row in root.iter(f"{_MAIN}row"):
        cells: dict[int, str] = {}
        for cell in row.iter(f"{_MAIN}c"):
            cells[_read_column(cell.attrib["r"])] = _read_text(cell, strings)
        rows.append([cells.get(column, "") for column in range(max(cells, default=-1) + 1)])
    return rows


def _read_column(reference: str) -> int:
    number = 0
    for letter in re.match(r"[A-Z]+", reference)[0]:  # type: ignore[index]
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _read_text(cell: ElementTree.Element, strings: Sequence[str]) -> str:
    value = cell.find(f"{_MAIN}v")
    if cell.attrib.get("t") == "inlineStr":
        return "".join(text.text or "" for text in cell.iter(f"{_MAIN}t"))
    if value is None or value.text is None:
        return ""
    if cell.attrib.get("t") == "s":
        return strings[int(value.text)]
    return value.text
