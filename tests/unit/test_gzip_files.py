"""Gzip: the one table inside is read within limits; what is damaged, no table or a container inside is rejected."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import pytest

from iapt.ingest.reissues import find_kind_words
from iapt.named_periods import remove_file_suffixes
from tests.factories import drops
from tests.factories.drop_home import APRIL, DropHome
from tests.factories.rar_writer import RarMember, make_rar5

NAME = "iapt_month_apr_2026_activity.csv.gz"
BOOK = drops.make_xlsx({"apr": [drops.MONTHLY_HEADER, drops.make_row("25")]})
PACKED = gzip.compress(APRIL, mtime=0)


def rejection_of(folder: Path, content: bytes, name: str = NAME, **limits: int) -> str:
    rejection = drops.read(folder, name, content, using=drops.with_limits(**limits)).rejection
    assert rejection.startswith(f"{name}, the whole file: expected ")
    return rejection


@pytest.mark.parametrize("name", [NAME, "iapt_month_apr_2026_activity.gz", "IAPT_month_apr_2026_activity.CSV.GZ"])
def test_a_csv_is_read_as_if_it_were_not_compressed(name: str, tmp_path: Path) -> None:
    read, plain = drops.read(tmp_path, name, PACKED), drops.read(tmp_path, "iapt_month_apr_2026.csv", APRIL)
    for cell, other in zip(read.observations, plain.observations, strict=True):
        assert {key for key in cell if cell[key] != other[key]} == {"drop_sha256", "source_file"}
    assert read.summary.notices == plain.summary.notices


@pytest.mark.parametrize("name", ["iapt-month-apr-2026.xlsx.gz", "iapt-month-apr-2026.gz"])
def test_a_workbook_is_read_by_its_name_or_else_its_bytes(name: str, tmp_path: Path) -> None:
    (cell,) = drops.read(tmp_path, name, gzip.compress(BOOK)).observations
    assert (cell["source_member"], cell["value_as_published"]) == ("sheet 'apr'", "25")


def test_a_text_of_wide_letters_is_read_inside_too(tmp_path: Path) -> None:
    (cell,) = drops.read(tmp_path, NAME, gzip.compress(APRIL.decode().encode("utf-16"))).observations
    assert cell["value_as_published"] == "25"


def test_parts_one_after_the_other_are_one_file_as_the_format_has_it(tmp_path: Path) -> None:
    parts = gzip.compress(APRIL[:50]) + gzip.compress(b"") + gzip.compress(APRIL[50:]) + gzip.compress(b"")
    (cell,) = drops.read(tmp_path, NAME, parts).observations
    assert cell["value_as_published"] == "25"


@pytest.mark.parametrize(
    ("content", "found"),
    [
        *(pytest.param(PACKED[:kept], "cut short", id=f"cut at {kept}") for kept in (2, 9, 12, 60, len(PACKED) - 1)),
        pytest.param(PACKED[:-8] + struct.pack("<I", 1) + PACKED[-4:], "incorrect data check", id="checksum"),
        pytest.param(PACKED[:-4] + struct.pack("<I", 1), "incorrect length check", id="length"),
        pytest.param(PACKED[:40] + bytes([PACKED[40] ^ 0x55]) + PACKED[41:], "Error -3", id="damaged"),
        pytest.param(PACKED + b"more", "incorrect header check", id="bytes after the end"),
        pytest.param(PACKED + PACKED[:20], "cut short", id="second part cut"),
        pytest.param(gzip.compress(b""), "an empty file, compressed", id="empty"),
        pytest.param(b"", "an empty file", id="nothing"),
        pytest.param(APRIL, "rename it to end in .csv", id="a text"),
        pytest.param(BOOK, "Rename it to end in .xlsx", id="a workbook"),
        pytest.param(b"<html><body>Sign in", "a web page", id="a web page"),
    ],
)
def test_what_is_damaged_or_no_gzip_is_rejected(content: bytes, found: str, tmp_path: Path) -> None:
    assert found in rejection_of(tmp_path, content)


@pytest.mark.parametrize("name", [NAME, "iapt_month_apr_2026.gz", "iapt_month_apr_2026.zip.gz"])
@pytest.mark.parametrize(
    ("inner", "found"),
    [
        (drops.make_zip({"a.csv": APRIL}), "a ZIP container"),
        (make_rar5([RarMember("a.csv", APRIL)]), "a RAR archive"),
        (PACKED, "a gzip archive"),
    ],
)
def test_a_container_inside_is_not_opened(inner: bytes, found: str, name: str, tmp_path: Path) -> None:
    rejection = rejection_of(tmp_path, gzip.compress(inner), name)
    assert f"expected a CSV or a workbook inside the gzip archive; found {found}." in rejection
    assert "Unpack it, and offer what is inside as a drop of its own." in rejection


@pytest.mark.parametrize(
    ("name", "inner", "found", "remedy"),
    [
        (NAME, BOOK, "an Excel workbook (XLSX)", "Rename it to end in .xlsx"),
        ("iapt_month_apr_2026.xlsx.gz", APRIL, "text", "rename it to end in .csv"),
        ("iapt_month_apr_2026.gz", b"%PDF-1.7", "a PDF", "from the publisher's page"),
        (NAME, b"<html><body>Sign in", "a web page", "open its link in a browser"),
        ("data.tar.gz", b"a.csv".ljust(257, b"\0") + b"ustar\x0000" + bytes(200), "a tar archive", "Unpack it"),
    ],
)
def test_what_is_inside_must_be_what_its_name_says(
    name: str, inner: bytes, found: str, remedy: str, tmp_path: Path
) -> None:
    rejection = rejection_of(tmp_path, gzip.compress(inner), name)
    assert f"found {found}" in rejection
    assert remedy in rejection


def test_limits_hold_while_it_unpacks(tmp_path: Path) -> None:
    most = len(APRIL) - 1
    assert f"at most {most:,} bytes unpacked" in rejection_of(tmp_path, PACKED, max_uncompressed_bytes=most)
    assert drops.read(tmp_path, NAME, PACKED, using=drops.with_limits(max_uncompressed_bytes=most + 1)).observations
    bomb = zlib.compressobj(wbits=31)
    packed = b"".join(bomb.compress(bytes(1 << 24)) for _ in range(12)) + bomb.flush()
    assert "at most 250 to 1 compression" in rejection_of(tmp_path, packed)
    tampered = packed[:-4] + struct.pack(
        "<I", 10
    )  # the size that a gzip declares stands at its end, and is not believed
    assert "at most 250 to 1 compression" in rejection_of(tmp_path, tampered)


def test_very_many_empty_parts_are_not_read_to_their_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iapt.ingest.gzip_files._MOST_PARTS", 50)
    assert "more than 50 parts" in rejection_of(tmp_path, gzip.compress(b"") * 51)


def test_a_gzip_inside_a_pack_is_a_container_in_a_container(tmp_path: Path) -> None:
    pack = drops.make_zip({"iapt_month_apr_2026.csv": APRIL, "more.csv.gz": PACKED})
    (notice,) = drops.read(tmp_path, "iapt_month_apr_2026.zip", pack).summary.notices
    assert notice.endswith("more.csv.gz (a gzip archive)")


def test_a_folder_offers_it_and_its_name_says_period_and_revision(tmp_path: Path) -> None:
    home = DropHome(tmp_path)
    (home.folder / "iapt_month_apr_2026_activityv2.csv.gz").write_bytes(PACKED)
    home.ingest_folder()
    ((drop, _),) = home.read().usable
    assert drop.revision == 2
    misnamed = drops.read(tmp_path, NAME.replace("apr", "may"), PACKED).rejection
    assert "may" in misnamed.lower()


@pytest.mark.parametrize("name", ["a.csv.gz", "b/a.CSV", "a.gz", "a", "a.rar", "a.xls", "a.zip", "a.xlsx.gz"])
def test_the_endings_of_a_name_say_nothing_of_what_is_inside(name: str) -> None:
    assert remove_file_suffixes(name) == "a"
    kinds = {find_kind_words([f"ea_{name.rpartition('/')[2]}"], drops.catalogue().re_issues)}
    assert kinds == {find_kind_words(["ea_a.csv"], drops.catalogue().re_issues)}
