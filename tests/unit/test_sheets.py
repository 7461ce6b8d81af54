"""Sheets: a workbook that would fill the memory is rejected before any of it is loaded; a sound one is read as before.

No test loads what it plants: the reader of workbooks is made to fail the test where a rejection should have come first.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from iapt.ingest.containers import open_tables
from iapt.ingest.sheets import Extent, NotMeasurableError, measure_extent
from iapt.ingest.tables import Table
from iapt.rejection import DropRejectedError
from tests.factories import drops

SHEET = "xl/worksheets/sheet1.xml"
SOUND = drops.make_xlsx({"A": [["first", 1], ["LAST", 2]]})


def edited(book: bytes, edits: Mapping[str, Callable[[bytes], bytes]]) -> bytes:
    """A workbook with some of its parts changed."""
    with zipfile.ZipFile(io.BytesIO(book)) as source:
        parts = {name: edits.get(name, bytes)(source.read(name)) for name in source.namelist()}
    assert set(edits) <= set(parts)
    return drops.make_zip(parts)


def with_rows(rows: str, book: bytes = SOUND, sheet: str = SHEET) -> bytes:
    """A workbook with more rows at the end of a sheet."""
    return edited(book, {sheet: lambda part: part.replace(b"</sheetData>", rows.encode() + b"</sheetData>")})


def opened(folder: Path, content: bytes, name: str = "book.xlsx", **limits: int) -> list[Table]:
    path = folder / name
    path.write_bytes(content)
    (folder / "scratch").mkdir(exist_ok=True)
    return list(open_tables(path, name, drops.with_limits(**limits).limits, folder / "scratch", []))


class NeverLoaded:
    """A reader of workbooks that must not be reached."""

    @staticmethod
    def from_path(path: Path) -> None:
        pytest.fail(f"{path.name} was loaded")


@pytest.fixture
def rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., DropRejectedError]:
    def read_rejection(content: bytes, **limits: int) -> DropRejectedError:
        with pytest.raises(DropRejectedError) as rejection:
            opened(tmp_path, content, "book.xlsx", **limits)
        return rejection.value

    monkeypatch.setattr("iapt.ingest.workbooks.CalamineWorkbook", NeverLoaded)
    return read_rejection


def extent(sheet: str, *, exactly: bool = True) -> Extent:
    part = f"<worksheet><sheetData>{sheet}</sheetData></worksheet>".encode()
    return measure_extent(lambda: io.BytesIO(part), exactly=exactly)


# -- one cell, far away -----------------------------------------------------------------------------------------------

IMPOSSIBLE = [
    *("A4294967295", "ZZZZZZZZZZZ1", "AAAAAAA1", "A99999999999999999999", "A1048577", "XFE1", "ZZZ1"),
    *("", "A", "7", "A1B2", "1A", "$A$1", "A-1", "&#65;1", "A&#49;", "A1:B2", "R1C1"),
]


@pytest.mark.parametrize("place", IMPOSSIBLE)
@pytest.mark.parametrize(
    "written",
    [
        '<row><c r="{}"><v>1</v></c></row>',
        "<row><c r='{}'><v>1</v></c></row>",
        '<row><c s="0" r = "{}" t="n"><v>1</v></c></row>',
        '<row r="3"><x:c xmlns:x="urn:x" r="{}"/></row>',
        '<row><c\n\tr="{}"/></row>',
        '<row><c><v>1</v></c><c r="{}"><v>1</v></c></row>',
    ],
)
def test_a_cell_that_stands_nowhere_in_a_sheet_is_rejected_unloaded(
    place: str, written: str, rejected: Callable[..., DropRejectedError]
) -> None:
    rejection = rejected(with_rows(written.format(place)))
    assert rejection.place == SHEET
    assert rejection.expected.startswith("cells ")


def test_a_cell_that_is_rejected_is_shown_as_it_was_looked_at(rejected: Callable[..., DropRejectedError]) -> None:
    found = rejected(with_rows('<row><c r="A4294967295"/></row>')).found
    assert found == """'<c r="A0000000000"/' (each digit shown as 0)"""


@pytest.mark.parametrize(
    "cell",
    ['<c r="A3" r="A4294967295"/>', '<c s="0"r="A4294967295"/>', "<c r=A4294967295/>", '<c s=">" r="A4294967295"/>'],
)
def test_a_cell_that_parsers_may_read_in_two_ways_is_rejected_unloaded(
    cell: str, rejected: Callable[..., DropRejectedError]
) -> None:
    assert rejected(with_rows(f"<row>{cell}</row>")).expected.startswith("cells that say plainly")


def test_excels_last_cell_is_measured_and_the_next_is_damage() -> None:
    assert extent('<row r="1048576"><c r="XFD1048576"/></row>') == Extent(1_048_576, 16_384, 1)
    for place in ("XFD1048577", "XFE1048576"):
        with pytest.raises(NotMeasurableError, match=r"expected cells within the 1,048,576 rows and 16,384 columns"):
            extent(f'<row><c r="{place}"/></row>')


def test_rows_are_rounded_up_where_that_will_do_and_beyond_six_digits_never() -> None:
    assert extent('<c r="B345"/><c r="AA7"/>', exactly=False) == Extent(999, 27, 2)
    assert extent('<c r="B1000000"/>', exactly=False) == Extent(1_000_000, 2, 1)
    with pytest.raises(NotMeasurableError):
        extent('<c r="B1048577"/>', exactly=False)


def test_a_sheet_is_rejected_for_the_rows_it_has_not_for_those_rounded_up(tmp_path: Path) -> None:
    book = drops.make_xlsx({"A": [["x"] * 10] * 11})
    assert len(opened(tmp_path, book, max_sheet_cells=110)) == 1
    with pytest.raises(DropRejectedError, match="one that reaches over 11 rows and 10 columns"):
        opened(tmp_path, book, max_sheet_cells=109)


# -- cells that follow from those before them ------------------------------------------------------------------------


def test_cells_and_rows_that_do_not_say_where_they_stand_follow_those_before_them() -> None:
    assert extent("<row><c/><c/><c/></row><row><c/></row>") == Extent(2, 3, 4)
    assert extent('<row r="9"><c r="D9"/><c/><c/></row><row><c/></row>') == Extent(10, 6, 4)
    assert extent('<row r="9"/><row/><row><c/></row>') == Extent(11, 1, 1)
    assert extent('<!-- <c r="Z9"> --><row><c/></row>') == Extent(1, 1, 1)
    assert extent('<row r="5"><row r="6"></row></row><c/>') == Extent(8, 1, 1)
    assert extent("") == Extent()


def test_a_workbook_whose_cells_do_not_say_where_they_stand_is_read(tmp_path: Path) -> None:
    (table,) = opened(tmp_path, with_rows("<row><c><v>7</v></c><c><v>8</v></c></row>"))
    assert list(table.top) == [["first", 1.0], ["LAST", 2.0], [7.0, 8.0]]


@pytest.mark.parametrize(
    "rows", ['<row r="4294967295"><c/></row>', '<row r="1048577"><c/></row>', '<row r="1048576"/><row><c/></row>']
)
def test_a_row_beyond_the_last_is_rejected_where_a_cell_depends_on_it(
    rows: str, rejected: Callable[..., DropRejectedError]
) -> None:
    assert rejected(with_rows(rows)).place == SHEET


def test_a_sheet_to_be_parsed_defines_no_entities_and_is_well_formed(
    rejected: Callable[..., DropRejectedError],
) -> None:
    def entity(part: bytes) -> bytes:
        part = part.replace(b"<worksheet", b'<!DOCTYPE w [<!ENTITY e "x">]><worksheet', 1)
        return part.replace(b"</sheetData>", b"<row><c/></row></sheetData>")

    assert rejected(edited(SOUND, {SHEET: entity})).expected == "XML without a document type"
    assert rejected(with_rows("<row><c></row>")).expected == "well-formed XML in UTF-8"


# -- all together -----------------------------------------------------------------------------------------------------


def test_the_sheets_of_a_workbook_are_counted_together(
    tmp_path: Path, rejected: Callable[..., DropRejectedError]
) -> None:
    book = drops.make_xlsx({name: [["x"] * 10] * 10 for name in "ABC"})
    rejection = rejected(book, max_sheet_cells=299)
    assert rejection.place == "xl/worksheets/sheet3.xml"
    assert "300 cells with those before it" in rejection.found
    assert "limits.yml" in rejection.remedy


def test_the_workbooks_of_a_pack_are_counted_together(tmp_path: Path) -> None:
    book = drops.make_xlsx({"A": [["x"] * 10] * 10})
    pack = drops.make_zip({"one.xlsx": book, "two.xlsx": book})
    assert len(opened(tmp_path, pack, "pack.zip", max_sheet_cells=200)) == 2
    with pytest.raises(DropRejectedError) as rejection:
        opened(tmp_path, pack, "pack.zip", max_sheet_cells=199)
    assert rejection.value.place == f"two.xlsx {SHEET}"


@pytest.mark.parametrize("target", ["worksheets/sheet1.xml", "/xl/worksheets/sheet1.xml", "xl/worksheets/SHEET1.xml"])
def test_one_part_is_not_two_sheets(target: str, rejected: Callable[..., DropRejectedError]) -> None:
    again = f'<Relationship Id="rId99" Type="worksheet" Target="{target}"/></Relationships>'.encode()
    rels = "xl/_rels/workbook.xml.rels"
    rejection = rejected(edited(SOUND, {rels: lambda part: part.replace(b"</Relationships>", again)}))
    assert (rejection.expected, rejection.place) == ("every sheet in a part of its own", "the whole file")
    twice = b'<sheet name="B" sheetId="2" r:id="rId1"/></sheets>'
    rejection = rejected(edited(SOUND, {"xl/workbook.xml": lambda part: part.replace(b"</sheets>", twice)}))
    assert rejection.found == "'rId1' 2 times"


def test_two_parts_whose_names_differ_in_capitals_are_rejected(rejected: Callable[..., DropRejectedError]) -> None:
    with zipfile.ZipFile(io.BytesIO(SOUND)) as source:
        parts = {name: source.read(name) for name in source.namelist()}
    assert "many machines take for one" in rejected(drops.make_zip({**parts, "XL/workbook.xml": b""})).found


def test_cells_may_not_repeat_a_long_string_without_end(
    tmp_path: Path, rejected: Callable[..., DropRejectedError]
) -> None:
    book = drops.make_xlsx({"A": [["x" * 10_000]] * 300})
    rejection = rejected(book, max_uncompressed_bytes=3_000_000 - 1)
    assert rejection.found == "300 cells that share strings of up to 10,000 characters"


def test_a_long_string_few_cells_share_is_read(tmp_path: Path) -> None:
    book = drops.make_xlsx({"A": [["x" * 10_000]] * 300})
    (table,) = opened(tmp_path, book, max_uncompressed_bytes=3_000_000)
    assert table.sheet_rows is not None
    assert len(table.sheet_rows) == 300


# -- however the bytes fall -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("window", [1, 7, 64, 1000])
def test_no_cell_is_missed_between_two_windows(window: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iapt.ingest.sheets._WINDOW", window)
    rows = "".join(f'<row r="{n}"><c r="A{n}" s="1"><v>{n}</v></c><c r="AB{n}"/></row>' for n in range(1, 40))
    assert extent(rows) == Extent(39, 28, 78)
    with pytest.raises(NotMeasurableError):
        extent(f'{rows}<row><x:c  r="A4294967295"/></row>')


def test_a_tag_too_long_to_be_looked_at_is_rejected() -> None:
    with pytest.raises(NotMeasurableError, match="tags of an ordinary length"):
        extent(f'<c{" " * 3_000_000}r="A4294967295"/>')


def test_a_part_that_is_no_sheet_is_not_measured() -> None:
    drawing = b'<xdr:row>5</xdr:row><c r="A4294967295"/>'
    assert measure_extent(lambda: io.BytesIO(drawing), exactly=True) == Extent()
