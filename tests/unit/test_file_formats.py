"""Formats: what a file is by its bytes is said under any name, and what is then to be done works."""

from __future__ import annotations

import gzip
import io
import json
import random
import zipfile
from pathlib import Path
from typing import Any

import pytest

from iapt.sources.file_formats import HEAD_BYTES, find_delimiter, recognise_format
from tests.factories import drops
from tests.factories.drops import FINISHED, make_monthly_csv, make_row, make_xlsx, make_zip, read
from tests.factories.rar_writer import RarMember, make_rar5
from tests.factories.xls_writer import make_xls

ROWS = [make_row("25"), make_row("30", measure=FINISHED)]
CSV = make_monthly_csv(*ROWS)
XLSX = make_xlsx({"Data": [drops.MONTHLY_HEADER, *ROWS]})
ZIP = make_zip({"a.csv": CSV})
XLS = make_xls({"Data": [drops.MONTHLY_HEADER, *ROWS]})
RAR = make_rar5([RarMember("a.csv", CSV)])
OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


def ole2(stream: str) -> bytes:
    """An old Office file that names a stream in its directory, as far as anyone looks."""
    return OLE2 + "Root Entry".encode("utf-16-le") + bytes(44) + stream.encode("utf-16-le") + bytes(64)


def office(*parts: str) -> bytes:
    return make_zip(dict.fromkeys(["[Content_Types].xml", *parts], b"<x/>"))


PAGE = "<html><head><title>Sign in</title></head><body>Sign in to go on</body></html>"
KINDS: dict[str, tuple[bytes, str, str]] = {
    "xlsx": (XLSX, "an Excel workbook (XLSX)", "Rename it to end in .xlsx"),
    "zip": (ZIP, "a ZIP container", "Rename it to end in .zip"),
    "csv": (CSV, "text", "rename it to end in .csv"),
    "xls": (XLS, "an old Excel workbook (XLS)", "Rename it to end in .xls"),
    "xls of 1995": (ole2("Book"), "an old Excel workbook (XLS)", "Rename it to end in .xls"),
    "xlsx with a password": (ole2("EncryptedPackage"), "an Office file with a password", "save it as XLSX without one"),
    "doc": (ole2("WordDocument"), "an old Office file", "save it as XLSX"),
    "xlsb": (office("xl/workbook.bin"), "a binary Excel workbook (XLSB)", "save it as XLSX"),
    "xlsm": (office("xl/workbook.xml", "xl/vbaProject.bin"), "with macros", "save it as XLSX"),
    "docx": (office("word/document.xml"), "a document of Word or PowerPoint", "from the publisher's page"),
    "ods": (make_zip({"content.xml": b"", "META-INF/manifest.xml": b""}), "an OpenDocument file", "save it as XLSX"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF", "from the publisher's page"),
    "gzip": (gzip.compress(CSV, mtime=0), "a gzip archive", "Rename it to end in .gz"),
    "rar": (RAR, "a RAR archive", "Rename it to end in .rar"),
    "7z": (b"7z\xbc\xaf\x27\x1c\x00\x04" + bytes(20), "a 7z archive", "Unpack it"),
    "tar": (b"a.csv".ljust(257, b"\0") + b"ustar\x0000" + bytes(200), "a tar archive", "Unpack it"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(20), "a picture (PNG)", "from the publisher's page"),
    "parquet": (b"PAR1" + bytes(20), "a Parquet file", "from the publisher's page"),
    "nuls": (bytes(5000), "nothing but NUL bytes", "Get the file again"),
    "page": (PAGE.encode(), "a web page, titled 'Sign in'", "open its link in a browser"),
    "page after white space": (b"\r\n\t " + PAGE.encode(), "a web page", "open its link in a browser"),
    "page after a mark": (b"\xef\xbb\xbf" + PAGE.encode(), "a web page", "open its link in a browser"),
    "page after comments": (b"<!-- saved -->\n<!-- a,b,c -->\n" + PAGE.encode(), "a web page", "in a browser"),
    "page after a warning": (b"Warning: headers already sent\n" + PAGE.encode(), "a web page", "in a browser"),
    "page after headers": (b"HTTP/1.1 403 Forbidden\r\nServer: x\r\n\r\nno", "a web page", "in a browser"),
    "page of XHTML": (b"<?xml version='1.0'?>\n<!DOCTYPE html PUBLIC 'x'>\n" + PAGE.encode(), "a web page", "browser"),
    "page without a head": (b"<table><tr><td>1</td></tr></table>", "a web page", "in a browser"),
    "page in UTF-16": (PAGE.encode("utf-16"), "a web page, titled 'Sign in'", "in a browser"),
    "page of capitals": (PAGE.upper().encode(), "a web page, titled 'SIGN IN'", "in a browser"),
    "XML of a server": (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "XML of <Error>", "browser"),
    "XML workbook": (
        b'<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?><Workbook/>',
        "XML of Excel",
        "XLSX",
    ),
    "JSON": (json.dumps({"error": {"code": 404, "message": "not here"}}, indent=1).encode(), "JSON", "in a browser"),
    "JSON list": (b'[{"a": 1}, {"a": 2}]', "JSON", "in a browser"),
    "Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a pointer of Git LFS", "git lfs pull"),
}
OF_ITS_NAME: dict[str, set[str]] = {
    ".csv": {"csv"},
    ".xlsx": {"xlsx"},
    ".zip": {"zip"},
    ".rar": {"rar"},
    ".gz": {"gzip"},
}
OF_ITS_NAME[".xls"] = {"xls", "xls of 1995"}


@pytest.mark.parametrize("suffix", OF_ITS_NAME)
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_another_kind_than_its_name_says_is_named_as_what_it_is(
    kind: str, suffix: str, tmp_path: Path
) -> None:
    content, found, remedy = KINDS[kind]
    if kind in OF_ITS_NAME[suffix]:
        return
    rejection = read(tmp_path, f"iapt_month_apr_2026{suffix}", content).rejection
    assert rejection.startswith(f"iapt_month_apr_2026{suffix}, the whole file: expected ")
    assert found in rejection
    assert remedy in rejection
    assert len(rejection) < 400


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"csv"}))
def test_a_member_of_another_kind_than_its_name_says_refuses_its_pack(kind: str, tmp_path: Path) -> None:
    content, found, remedy = KINDS[kind]
    rejection = read(tmp_path, "pack.zip", make_zip({"a.csv": CSV, "b.csv": content})).rejection
    assert rejection.startswith("pack.zip, member b.csv: expected comma-separated text, as its name says; found ")
    assert found in rejection
    assert remedy in rejection
    assert "Unpack the ZIP and offer its members as drops of their own" in rejection


@pytest.mark.parametrize(
    ("content", "name"),
    [(CSV, "right.csv"), (XLSX, "right.xlsx"), (XLS, "right.xls"), (ZIP, "right.zip"), (RAR, "right.rar")],
)
def test_the_remedy_of_a_wrong_name_works(content: bytes, name: str, tmp_path: Path) -> None:
    assert len(read(tmp_path, name, content).observations) == 2


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "utf-8-sig", "be with a mark"]
)
def test_a_text_of_wide_letters_is_read_as_the_same_figures(encoding: str, line_end: str, tmp_path: Path) -> None:
    provider = drops.named(drops.PROVIDER, "Llanfair\u2019s \u201cListening\u201d Rooms \u0175 \U0001f600")
    text = make_monthly_csv(
        make_row("25", provider=provider),
        make_row("*", measure=FINISHED, provider=provider),
        line_end=line_end,
    ).decode()
    wide = ("\ufeff" + text).encode("utf-16-be") if encoding == "be with a mark" else text.encode(encoding)

    def observed(name: str, content: bytes) -> list[dict[str, Any]]:
        found = read(tmp_path, name, content).observations
        return [{key: cell[key] for key in cell if key not in {"drop_sha256", "source_file"}} for cell in found]

    expected = observed("plain.csv", text.encode())
    assert [cell["value_as_published"] for cell in expected] == ["25", "*"]
    assert observed("wide.csv", wide) == expected
    if encoding != "utf-8-sig":
        notices = read(tmp_path, "wide.csv", wide).summary.notices
        assert notices == [f"text in UTF-{32 if '32' in encoding else 16} is read as such"]
    packed = read(tmp_path, "pack.zip", make_zip({"data/a.csv": wide}))
    assert [cell["value_as_published"] for cell in packed.observations] == ["25", "*"]


@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param(CSV.decode().encode("utf-16")[:-1], id="cut within a letter"),
        pytest.param(CSV.decode().encode("utf-16") + b"\x00\xd8,\x00", id="half of a pair"),
        pytest.param(b"\xff\xfe\0\0" + CSV, id="a mark alone"),
    ],
)
def test_a_text_that_is_not_the_utf_16_it_begins_as_is_rejected_with_a_remedy(damaged: bytes, tmp_path: Path) -> None:
    rejection = read(tmp_path, "iapt_month_apr_2026.csv", damaged).rejection
    assert "as it begins; found bytes near" in rejection
    assert "save it as UTF-8" in rejection


def test_a_text_of_wide_letters_cut_short_is_rejected_as_any_other(tmp_path: Path) -> None:
    cut = CSV.decode().encode("utf-16")[:-4]
    assert "the file may be cut short" in read(tmp_path, "iapt_month_apr_2026.csv", cut).rejection


@pytest.mark.parametrize(
    ("delimiter", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars"), ("~", "")]
)
def test_another_delimiter_is_named(delimiter: str, name: str, tmp_path: Path) -> None:
    text = CSV.decode().replace(",", delimiter).encode()
    if name:
        rejection = read(tmp_path, "iapt_month_apr_2026.csv", text).rejection
        assert f"row 1: expected commas between the values; found {name} between the values" in rejection
        assert "save this one with commas" in rejection
        wide = read(tmp_path, "iapt_month_apr_2026.csv", text.decode().encode("utf-16")).rejection
        assert f"found {name} between the values" in wide  # what Excel saves as Unicode text
    declared = f"sep={delimiter}\r\n".encode() + text
    assert "between the values" in read(tmp_path, "iapt_month_apr_2026.csv", declared).rejection


@pytest.mark.parametrize(
    ("line", "delimiter"),
    [
        ("a,b,c", ","),
        ('"a;b;c;d",b', ","),
        ("a;b;c", ";"),
        ('"a,b,c,d";b;c', ";"),
        ("a;b", ","),
        ("one sentence; of; two, commas, all, told", ","),
        ("", ","),
    ],
)
def test_a_delimiter_is_what_gives_a_line_more_columns(line: str, delimiter: str) -> None:
    assert find_delimiter(["", line]) == delimiter


@pytest.mark.parametrize("content", [b" ", b"\r\n\r\n", b"\xef\xbb\xbf\n", b"\t \n"])
def test_white_space_is_no_table(content: bytes, tmp_path: Path) -> None:
    assert "found white space" in read(tmp_path, "iapt_month_apr_2026.csv", content).rejection


@pytest.mark.parametrize("first", ["[c] is confidential", "{notes}", "< 5 is hidden", "1 > 0", "#N/A", "a <b, c> d"])
def test_a_table_with_odd_marks_above_it_is_still_a_table(first: str) -> None:
    assert recognise_format(io.BytesIO(f"{first},,\n".encode() + CSV)).name == "text"


def test_whatever_a_file_begins_with_its_kind_is_said_without_an_error() -> None:
    made = random.Random(5)
    for content, _, _ in KINDS.values():
        for _ in range(30):
            damaged = bytearray(content[: made.randrange(1, len(content) + 1)][:HEAD_BYTES])
            for _ in range(made.randrange(4)):
                damaged[made.randrange(len(damaged))] = made.randrange(256)
            assert recognise_format(io.BytesIO(bytes(damaged))).remedy
            recognise_format(io.BytesIO(made.randbytes(made.randrange(300))))


def test_a_zip_that_is_damaged_is_still_a_zip() -> None:
    stream = io.BytesIO(ZIP[:-30])
    assert not zipfile.is_zipfile(stream)
    stream.seek(0)
    assert recognise_format(stream).name == "zip"
