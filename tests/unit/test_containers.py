"""Containers: what is damaged, hostile or no table is rejected with its place; nothing unpacks beyond the limits."""

from __future__ import annotations

import errno
import io
import shutil
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from iapt.catalogue.limits import Limits
from iapt.ingest.containers import open_tables
from iapt.ingest.tables import Table, find_zip_member, format_cell
from iapt.rejection import DropRejectedError
from tests.factories import drops

SOUND_CSV = drops.make_monthly_csv(drops.make_row("25"))
SOUND_SHEET = [drops.MONTHLY_HEADER, drops.make_row("25")]


def opened(folder: Path, name: str, content: bytes, notices: list[str] | None = None, **limits: int) -> list[Table]:
    path = folder / name
    path.write_bytes(content)
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    asked: Limits = drops.with_limits(**limits).limits
    return list(open_tables(path, name, asked, scratch, [] if notices is None else notices))


def rejected(folder: Path, name: str, content: bytes, **limits: int) -> DropRejectedError:
    with pytest.raises(DropRejectedError) as rejection:
        opened(folder, name, content, None, **limits)
    assert rejection.value.file == name
    return rejection.value


def member(name: str, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = mode << 16
    return info


# sound containers


def test_a_csv_a_workbook_and_a_zip_of_both_offer_their_tables(tmp_path: Path) -> None:
    notices: list[str] = []
    pack = drops.make_zip(
        {
            "data/": b"",
            "data/one.csv": SOUND_CSV,
            "data/two.XLSX": drops.make_xlsx({"First ": SOUND_SHEET, "Second": []}),
            "read me.txt": b"notes",
            "__MACOSX/._one.csv": b"resource fork",
        }
    )
    tables = opened(tmp_path, "pack.zip", pack, notices)
    assert [(table.member, find_zip_member(table.member)) for table in tables] == [
        ("data/one.csv", "data/one.csv"),
        ("data/two.XLSX sheet 'First '", "data/two.XLSX"),
        ("data/two.XLSX sheet 'Second'", "data/two.XLSX"),
    ]
    assert [list(table.top[0]) for table in tables[:2]] == [drops.MONTHLY_HEADER] * 2
    assert [notice.partition(": ")[2] for notice in notices] == ["read me.txt", "__MACOSX/._one.csv"]
    (bare,) = opened(tmp_path, "bare.csv", SOUND_CSV)
    (sheet,) = opened(tmp_path, "bare.xlsx", drops.make_xlsx({"First": SOUND_SHEET}))
    assert (bare.member, sheet.member, find_zip_member(sheet.member)) == ("", "sheet 'First'", "")


def test_members_are_unpacked_under_names_of_our_own(tmp_path: Path) -> None:
    opened(tmp_path, "pack.zip", drops.make_zip({"a/b/c; rm -rf.csv": SOUND_CSV}))
    assert [path.name for path in (tmp_path / "scratch").iterdir()] == ["member-0.csv"]


# damaged


@pytest.mark.parametrize("name", ["empty.csv", "empty.zip", "empty.xlsx"])
def test_an_empty_file_is_rejected(name: str, tmp_path: Path) -> None:
    assert rejected(tmp_path, name, b"").found == "an empty file"


def test_an_empty_member_and_a_zip_of_nothing_are_rejected(tmp_path: Path) -> None:
    rejection = rejected(tmp_path, "pack.zip", drops.make_zip({"one.csv": SOUND_CSV, "two.csv": b""}))
    assert (rejection.place, rejection.found) == ("member two.csv", "an empty member")
    assert rejected(tmp_path, "none.zip", drops.make_zip({"folder/": b""})).found == "an empty container"


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.97])
@pytest.mark.parametrize("name", ["cut.zip", "cut.xlsx"])
def test_a_truncated_container_is_rejected(name: str, kept: float, tmp_path: Path) -> None:
    whole = drops.make_zip({"a.csv": SOUND_CSV}) if name == "cut.zip" else drops.make_xlsx({"A": SOUND_SHEET})
    rejection = rejected(tmp_path, name, whole[: int(len(whole) * kept)])
    assert rejection.expected == "a complete ZIP container"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_whose_bytes_are_damaged_is_rejected_by_name(method: int, tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr("a.csv", drops.make_monthly_csv(*[drops.make_row(str(5 * n)) for n in range(1, 60)]))
    content = bytearray(stream.getvalue())
    content[70:110] = bytes(byte ^ 0x5A for byte in content[70:110])
    rejection = rejected(tmp_path, "damaged.zip", bytes(content))
    assert (rejection.place, rejection.expected) == ("member a.csv", "a member that unpacks")


def test_a_directory_that_needs_a_later_zip_is_rejected(tmp_path: Path) -> None:
    content = bytearray(drops.make_zip({"a.csv": SOUND_CSV}))
    needed = content.index(b"PK\x01\x02") + 6
    content[needed : needed + 2] = struct.pack("<H", 123)
    assert rejected(tmp_path, "later.zip", bytes(content)).expected == "a complete ZIP container"


def test_a_full_disk_is_no_fault_of_the_drop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(OSError, match="No space left"):
        opened(tmp_path, "pack.zip", drops.make_zip({"a.csv": SOUND_CSV}))


def test_a_zip_that_is_no_workbook_is_rejected(tmp_path: Path) -> None:
    rejection = rejected(tmp_path, "not_really.xlsx", drops.make_zip({"a.csv": SOUND_CSV}))
    assert rejection.expected == "an Excel workbook (XLSX), as its name says"
    assert (rejection.found, rejection.remedy) == ("a ZIP container", "Rename it to end in .zip, and offer it again.")


# hostile


@pytest.mark.parametrize("name", ["zeros.zip", "zeros.xlsx"])
def test_a_bomb_is_rejected_by_its_ratio_before_it_is_unpacked(name: str, tmp_path: Path) -> None:
    bomb = drops.make_zip({"a.csv": bytes(200_000)})
    rejection = rejected(tmp_path, name, bomb, max_compression_ratio=20)
    assert rejection.expected == "at most 20 to 1 compression"
    assert int(rejection.found.split()[0]) > 20
    assert not list((tmp_path / "scratch").iterdir())
    assert "limits.yml" in rejection.remedy


def test_members_together_may_not_unpack_to_more_than_the_limit(tmp_path: Path) -> None:
    pack = drops.make_zip({"a.csv": SOUND_CSV, "b.csv": SOUND_CSV})
    size = 2 * len(SOUND_CSV)
    assert len(opened(tmp_path, "pack.zip", pack, max_uncompressed_bytes=size)) == 2
    rejection = rejected(tmp_path, "more.zip", pack, max_uncompressed_bytes=size - 1)
    assert (rejection.expected, rejection.found) == (f"at most {size - 1:,} bytes unpacked", f"{size:,} bytes")


def test_a_workbook_inside_a_pack_is_held_to_the_limits_too(tmp_path: Path) -> None:
    sparse = drops.make_xlsx({"A": [["x"] * 5] * 2000})
    pack = drops.make_zip({"a.xlsx": sparse})
    rejection = rejected(tmp_path, "pack.zip", pack, max_uncompressed_bytes=len(sparse))
    assert rejection.place == "member a.xlsx"


def test_more_members_than_the_limit_are_rejected(tmp_path: Path) -> None:
    pack = drops.make_zip({f"{number}.csv": SOUND_CSV for number in range(4)})
    assert len(opened(tmp_path, "four.zip", pack, max_members=4)) == 4
    assert rejected(tmp_path, "many.zip", pack, max_members=3).found == "4 members"


def test_ten_thousand_members_are_rejected_by_their_number_and_more_before_they_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = b"PK\x01\x02" + struct.pack("<6H3I5H2I", 20, 20, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0)

    def directory(members: int) -> bytes:
        listed = b"".join(entry + f"{number:06}".encode() for number in range(members))
        counted = min(members, 0xFFFF)
        return listed + b"PK\x05\x06" + struct.pack("<4H2IH", 0, 0, counted, counted, len(listed), 0, 0)

    assert rejected(tmp_path, "many.zip", directory(10_000)).found == "10000 members"
    listed: list[int] = []
    read = zipfile.ZipFile.infolist
    monkeypatch.setattr(zipfile.ZipFile, "infolist", lambda archive: (listed.append(1), read(archive))[1])
    rejection = rejected(tmp_path, "more.zip", directory(30_000))
    assert rejection.found == "a directory of 1,560,000 bytes, of at most 1,048,576"
    assert not listed


def test_the_parts_of_a_workbook_are_not_counted_as_members(tmp_path: Path) -> None:
    assert opened(tmp_path, "book.xlsx", drops.make_xlsx({"A": SOUND_SHEET}), max_members=1)


@pytest.mark.parametrize(
    "name",
    [
        *("../a.csv", "data/../../a.csv", "..\\a.csv", "/etc/a.csv", "\\\\server\\a.csv"),
        *("C:\\a.csv", "c:a.csv", "C:/a.csv", "."),
    ],
)
def test_a_member_name_that_leads_out_or_nowhere_is_rejected(name: str, tmp_path: Path) -> None:
    rejection = rejected(tmp_path, "pack.zip", drops.make_zip([("b.csv", SOUND_CSV), (member(name), SOUND_CSV)]))
    assert "leads out" in rejection.found
    assert not list((tmp_path / "scratch").iterdir())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pack.zip", "scratch"]


def test_a_name_that_a_terminal_would_obey_is_written_out(tmp_path: Path) -> None:
    pack = drops.make_zip({"\x1b[2J\nall is well\u202e.csv": b"\0\1\2"})
    rejection = str(rejected(tmp_path, "pack.zip", pack))
    assert rejection.isprintable()
    assert "\\x1b[2J\\nall is well\\u202e.csv" in rejection


def test_a_link_as_a_member_is_rejected(tmp_path: Path) -> None:
    link = member("a.csv", stat.S_IFLNK | 0o777)
    rejection = rejected(tmp_path, "pack.zip", drops.make_zip([(link, b"/etc/passwd")]))
    assert rejection.found == "a link: 'a.csv'"


def test_two_members_of_one_name_are_rejected(tmp_path: Path) -> None:
    pack = drops.make_zip([("a.csv", SOUND_CSV), ("a.csv", drops.make_monthly_csv(drops.make_row("30")))])
    assert rejected(tmp_path, "pack.zip", pack).found == "more than one member named 'a.csv'"


def test_a_member_with_a_password_is_rejected(tmp_path: Path) -> None:
    content = bytearray(drops.make_zip({"a.csv": SOUND_CSV}))
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + flags] |= 1
    rejection = rejected(tmp_path, "locked.zip", bytes(content))
    assert (rejection.place, rejection.found) == ("member a.csv", "an encrypted member")
    assert rejection.remedy == "Unpack it with its password, and offer the file inside."


def packed_by(method: int, content: bytes) -> bytes:
    """A ZIP that says of its members that they are compressed by another method."""
    changed = bytearray(content)
    for signature, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        found = -1
        while (found := changed.find(signature, found + 1)) >= 0:
            changed[found + place : found + place + 2] = struct.pack("<H", method)
    return bytes(changed)


@pytest.mark.parametrize(
    ("method", "name"),
    [(1, "Shrink"), (93, "Zstandard"), (95, "XZ"), (98, "PPMd"), (77, "method 77")],
)
def test_a_member_of_another_compression_is_rejected_naming_it_and_one_that_is_no_table_is_left(
    method: int, name: str, tmp_path: Path
) -> None:
    rejection = rejected(tmp_path, "other.zip", packed_by(method, drops.make_zip({"a.csv": SOUND_CSV})))
    assert (rejection.place, rejection.found) == ("member a.csv", f"one compressed by {name}")
    assert rejection.remedy == "Unpack the ZIP, and offer the file inside."
    book = packed_by(method, drops.make_xlsx({"A": SOUND_SHEET}))
    assert rejected(tmp_path, "other.xlsx", book).expected == "parts compressed by Deflate"
    notices: list[str] = []
    beside = drops.make_zip({"guide.pdf": b"%PDF", "old.xlt": b"figures", "a.csv": SOUND_CSV})
    pdf_and_xlt = bytearray(packed_by(method, beside))
    for signature, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        last = pdf_and_xlt.rindex(signature)
        pdf_and_xlt[last + place : last + place + 2] = struct.pack("<H", zipfile.ZIP_DEFLATED)
    assert [table.member for table in opened(tmp_path, "pack.zip", bytes(pdf_and_xlt), notices)] == ["a.csv"]
    assert len(notices) == 2


def test_a_part_of_a_workbook_compressed_by_deflate64_is_rejected_for_no_spreadsheet_writes_it(tmp_path: Path) -> None:
    book = packed_by(9, drops.make_xlsx({"A": SOUND_SHEET}))
    assert rejected(tmp_path, "other.xlsx", book).expected == "parts compressed by Deflate"


@pytest.mark.parametrize(
    ("one", "other"),
    [("a.csv", "A.CSV"), ("data/a.csv", "data\\a.csv"), ("a.csv", "./a.csv"), ("\xe9.csv", "e\u0301.csv")],
)
def test_two_members_that_many_machines_take_for_one_are_rejected(one: str, other: str, tmp_path: Path) -> None:
    pack = drops.make_zip({one: SOUND_CSV, other: drops.make_monthly_csv(drops.make_row("30"))})
    rejection = rejected(tmp_path, "pack.zip", pack)
    assert rejection.expected == "every member under a name of its own"
    assert rejection.found == f"members that many machines take for one: {one!r} and {other!r}"


def test_members_that_share_bytes_are_rejected(tmp_path: Path) -> None:
    whole = drops.make_zip({"a.csv": bytes(3000), "b.csv": bytes(3000)})
    # Both entries of the directory point at the first member, as in a bomb that repeats one kernel.
    content = bytearray(whole)
    last = content.rindex(b"PK\x01\x02")
    content[last + 42 : last + 46] = bytes(4)
    rejection = rejected(tmp_path, "pack.zip", bytes(content))
    assert (rejection.expected, rejection.found) == (
        "members in bytes of their own",
        "'a.csv' and 'b.csv', which share bytes",
    )
    quoted = bytearray(drops.make_zip({"a.csv": SOUND_CSV, "b.csv": SOUND_CSV}))
    first = quoted.index(b"PK\x01\x02")
    length = struct.unpack_from("<I", quoted, first + 20)[0]
    struct.pack_into("<I", quoted, first + 20, length + 60)  # the first reaches into the second
    assert "share bytes" in rejected(tmp_path, "quoted.zip", bytes(quoted)).found


@pytest.mark.parametrize("inner", ["inner.zip", "figures.rar", "more.csv.gz", "old.xlt", "figures"])
def test_a_container_in_a_container_is_never_opened(inner: str, tmp_path: Path) -> None:
    notices: list[str] = []
    content = drops.make_zip({"b.csv": SOUND_CSV})
    pack = drops.make_zip({"a.csv": SOUND_CSV, inner: content})
    assert [table.member for table in opened(tmp_path, "pack.zip", pack, notices)] == ["a.csv"]
    assert notices == [
        "a member that is no table to read is archived with the drop, unread; if it holds figures, offer it as a drop "
        f"of its own, as CSV or workbook: {inner} (a ZIP container)"
    ]
    rejection = rejected(tmp_path, "alone.zip", drops.make_zip({inner: content, "notes.txt": b"notes"}))
    assert rejection.found == f"{inner} (a ZIP container)"
    assert "drops of their own" in rejection.remedy


@pytest.mark.parametrize(
    "dropping",
    [".DS_Store", "data/.DS_Store", "__MACOSX/._a.csv", "data/__MACOSX/x", "Thumbs.db", "THUMBS.DB", "desktop.ini"],
)
def test_what_a_file_manager_leaves_in_a_pack_is_left_alone_and_listed(dropping: str, tmp_path: Path) -> None:
    notices: list[str] = []
    pack = drops.make_zip({dropping: b"\0\0\0\1Bud1", "a.csv": SOUND_CSV})
    assert [table.member for table in opened(tmp_path, "pack.zip", pack, notices)] == ["a.csv"]
    assert notices == [f"a file manager's own member is archived with the drop, unread: {dropping}"]


@pytest.mark.parametrize("far", ["AZ200", "B9000", "AAA90", "aaa90"])
def test_a_sheet_whose_cells_stand_far_apart_is_rejected_before_the_gap_is_filled(far: str, tmp_path: Path) -> None:
    sheet = drops.make_xlsx({"A": [["first"], ["LAST"]]})
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(sheet)) as source, zipfile.ZipFile(stream, "w") as target:
        for info in source.infolist():
            part = source.read(info)
            if info.filename.endswith("sheet1.xml"):
                row = far.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZabc").encode()
                part = part.replace(b'<row r="2"', b'<row r="' + row + b'"').replace(b'r="A2"', f'r="{far}"'.encode())
            target.writestr(info.filename, part)
    rejection = rejected(tmp_path, "wide.xlsx", stream.getvalue(), max_sheet_cells=10_000)
    assert rejection.place == "xl/worksheets/sheet1.xml"
    assert rejection.expected == "sheets of at most 10,000 cells together"
    assert "limits.yml" in rejection.remedy


def test_every_row_of_a_sheet_may_be_used_but_not_every_cell() -> None:
    rows, columns = 1_048_576, 16_384
    assert rows * len(drops.WORKBOOK_HEADER) < drops.catalogue().limits.max_sheet_cells < rows * columns / 100


# posing as a table


def test_nul_bytes_are_no_text(tmp_path: Path) -> None:
    assert rejected(tmp_path, "a.csv", SOUND_CSV + b"\0").found == "NUL bytes"
    assert rejected(tmp_path, "pack.zip", drops.make_zip({"a.csv": b"\0\1" + SOUND_CSV})).place == "member a.csv"


def test_a_page_of_html_under_a_csv_name_is_rejected(tmp_path: Path) -> None:
    page = b"<!DOCTYPE html>\n<html><body>\n<h1>We cannot find that page</h1>\n</body></html>\n"
    rejection = drops.read(tmp_path, "iapt_month_apr_2026_activity.csv", page).rejection
    assert rejection.startswith(
        "iapt_month_apr_2026_activity.csv, the whole file: expected comma-separated text, as its name says; "
        "found a web page. Get the file itself: "
    )


def test_an_open_quote_that_swallows_the_top_of_the_file_is_rejected(tmp_path: Path) -> None:
    rejection = rejected(tmp_path, "a.csv", b'"' + b"never closed, " * 20_000)
    assert (rejection.place, rejection.expected) == ("the first rows", "comma-separated values")


# rows


@pytest.mark.parametrize("content", [",".join(drops.MONTHLY_HEADER), ",".join(drops.MONTHLY_HEADER) + "\r\n"])
def test_a_header_without_rows_is_rejected(content: str, tmp_path: Path) -> None:
    rejection = drops.read(tmp_path, "iapt_month_apr_2026_activity.csv", content.encode()).rejection
    assert "below the header: expected rows of figures; found none" in rejection


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("broken", "found"),
    [
        pytest.param("01/04/2026,30/04/2026,Provider", "3 columns", id="too few"),
        pytest.param(",".join(["x"] * 11), "11 columns", id="too many"),
        pytest.param("", "a blank line", id="none"),
    ],
)
def test_a_broken_row_is_named_with_what_was_expected_and_found(
    broken: str, found: str, line_end: str, tmp_path: Path
) -> None:
    sound = drops.make_csv(
        drops.MONTHLY_HEADER, [drops.make_row("25"), drops.make_row("30")], line_end=line_end
    ).decode()
    lines = sound.split(line_end)
    lines.insert(2, broken)
    read = drops.read(tmp_path, "iapt_month_apr_2026_activity.csv", line_end.join(lines).encode())
    assert "iapt_month_apr_2026_activity.csv, row 3: expected" in read.rejection
    assert f"found {found}." in read.rejection
    assert not read.store.observations_path(read.drop.sha256).exists()


def test_a_broken_row_in_a_pack_is_named_with_its_member(tmp_path: Path) -> None:
    pack = drops.make_zip({"one.csv": SOUND_CSV, "two.csv": SOUND_CSV + b"1,2,3\n"})
    rejection = drops.read(tmp_path, "pack.zip", pack).rejection
    assert "pack.zip, two.csv, row 3: expected 10 columns in every row; found 3 columns." in rejection


def test_a_quote_that_is_never_closed_is_named_by_its_row(tmp_path: Path) -> None:
    rows = [drops.make_row("25"), drops.make_row("30"), drops.make_row("35")]
    text = drops.make_monthly_csv(*rows).decode().replace(",30\n", ',"30\n')
    rejection = drops.read(tmp_path, "iapt_month_apr_2026_activity.csv", text.encode()).rejection
    assert "row 3: " in rejection
    assert "unterminated quote" in rejection


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_blank_lines_at_the_end_of_a_file_do_no_harm(line_end: str, tmp_path: Path) -> None:
    text = SOUND_CSV.decode().replace("\n", line_end) + 3 * line_end
    read = drops.read(tmp_path, "iapt_month_apr_2026_activity.csv", text.encode())
    assert [cell["source_row"] for cell in read.observations] == [2]


def test_lines_ended_in_two_ways_are_rejected_with_the_reason(tmp_path: Path) -> None:
    mixed = SOUND_CSV.replace(b"\n", b"\r\n", 1)
    assert "every line of it ended alike" in drops.read(tmp_path, "iapt_month_apr_2026_activity.csv", mixed).rejection


def test_a_workbook_without_a_known_sheet_lists_its_sheets(tmp_path: Path) -> None:
    book = drops.make_xlsx({"Title sheet": [["A title"]], "Table 9": [["Who", "What"], ["them", 3]], "Notes": []})
    rejection = drops.read(tmp_path, "feb2019_feb2020.xlsx", book).rejection
    for sheet in ("Title sheet", "Table 9", "Notes"):
        assert f"sheet '{sheet}'" in rejection


def test_a_value_beyond_a_sheets_last_column_is_rejected(tmp_path: Path) -> None:
    book = drops.make_xlsx({"Data": [*SOUND_SHEET, [*drops.make_row("30"), "stray"]]})
    assert (
        "sheet 'Data', row 3: expected 10 columns" in drops.read(tmp_path, "iapt-month-Jan-2021.xlsx", book).rejection
    )


# cells of a sheet


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        *((None, ""), ("", ""), ("  x ", "  x "), (52.0, "52"), (-3.0, "-3"), (0.0, "0"), (1440000.0, "1440000")),
        *((52.5, "52.5"), (0.1, "0.1"), (True, "TRUE"), (False, "FALSE"), ("=1+1", "=1+1"), ("007", "007")),
    ],
)
def test_a_cell_reads_as_a_person_would_have_typed_it(cell: object, text: str) -> None:
    assert format_cell(cell) == text
