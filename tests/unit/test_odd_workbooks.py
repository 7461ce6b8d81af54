"""Workbooks as people leave them: errors in cells, hidden sheets, the same sheet twice. Nothing of it is a blank."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import xlsxwriter
from xlsxwriter.chart import Chart

from iapt.ingest.sheets import SPREADSHEET_ERRORS, UNCALCULATED, format_position
from tests.factories import drops
from tests.factories.drops import FINISHED, MONTHLY_HEADER, ReadDrop, Row, make_row, read

NAME = "iapt-month-apr-2026-final-data.xlsx"
SHEET = "xl/worksheets/sheet1.xml"
ERROR = "a spreadsheet's error is neither a value nor a suppression"


def edited(book: bytes, part: str, edit: Callable[[bytes], bytes]) -> bytes:
    """A workbook with one of its parts changed; the change must change something."""
    with zipfile.ZipFile(io.BytesIO(book)) as source:
        parts = {name: source.read(name) for name in source.namelist()}
    assert edit(parts[part]) != parts[part]
    return drops.make_zip({**parts, part: edit(parts[part])})


def workbook(*sheets: tuple[str, list[Row], str]) -> bytes:
    """A workbook of sheets by name, with their state: visible, hidden or very_hidden."""
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"in_memory": True}) as book:
        for name, rows, state in sheets:
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
            if state != "visible":
                getattr(sheet, {"hidden": "hide", "very_hidden": "very_hidden"}[state])()
    return stream.getvalue()


def with_cell(cell: str, *, after: str = "") -> bytes:
    """A monthly workbook whose second figure, J3, is written so."""
    book = drops.make_xlsx({"jan": [MONTHLY_HEADER, make_row(25), make_row(777, measure=FINISHED)]})
    return edited(book, SHEET, lambda part: part.replace(b'<c r="J3"><v>777</v></c>', (cell + after).encode()))


def odd(found: ReadDrop) -> list[tuple[str, int, str, str]]:
    keys = ("source_member", "source_row", "value_as_published", "reason")
    return [tuple(cell[key] for key in keys) for cell in found.quarantine]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ('<c r="J3" t="e"><v>#N/A</v></c>', "#N/A"),
        ("<c r='J3' t = 'e' ><v>#DIV/0!</v></c>", "#DIV/0!"),
        ('<c t="e" s="0" r="J3"><f>1/0</f><v>#REF!</v></c>', "#REF!"),
        ('<c t="e"><v>#VALUE!</v></c>', "#VALUE!"),
        ('<c r="J3" t="e"/>', "#ERROR!"),
        ('<c r="J3" t="s"><v>0</v></c>', ""),
        ('<c r="J3" t="inlineStr"><is><t>#NAME?</t></is></c>', "#NAME?"),
        ('<c r="J3" t="str"><f>NA()</f><v>#NULL!</v></c>', "#NULL!"),
        ('<c r="J3"><f>SUM(J2:J2)</f></c>', UNCALCULATED),
        ('<c r="J3"><f>SUM(J2:J2)</f><v></v></c>', UNCALCULATED),
        ('<c r="J3" t="str"><f>A1</f></c>', UNCALCULATED),
    ],
)
def test_an_error_in_a_cell_is_quarantined_as_what_it_is_and_never_as_a_blank(
    cell: str, text: str, tmp_path: Path
) -> None:
    found = read(tmp_path, NAME, with_cell(cell))
    if not text:  # a shared string that is no error: the sheet's first text, which is no figure
        assert "found 'REPORTING_PERIOD_START'" in found.rejection
        return
    assert [(cell["source_row"], cell["value_as_published"]) for cell in found.observations] == [(2, "25")]
    ((member, row, published, reason),) = odd(found)
    assert (member, row, published) == ("sheet 'jan'", 3, text)
    assert reason == (ERROR if text != UNCALCULATED else reason)
    assert "blank" not in reason
    if 't="inlineStr"' not in cell and 't="str"' not in cell:
        (notice,) = found.summary.notices
        assert notice == f"a cell with a spreadsheet's error is no figure: sheet 'jan', J3 {text}"


@pytest.mark.parametrize("text", [" #VALUE! ", "#SPILL!", "12345", "no such error, and as long as this " * 3])
def test_an_error_of_no_known_spelling_is_rejected_with_a_remedy_that_mends_it(text: str, tmp_path: Path) -> None:
    rejection = read(tmp_path, NAME, with_cell(f'<c r="J3" t="e"><v>{text}</v></c>')).rejection
    assert "expected a readable workbook; found " in rejection
    assert "save it there as XLSX" in rejection
    assert len(rejection) < 320


def test_a_formula_with_its_result_and_a_blank_cell_are_what_they_were(tmp_path: Path) -> None:
    found = read(tmp_path, NAME, with_cell('<c r="J3"><f>SUM(1,2)</f><v>30</v></c>'))
    assert [cell["value_as_published"] for cell in found.observations] == ["25", "30"]
    blank = read(tmp_path, NAME, with_cell('<c r="J3"/>'))
    assert odd(blank) == [("sheet 'jan'", 3, "", "a blank is neither a value nor a suppression")]
    assert (found.summary.notices, blank.summary.notices) == ([], [])


def test_errors_beyond_what_the_sheet_was_loaded_with_keep_their_place(tmp_path: Path) -> None:
    rows = "".join(
        f'<row r="{row}">'
        + "".join(f'<c r="{column}{row}" t="e"><v>#N/A</v></c>' for column in "ABCDEFGHIJ")
        + "</row>"
        for row in (9, 12)
    )
    book = edited(
        with_cell('<c r="J3" t="e"><v>#N/A</v></c>'),
        SHEET,
        lambda part: part.replace(b"</sheetData>", rows.encode() + b"</sheetData>"),
    )
    found = read(tmp_path, NAME, book)
    assert [row for _, row, _, _ in odd(found)] == [3, 9, 12]
    assert "rows with a spreadsheet's error in a key are quarantined: sheet 'jan', row 9; sheet 'jan', row 12" in (
        found.summary.notices
    )


def test_the_errors_of_a_sheet_are_told_with_the_first_few_and_how_many_more(tmp_path: Path) -> None:
    figures = [make_row("25"), *(make_row("#N/A", measure=(f"M{n:03}", "Count")) for n in range(10, 40))]
    book = drops.make_xlsx({"jan": [MONTHLY_HEADER, *figures]})
    # The text #N/A is a string of the sheet here; as errors of the sheet they are told with their cells.
    for row in range(3, 33):
        written = f'<c r="J{row}" t="e"><v>#N/A</v></c>'.encode()
        book = edited(book, SHEET, lambda part, row=row, written=written: _replace_cell(part, f"J{row}", written))
    found = read(tmp_path, NAME, book)
    assert found.summary.quarantined == 30
    (notice,) = [notice for notice in found.summary.notices if not notice.startswith("no rows of a level")]
    assert "J3 #N/A; J4 #N/A" in notice
    assert "and 25 more" in notice
    assert len(notice) < 200


def _replace_cell(part: bytes, place: str, written: bytes) -> bytes:
    start = part.index(f'<c r="{place}"'.encode())
    end = part.index(b"</c>", start) + len(b"</c>")
    return part[:start] + written + part[end:]


@pytest.mark.parametrize("text", SPREADSHEET_ERRORS)
def test_an_error_that_was_saved_as_text_is_quarantined_in_a_csv_too(text: str, tmp_path: Path) -> None:
    found = drops.read_monthly(tmp_path, make_row("25"), make_row(text, measure=FINISHED))
    assert [(cell["value_as_published"], cell["reason"]) for cell in found.quarantine] == [(text, ERROR)]
    wide = drops.make_csv(drops.ANNUAL_HEADERS["2022-23"], [drops.make_annual_row("25", text, "30")])
    assert [cell["value_as_published"] for cell in read(tmp_path, "a-2022-23.csv", wide).quarantine] == [text]


@pytest.mark.parametrize("key", [0, 1, 2, 5, 6, 7, 8])
def test_a_row_with_an_error_in_a_key_is_quarantined_and_the_rest_is_read(key: int, tmp_path: Path) -> None:
    row = make_row("777", measure=FINISHED)
    row[key] = "#REF!"
    found = drops.read_monthly(tmp_path, make_row("25"), row, make_row("30", measure=("M003", "Count_X")))
    assert [cell["value_as_published"] for cell in found.observations] == ["25", "30"]
    assert odd(found) == [("", 3, "777", "a key of the row is a spreadsheet's error")]
    assert found.summary.notices == ["rows with a spreadsheet's error in a key are quarantined: row 3"]
    wide = [drops.make_annual_row("25"), ["#N/A", *drops.make_annual_row("30")[1:]]]
    annual = read(tmp_path, "a-2022-23.csv", drops.make_csv(drops.ANNUAL_HEADERS["2022-23"], wide))
    assert annual.summary.quarantined == len(drops.ANNUAL_HEADERS["2022-23"]) - len(drops.ANNUAL_KEYS)
    both = drops.read_monthly(tmp_path, [*make_row("25"), "27"], [*row, "28"], header=drops.BOTH_VALUES_HEADER)
    assert both.summary.cells == 4
    assert all(cell["value_as_published"] in {"777", None} for cell in both.quarantine)


def test_a_table_of_which_every_row_has_an_error_in_its_keys_is_rejected(tmp_path: Path) -> None:
    row = ["#N/A", *make_row("25")[1:]]
    assert "a spreadsheet's error in the keys of every row" in drops.read_monthly(tmp_path, row, row).rejection


@pytest.mark.parametrize(
    ("row", "column", "written"), [(1, 1, "A1"), (12, 26, "Z12"), (7, 27, "AA7"), (9, 16384, "XFD9")]
)
def test_a_cell_is_named_as_a_spreadsheet_names_it(row: int, column: int, written: str) -> None:
    assert format_position(row, column) == written


# -- sheets that are not read -----------------------------------------------------------------------------------------

VISIBLE: tuple[str, list[Row], str] = ("nov", [MONTHLY_HEADER, make_row("25")], "visible")
EARLIER: list[Row] = [MONTHLY_HEADER, make_row("30", start="01/03/2026", end="31/03/2026")]


@pytest.mark.parametrize("state", ["hidden", "very_hidden"])
def test_a_hidden_sheet_is_never_read_and_is_named(state: str, tmp_path: Path) -> None:
    book = workbook(VISIBLE, ("old", EARLIER, state), ("Notes", [["A note"]], state))
    found = read(tmp_path, NAME, book)
    assert [(cell["source_member"], cell["value_as_published"]) for cell in found.observations] == [
        ("sheet 'nov'", "25")
    ]
    assert found.summary.notices == [
        "a hidden sheet is not read: sheet 'old'",
        "a hidden sheet is not read: sheet 'Notes'",
    ]
    packed = read(tmp_path, "iapt-month-apr-2026.zip", drops.make_zip({"book.xlsx": book}))
    assert len(packed.observations) == 1
    assert "a hidden sheet is not read: book.xlsx sheet 'old'" in packed.summary.notices


def test_a_hidden_sheet_that_no_layout_knows_spoils_nothing(tmp_path: Path) -> None:
    drifted: list[Row] = [[*MONTHLY_HEADER, "NEW"], [*make_row("30"), "x"]]
    assert len(read(tmp_path, NAME, workbook(VISIBLE, ("old", drifted, "hidden"))).observations) == 1


def test_a_workbook_of_hidden_sheets_alone_is_rejected_naming_them(tmp_path: Path) -> None:
    book = drops.make_xlsx({"jan": EARLIER, "feb": EARLIER})

    def hide(part: bytes) -> bytes:
        return part.replace(b"<sheet name=", b'<sheet state="hidden" name=')

    rejection = read(tmp_path, NAME, edited(book, "xl/workbook.xml", hide)).rejection
    assert "expected a sheet of figures; found none but hidden ones: sheet 'jan', sheet 'feb'" in rejection
    assert "unhide it" in rejection


@pytest.mark.parametrize("name", [NAME, "iapt-month-apr-2026.zip"])
@pytest.mark.parametrize(
    "front",
    [[["hello"]], [[*MONTHLY_HEADER, "NEW"], [*make_row("30"), "x"]]],
    ids=["a cover", "a table that has changed"],
)
def test_a_rejection_names_the_hidden_sheets_that_were_not_read(name: str, front: list[Row], tmp_path: Path) -> None:
    book = workbook(("front", front, "visible"), ("d", [MONTHLY_HEADER, make_row("25")], "hidden"))
    content = drops.make_zip({"book.xlsx": book}) if name.endswith(".zip") else book
    rejection = read(tmp_path, name, content).rejection
    sheet = "book.xlsx sheet 'd'" if name.endswith(".zip") else "sheet 'd'"
    assert f"Hidden and not read: {sheet}. If a hidden sheet is what was published, unhide it" in rejection


def test_a_zip_of_hidden_sheets_alone_is_rejected_naming_them(tmp_path: Path) -> None:
    book = edited(
        drops.make_xlsx({"jan": EARLIER}),
        "xl/workbook.xml",
        lambda part: part.replace(b"<sheet name=", b'<sheet state="hidden" name='),
    )
    rejection = read(tmp_path, "iapt-month-apr-2026.zip", drops.make_zip({"book.xlsx": book})).rejection
    assert "Hidden and not read: book.xlsx sheet 'jan'" in rejection


def test_a_workbook_that_lacks_the_cells_of_a_sheet_is_rejected_saying_so(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(workbook(VISIBLE))) as source:
        parts = {name: source.read(name) for name in source.namelist() if name != SHEET}
    assert (
        "found sheet 'nov': the part with its cells is missing" in read(tmp_path, NAME, drops.make_zip(parts)).rejection
    )


@pytest.mark.parametrize("kept", [*range(20, 100, 8)])
def test_a_workbook_with_a_part_cut_short_is_rejected_in_words(kept: int, tmp_path: Path) -> None:
    for part in (SHEET, "xl/workbook.xml", "xl/sharedStrings.xml"):
        cut = edited(workbook(VISIBLE), part, lambda content: content[: len(content) * kept // 100])
        rejection = read(tmp_path, NAME, cut).rejection
        found = rejection.split("; found ")[1].split(". ")[0]
        assert len(found.split()) >= 3, rejection


def test_a_sheet_of_a_chart_is_passed_over(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"in_memory": True}) as book:
        sheet = book.add_worksheet("data")
        for number, row in enumerate([MONTHLY_HEADER, make_row("25")]):
            sheet.write_row(number, 0, row)
        chart = book.add_chart({"type": "line"})
        assert isinstance(chart, Chart)
        chart.add_series({"values": "=data!$J$2:$J$2"})
        book.add_chartsheet("picture").set_chart(chart)
    found = read(tmp_path, NAME, stream.getvalue())
    assert len(found.observations) == 1
    assert found.summary.notices == ["a sheet that holds no cells is not read: sheet 'picture'"]


@pytest.mark.parametrize("what", ['<row r="2" hidden="1"', "<cols><col min='1' hidden='true'/></cols>"])
def test_hidden_rows_and_columns_are_read_and_told(what: str, tmp_path: Path) -> None:
    def hide(part: bytes) -> bytes:
        if what.startswith("<row"):
            return part.replace(b'<row r="2"', what.encode())
        return part.replace(b"<sheetData>", what.encode() + b"<sheetData>")

    found = read(tmp_path, NAME, edited(workbook(VISIBLE), SHEET, hide))
    assert len(found.observations) == 1
    assert found.summary.notices == ["hidden rows and columns are read like any others: sheet 'nov'"]


def test_the_same_sheet_twice_is_told_and_counted_once(tmp_path: Path) -> None:
    rows: list[Row] = [MONTHLY_HEADER, make_row("25"), make_row("30", measure=FINISHED)]
    found = read(tmp_path, NAME, workbook(("apr", rows, "visible"), ("apr (2)", rows, "visible")))
    assert found.summary.notices == [
        "a table repeats another row for row, and is counted once: sheet 'apr' repeats sheet 'apr (2)'"
    ]
    assert [cell["duplicate_of_row"] for cell in found.observations] == [2, 3, None, None]
    more: list[Row] = [MONTHLY_HEADER, rows[2], make_row("35", measure=("M003", "Count"))]
    assert read(tmp_path, NAME, workbook(("apr", rows, "visible"), ("apr (2)", more, "visible"))).summary.notices == []
    packed = drops.make_zip({"a.csv": drops.make_monthly_csv(*rows[1:]), "b.csv": drops.make_monthly_csv(*rows[1:])})
    (notice,) = read(tmp_path, "iapt-month-apr-2026.zip", packed).summary.notices
    assert notice.endswith("b.csv repeats a.csv")


# -- values that a library reads as others ----------------------------------------------------------------------------

NUMBERS = workbook(("apr", [MONTHLY_HEADER, make_row(25), make_row(30, measure=FINISHED)], "visible"))


@pytest.mark.parametrize(
    "value",
    [
        *(b"2<!-- a remark -->5", b"2&#53;", b"&#50;5", b"<![CDATA[25]]>", b"2<?x y?>5", b"2<x>5</x>"),
        *(b"25&nbsp;", b"&foo;"),
    ],
)
@pytest.mark.parametrize("written", ['<c r="J2"><v>{}</v></c>', '<c r="J2" t="n"><v xml:space="preserve">{}</v></c>'])
def test_a_value_that_would_be_read_as_another_one_is_rejected(value: bytes, written: str, tmp_path: Path) -> None:
    cell = written.encode().replace(b"{}", value)
    book = edited(NUMBERS, SHEET, lambda part: _replace_cell(part, "J2", cell))
    rejection = read(tmp_path, NAME, book).rejection
    assert f"{SHEET}: expected values that stand plainly in their cells, such as <v>12</v>; found" in rejection


@pytest.mark.parametrize(
    "cell",
    [
        b'<c r="J2" t="str"><v>&#50;5</v></c>',
        b'<c r="J2" t="str"><f>1&amp;2</f><v>&#50;5</v></c>',
        b'<c r="J2" t="inlineStr"><is><t>&#50;5</t></is></c>',
        b'<c r="J2"><f>A1&amp;B1</f><v>25</v></c>',
        b'<c r="J2"><v></v></c>',
    ],
)
def test_what_is_read_right_is_not_rejected(cell: bytes, tmp_path: Path) -> None:
    found = read(tmp_path, NAME, edited(NUMBERS, SHEET, lambda part: _replace_cell(part, "J2", cell)))
    assert [value["value_as_published"] for value in found.observations] == (
        ["30"] if b"<v></v>" in cell else ["25", "30"]
    )


@pytest.mark.parametrize("at", range(-40, 40, 5))
def test_a_value_is_seen_where_two_looks_at_a_sheet_meet(at: int, tmp_path: Path) -> None:
    cell = b'<c r="J2"><v>2<!-- x -->5</v></c>'

    def move(part: bytes) -> bytes:
        changed = _replace_cell(part, "J2", cell)
        place = changed.index(cell)
        head = changed[: changed.index(b"<sheetData>") + len(b"<sheetData>")]
        return head + b" " * ((1 << 20) + at - place) + changed[len(head) :]

    assert "stand plainly" in read(tmp_path, NAME, edited(NUMBERS, SHEET, move)).rejection


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (b'<row r="3"', b'<row r="2"', "row 2 after row 2"),
        (b'<row r="1"', b"<row spans='1:10' r='3'", "row 2 after row 3"),
    ],
)
def test_a_row_that_stands_twice_or_out_of_order_is_rejected_for_the_last_would_win(
    old: bytes, new: bytes, found: str, tmp_path: Path
) -> None:
    rejection = read(tmp_path, NAME, edited(NUMBERS, SHEET, lambda part: part.replace(old, new))).rejection
    assert f"expected rows in their order, each once; found {found}." in rejection


@pytest.mark.parametrize("part", [SHEET, "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/sharedStrings.xml"])
def test_a_part_that_defines_entities_is_rejected(part: str, tmp_path: Path) -> None:
    definitions = b'<!DOCTYPE x [<!ENTITY a "lol">%s]>' % b"".join(
        b'<!ENTITY %c "%s">' % (98 + level, b"&%c;" % (97 + level) * 10) for level in range(8)
    )

    def define(content: bytes) -> bytes:
        start = content.index(b"?>") + 2
        return content[:start] + definitions + content[start:].replace(b"<v>25</v>", b"<v>&i;</v>")

    rejection = read(tmp_path, NAME, edited(NUMBERS, part, define)).rejection
    assert "expected XML without a document type; found a document type, which may define entities" in rejection


# -- other encodings --------------------------------------------------------------------------------------------------

PARTS = [SHEET, "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/sharedStrings.xml"]


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("encoding", ["UTF-9", "EBCDIC-CP-US", "UTF-7", "Shift_JIS", ""])
def test_a_part_that_declares_another_encoding_is_rejected(encoding: str, part: str, tmp_path: Path) -> None:
    def declare(content: bytes) -> bytes:
        assert b'encoding="UTF-8"' in content
        return content.replace(b'encoding="UTF-8"', f'encoding="{encoding}"'.encode())

    rejection = read(tmp_path, NAME, edited(workbook(VISIBLE), part, declare)).rejection
    assert "UTF-8" in rejection
    assert rejection.count(". ") <= 3


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_part_in_utf_16_is_rejected_for_its_cells_would_not_be_seen(encoding: str, part: str, tmp_path: Path) -> None:
    def write_wide(content: bytes) -> bytes:
        return content.replace(b'encoding="UTF-8"', b'encoding="UTF-16"').decode().encode(encoding)

    assert read(tmp_path, NAME, edited(workbook(VISIBLE), part, write_wide)).rejection
