"""Old workbooks (XLS): read under the rules of newer ones, and rejected where they cannot be."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import struct
from pathlib import Path

import pytest

from iapt.ingest.sheets import ERROR_REASON, UNCALCULATED, UNCALCULATED_REASON
from iapt.sources.file_formats import recognise_format
from tests.factories import drops
from tests.factories.drops import FINISHED, MONTHLY_HEADER, make_row
from tests.factories.rar_writer import RarMember, make_rar5
from tests.factories.xls_writer import (
    FILE_PASS,
    FORMULA,
    HIDDEN,
    INTERFACE,
    SHEET_LISTED,
    VERY_HIDDEN,
    ErrorValue,
    Formula,
    edit_record,
    find_records,
    make_xls,
)

NAME = "iapt-month-apr-2026-final-data.xls"
TABLE = [MONTHLY_HEADER, make_row("25"), make_row(30, measure=FINISHED)]
BOOK = make_xls({"apr ": TABLE})


def rejection_of(folder: Path, content: bytes, name: str = NAME, **limits: int) -> str:
    return drops.read(folder, name, content, using=drops.with_limits(**limits)).rejection


def test_an_old_workbook_is_read_as_the_same_workbook_saved_as_xlsx_is(tmp_path: Path) -> None:
    whole = [*TABLE, make_row(52.5, measure=("M003", "Mean"))]
    old = drops.read(tmp_path, NAME, make_xls({"apr ": whole, "Notes": [["A note"]]}))
    new = drops.read(tmp_path, NAME.replace(".xls", ".xlsx"), drops.make_xlsx({"apr ": whole, "Notes": [["A note"]]}))
    for cell, other in zip(old.observations, new.observations, strict=True):
        assert {key for key in cell if cell[key] != other[key]} == {"drop_sha256", "source_file"}
    assert [cell["value_as_published"] for cell in old.observations] == ["25", "30", "52.5"]
    assert {cell["source_member"] for cell in old.observations} == {"sheet 'apr '"}
    assert old.summary.unread == new.summary.unread == ["sheet 'Notes'"]
    assert old.summary.notices == new.summary.notices


@pytest.mark.parametrize("from_1904", [False, True])
def test_true_dates_are_days_in_either_of_the_two_calendars(from_1904: bool, tmp_path: Path) -> None:
    row = [dt.date(2026, 4, 1), dt.date(2026, 4, 30), *make_row("25")[2:]]
    read = drops.read(tmp_path, NAME, make_xls({"apr": [MONTHLY_HEADER, row]}, from_1904=from_1904))
    assert [str(cell["period_start"]) for cell in read.observations] == ["2026-04-01"]


@pytest.mark.parametrize("state", [HIDDEN, VERY_HIDDEN])
def test_a_hidden_sheet_is_never_read_and_is_named(state: int, tmp_path: Path) -> None:
    book = make_xls({"old": [MONTHLY_HEADER, make_row("35")], "apr": TABLE}, visibility={"old": state})
    read = drops.read(tmp_path, NAME, book)
    assert {cell["source_member"] for cell in read.observations} == {"sheet 'apr'"}
    assert read.summary.notices == ["a hidden sheet is not read: sheet 'old'"]
    packed = drops.read(tmp_path, "iapt-month-apr-2026.zip", drops.make_zip({"book.xls": book}))
    assert packed.summary.notices == ["a hidden sheet is not read: book.xls sheet 'old'"]
    alone = edit_record(make_xls({"apr": TABLE, "old": TABLE}, visibility={"old": state}), SHEET_LISTED, 0, 4, b"\1")
    assert "found none but hidden ones: sheet 'apr', sheet 'old'" in rejection_of(tmp_path, alone)


def test_a_sheet_of_a_chart_is_passed_over_and_named(tmp_path: Path) -> None:
    book = edit_record(make_xls({"picture": [["x"]], "apr": TABLE}), SHEET_LISTED, 0, 5, b"\2")
    read = drops.read(tmp_path, NAME, book)
    assert {cell["source_member"] for cell in read.observations} == {"sheet 'apr'"}
    assert read.summary.notices == ["a sheet that holds no cells is not read: sheet 'picture'"]


@pytest.mark.parametrize("error", ["#N/A", "#DIV/0!", "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!"])
def test_an_error_is_quarantined_as_one_and_named_with_its_cell(error: str, tmp_path: Path) -> None:
    book = make_xls({"apr": [MONTHLY_HEADER, make_row("25"), make_row(ErrorValue(error), measure=FINISHED)]})
    read = drops.read(tmp_path, NAME, book)
    assert [(cell["value_as_published"], cell["reason"]) for cell in read.quarantine] == [(error, ERROR_REASON)]
    assert read.summary.notices == [f"a cell with a spreadsheet's error is no figure: sheet 'apr', J3 {error}"]


def test_an_error_of_no_known_number_is_an_error_all_the_same(tmp_path: Path) -> None:
    book = make_xls({"apr": [MONTHLY_HEADER, make_row("25"), make_row(ErrorValue("#N/A"), measure=FINISHED)]})
    (record,) = find_records(book, 0x205)
    other = book[: record + 10] + b"\x63" + book[record + 11 :]
    assert [cell["value_as_published"] for cell in drops.read(tmp_path, NAME, other).quarantine] == ["#ERROR!"]


def test_a_formula_without_a_result_is_no_blank_and_one_with_a_result_is_a_figure(tmp_path: Path) -> None:
    book = make_xls({"apr": [MONTHLY_HEADER, make_row("25"), make_row(Formula("1+1"), measure=FINISHED)]})
    read = drops.read(tmp_path, NAME, book)
    assert [(cell["value_as_published"], cell["reason"]) for cell in read.quarantine] == [
        (UNCALCULATED, UNCALCULATED_REASON)
    ]
    assert "J3 (a formula without a result)" in read.summary.notices[0]
    calculated = edit_record(book, FORMULA, 0, 6, struct.pack("<d", 40.0))
    found = drops.read(tmp_path, NAME, calculated)
    assert [cell["value_as_published"] for cell in found.observations] == ["25", "40"]


def test_hidden_rows_are_read_and_told(tmp_path: Path) -> None:
    read = drops.read(tmp_path, NAME, make_xls({"apr": TABLE}, hidden_row=1))
    assert len(read.observations) == 2
    assert read.summary.notices == ["hidden rows and columns are read like any others: sheet 'apr'"]


def test_hidden_columns_are_read_and_told(tmp_path: Path) -> None:
    read = drops.read(tmp_path, NAME, make_xls({"apr": TABLE}, hidden_column=2))
    assert len(read.observations) == 2
    assert read.summary.notices == ["hidden rows and columns are read like any others: sheet 'apr'"]


def test_it_is_read_inside_a_zip_a_rar_and_a_gzip(tmp_path: Path) -> None:
    for name, content in (
        ("iapt-month-apr-2026.zip", drops.make_zip({"a/BOOK.XLS": BOOK})),
        ("iapt-month-apr-2026.rar", make_rar5([RarMember("a/BOOK.XLS", BOOK)])),
        ("iapt-month-apr-2026.xls.gz", gzip.compress(BOOK)),
        ("iapt-month-apr-2026.gz", gzip.compress(BOOK)),
    ):
        read = drops.read(tmp_path, name, content)
        assert [cell["value_as_published"] for cell in read.observations] == ["25", "30"], name
        member = "sheet 'apr '" if name.endswith(".gz") else "a/BOOK.XLS sheet 'apr '"
        assert read.observations[0]["source_member"] == member


def test_cells_that_stand_far_apart_are_rejected_before_the_gap_is_filled(tmp_path: Path) -> None:
    far = make_xls({"a": [["first"], *[[]] * 998, [*[None] * 249, "last"]], "b": [["x"]]})
    within = drops.with_limits(max_sheet_cells=1000 * 250 + 1)
    assert "layout" in drops.read(tmp_path, NAME, far, using=within).rejection
    rejection = rejection_of(tmp_path, far, max_sheet_cells=1000 * 250)
    assert "expected sheets of at most 250,000 cells together; found one that reaches over 1 rows" in rejection
    rejection = rejection_of(tmp_path, far, max_sheet_cells=1000 * 250 - 1)
    assert "sheet 'a': expected sheets of at most 249,999 cells" in rejection
    assert "reaches over 1,000 rows and 250 columns" in rejection
    pack = drops.make_zip({"1.xls": far, "2.xls": far})
    assert "2.xls sheet 'a'" in rejection_of(tmp_path, pack, "pack.zip", max_sheet_cells=300_000)


def test_a_workbook_of_more_bytes_or_text_than_the_limits_is_rejected(tmp_path: Path) -> None:
    most = len(BOOK) - 1
    assert f"an old workbook of at most {most:,} bytes" in rejection_of(tmp_path, BOOK, max_old_workbook_bytes=most)
    repeated = make_xls({"a": [["x" * 30_000] * 200] * 10})
    assert len(repeated) < 100_000
    rejection = rejection_of(tmp_path, repeated, max_uncompressed_bytes=10_000_000)
    assert "found texts of 60,000,000 characters" in rejection


def test_sheets_that_share_their_records_are_rejected(tmp_path: Path) -> None:
    book = make_xls({"apr": TABLE, "may": TABLE})
    first = next(find_records(book, SHEET_LISTED)) + 4
    shared = edit_record(book, SHEET_LISTED, 1, 0, book[first : first + 4])
    assert "sheet 'may': expected every sheet in records of its own" in rejection_of(tmp_path, shared)


def test_a_workbook_with_a_password_is_rejected_with_what_to_do(tmp_path: Path) -> None:
    locked = edit_record(BOOK, INTERFACE, 0, -4, struct.pack("<H", FILE_PASS))
    rejection = rejection_of(tmp_path, locked)
    assert "expected a workbook without a password; found an Office file with a password" in rejection
    assert "Open it with its password" in rejection


@pytest.mark.parametrize("kept", [600, 1500, 2500, 3500, len(BOOK) - 600])
def test_a_workbook_cut_short_is_rejected_in_words(kept: int, tmp_path: Path) -> None:
    rejection = rejection_of(tmp_path, BOOK[:kept])
    assert "expected a readable workbook; found" in rejection or "expected an old Excel workbook (XLS)" in rejection
    assert len(rejection.split("; found ")[1].split(". ")[0].split()) >= 3


@pytest.mark.parametrize(
    ("content", "found", "remedy"),
    [
        (drops.make_xlsx({"a": TABLE}), "an Excel workbook (XLSX)", "Rename it to end in .xlsx"),
        (b"<html><table><tr><td>1", "a web page", "Get the file itself"),
        (drops.make_monthly_csv(make_row("25")), "found text", "rename it to end in .csv"),
        (b"", "an empty file", "Get the file again"),
        (b"\x09\x08\x10\x00\x00\x06\x05\x00" + bytes(40), "bytes of no kind that is known", "Get the file again"),
    ],
)
@pytest.mark.parametrize("member", [False, True])
def test_what_is_no_old_workbook_is_rejected_for_what_it_is(
    content: bytes, found: str, remedy: str, member: bool, tmp_path: Path
) -> None:
    name, offered = (NAME, content) if not member else ("pack.zip", drops.make_zip({NAME: content, "b.csv": b"a,b"}))
    rejection = rejection_of(tmp_path, offered, name)
    assert (found if content or not member else "an empty member") in rejection
    assert remedy in rejection


@pytest.mark.parametrize("name", [NAME.replace(".xls", ".xlsx"), NAME.replace(".xls", ".csv")])
def test_an_old_workbook_under_another_name_is_named_as_one_and_the_remedy_works(name: str, tmp_path: Path) -> None:
    rejection = rejection_of(tmp_path, BOOK, name)
    assert "found an old Excel workbook (XLS). Rename it to end in .xls, and offer it again." in rejection
    assert drops.read(tmp_path, NAME, BOOK).observations


def test_a_large_old_office_file_is_recognised_by_the_directory_at_its_end() -> None:
    sectors = 5000
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(30, b"\0") + struct.pack("<H", 9)
    header = header.ljust(48, b"\0") + struct.pack("<I", sectors)
    entry = "Workbook".encode("utf-16-le").ljust(128, b"\0")
    assert recognise_format(io.BytesIO(header.ljust(512, b"\0") + bytes(512 * sectors) + entry)).name == "xls"
    assert recognise_format(io.BytesIO(header.ljust(512, b"\0") + bytes(512 * sectors))).name == "ole2"
    wide = header[:30] + struct.pack("<H", 0xFFFF) + header[32:]
    assert recognise_format(io.BytesIO(wide.ljust(2048, b"\0"))).name == "ole2"
