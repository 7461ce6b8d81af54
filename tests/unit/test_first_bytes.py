"""First bytes: a web page is no CSV, whatever its address ends in."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iapt.sources.first_bytes import check_first_bytes
from iapt.sources.remote_files import NotAFileError
from tests.factories.drops import make_published_drops

ADDRESS = "https://files.digital.nhs.uk/C1/1234AB/april.csv"
HEADS = {
    "csv": b"ORG_CODE,MEASURE_VALUE\r\nX-1,25\r\n",
    "latin": "ORG_NAME,B,C\r\nCaf\u00e9,1,2\r\n".encode("latin-1"),
    "utf-16": "ORG_CODE,MEASURE_VALUE\r\nX-1,25\r\n".encode("utf-16"),
    "nul inside": b"ORG_CODE,MEASURE_VALUE\r\nX-1\x00,25\r\n",
    "zip": b"PK\x03\x04" + b"\x14" * 60,
    "ole2": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 60,
    "rar": b"Rar!\x1a\x07\x01\x00" + b"\0" * 60,
    "gzip": gzip.compress(b"a,b"),
    "html": b"<!DOCTYPE html><html><head><title>Page not found - NHS England Digital</title>",
    "html after space": b"\r\n\r\n  <html lang='en'><title>Sign in</title>",
    "json": b'{"error": "denied"}',
    "xml": b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
    "pdf": b"%PDF-1.7\n",
    "png": b"\x89PNG\r\n\x1a\n",
    "empty": b"",
    "nuls": b"\0" * 100,
}
SOUND = {
    "csv": {"april.csv", "APRIL.CSV", "april.txt", "april"},
    "latin": {"april.csv", "april.txt", "april"},
    "utf-16": {"april.csv", "april.txt", "april"},
    "nul inside": {"april.csv", "april.txt", "april"},
    "zip": {"april.zip", "april.xlsx", "april.txt", "april"},
    "ole2": {"april.xls", "april.txt", "april"},
    "rar": {"april.rar", "april.txt", "april"},
    "gzip": {"april.csv.gz", "april.txt", "april"},
    "html": {"page.html"},
    "html after space": {"page.html"},
    "json": {"page.html"},
    "xml": {"page.html"},
    "pdf": {"april.txt", "april", "page.html"},
    "png": {"april.txt", "april", "page.html"},
}
NAMES = ["april.csv", "APRIL.CSV", "april.zip", "april.xlsx", "april.xls", "april.rar", "april.csv.gz", "april.txt"]


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("name", [*NAMES, "april", "page.html"])
def test_only_what_begins_as_its_name_says_is_taken(head: str, name: str) -> None:
    is_sound = name in SOUND.get(head, ())
    if name == "page.html" and head not in {"empty"}:
        is_sound = True
    if name == "APRIL.CSV":
        is_sound = "april.csv" in SOUND.get(head, ())
    if is_sound:
        check_first_bytes(HEADS[head], ADDRESS, name)
    else:
        with pytest.raises(NotAFileError):
            check_first_bytes(HEADS[head], ADDRESS, name)


@pytest.mark.parametrize(
    ("head", "name", "message"),
    [
        ("html", "april.csv", r"expected text; found a web page, titled 'Page not found - NHS England Digital'\. "),
        ("json", "april.csv", "found JSON"),
        ("xml", "april.zip", r"expected a ZIP container or a workbook \(XLSX\); found XML of <Error>"),
        ("zip", "april.csv", "expected text; found a ZIP container"),
        ("pdf", "april.xlsx", "found a PDF"),
        ("empty", "april.csv", "found nothing: a body of 0 bytes"),
        ("empty", "april", "expected a file; found nothing"),
        ("ole2", "april.xlsx", "found an old Office file, or a workbook with a password"),
    ],
)
def test_what_came_is_named(head: str, name: str, message: str) -> None:
    with pytest.raises(NotAFileError, match=message) as caught:
        check_first_bytes(HEADS[head], ADDRESS, name)
    assert str(caught.value).startswith(ADDRESS)
    assert "the folder inbox of IAPT_HOME" in str(caught.value)


def test_every_published_layout_begins_as_its_name_says() -> None:
    for name, content in make_published_drops().values():
        check_first_bytes(content, ADDRESS, name)


@given(st.binary(max_size=200), st.sampled_from(NAMES))
def test_whatever_comes_is_taken_or_named(head: bytes, name: str) -> None:
    try:
        check_first_bytes(head, ADDRESS, name)
    except NotAFileError as error:
        assert str(error).isprintable()  # noqa: PT017
