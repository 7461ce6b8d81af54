"""A hostile server: whatever it sends, what comes of it is a file as declared or an error of this package."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iapt.sources.remote_files import SourceError, Validators
from tests.factories.publisher_server import PublisherServer
from tests.factories.publisher_site import make_site

PATH = "/C1/1234AB/april.csv"
CONTENT = b"ORG_CODE,MEASURE_VALUE\r\n" + b"X-00001,25\r\n" * 100

_STATUSES = st.sampled_from(
    ["200 OK", "206 Partial", "304 No", "416 No", "302 Go", "503 Busy", "200", "2000 OK", "0 ?", "101 Switch", ""]
)
_HEADERS = st.lists(
    st.one_of(
        st.sampled_from(
            [
                *("Content-Length: 5", "Content-Length: 1224", "Content-Length: -5", "Content-Length: 1e3"),
                *("Content-Length: 99999999999999999999999", "Transfer-Encoding: chunked", "Transfer-Encoding: gzip"),
                *("Content-Encoding: gzip", "Content-Encoding: identity", "Content-Encoding: gzip, gzip", "ETag: W/"),
                *(
                    "Content-Range: bytes 0-4/5",
                    "Content-Range: bytes 5-1/0",
                    "Content-Range: bytes */1224",
                    'ETag: ""',
                ),
                *("Content-Range: bytes 9-999999999999999999/*", "Last-Modified: never", "Date: 0", "Retry-After: 0"),
                *("Last-Modified: Fri, 99 Jan 2026 09:30:00 GMT", "Retry-After: Fri, 99 Jan 2026 09:30:00 GMT"),
                *("Retry-After: Mon, 01 Jan 0001 00:00:00 +2359", "Location: /x", "Location: //[", "Location: \xff"),
                *("Content-Type: text/html; charset=\xff", "Connection: close", "Connection: keep-alive", "X: \x01"),
            ]
        ),
        st.text(max_size=30),
    ),
    max_size=6,
)
_BODIES = st.one_of(
    st.binary(max_size=200),
    st.sampled_from(
        [
            *(b"", CONTENT, CONTENT[:500], gzip.compress(CONTENT), gzip.compress(b""), gzip.compress(CONTENT)[:30]),
            *(
                b"5\r\na,b\r\n\r\n0\r\n\r\n",
                b"ffffffffffffffff\r\n",
                b"-1\r\n",
                b"0\r\nX: y\r\n\r\n",
                b"<html><title>x",
            ),
        ]
    ),
)
_ANSWERS = st.one_of(
    st.binary(max_size=300),
    st.builds(
        lambda status, headers, body: (
            "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode("latin-1", "replace") + body
        ),
        _STATUSES,
        _HEADERS,
        _BODIES,
    ),
)


@pytest.fixture
def server() -> Iterator[PublisherServer]:
    with PublisherServer() as server:
        server.add_file(PATH, CONTENT)
        yield server


def test_whatever_a_server_sends_for_a_file_is_a_file_or_an_error_that_says_so(
    server: PublisherServer, tmp_path: Path
) -> None:
    target = tmp_path / "april.csv"

    @settings(max_examples=100)
    @given(st.lists(_ANSWERS, min_size=1, max_size=3), st.booleans())
    def fetch(answers: list[bytes], is_known: bool) -> None:
        target.unlink(missing_ok=True)
        server.raw_answers[PATH] = list(answers)
        known = Validators('"known"', "Fri, 02 Jan 2026 09:30:00 GMT") if is_known else None
        message, fetched = "", None
        try:
            fetched = make_site(server, attempts=3).fetch(server.find_address(PATH), target, known)
        except SourceError as error:
            message = str(error)
        assert message.isprintable()
        assert target.exists() == (fetched is not None and fetched.is_modified)
        if fetched is not None:
            assert not fetched.is_modified or fetched.bytes == target.stat().st_size > 0
            assert [path for path in tmp_path.iterdir() if path != target] == []

    fetch()


def test_whatever_a_server_sends_for_a_page_or_its_robots_is_a_page_or_an_error_that_says_so(
    server: PublisherServer,
) -> None:
    @settings(max_examples=100)
    @given(st.lists(_ANSWERS, max_size=2), st.lists(_ANSWERS, max_size=2))
    def read(robots: list[bytes], pages: list[bytes]) -> None:
        server.raw_answers["/robots.txt"] = list(robots)
        server.raw_answers["/page"] = list(pages)
        text = ""
        try:
            text = make_site(server, attempts=2, max_page_bytes=1000).read_page(server.find_address("/page")).text
        except SourceError as error:
            message = str(error)
            assert message.isprintable()
        assert len(text) <= 1000

    read()


def make_answer(*headers: str, status: str = "200 OK", body: bytes = CONTENT) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(CONTENT)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


@pytest.mark.parametrize("header", ['ETag: "\xe9"', "Last-Modified: \xe9", f'ETag: "{"x" * 5000}"'])
def test_a_validator_that_no_request_can_carry_is_not_sent_back(tmp_path: Path, header: str) -> None:
    with PublisherServer() as server, make_site(server) as site:
        server.add_file(PATH, CONTENT)
        server.raw_answers[PATH] = [make_answer(header, body=CONTENT[:500])]
        fetched = site.fetch(server.find_address(PATH), tmp_path / "a.csv")
        assert (tmp_path / "a.csv").read_bytes() == CONTENT, "a cut body of that version is asked for from the start"
        server.raw_answers[PATH] = [make_answer(header)]
        fetched = site.fetch(server.find_address(PATH), tmp_path / "a.csv")
        again = site.fetch(server.find_address(PATH), tmp_path / "a.csv", fetched.validators)
        assert again.is_modified
        assert server.requests[-1].headers.keys().isdisjoint({"if-none-match", "if-modified-since"})


@pytest.mark.parametrize(
    ("status", "header"),
    [
        ("200 OK", "Last-Modified: Thu, 01 Jan 2026 00:00:00 +99999999999999"),
        ("503 Busy", "Retry-After: Thu, 01 Jan 2026 00:00:00 +99999999999999"),
    ],
)
def test_a_date_of_no_calendar_says_nothing(tmp_path: Path, status: str, header: str) -> None:
    with PublisherServer() as server, make_site(server) as site:
        server.add_file(PATH, CONTENT)
        server.raw_answers[PATH] = [make_answer(header, f"Date: {header.partition(': ')[2]}", status=status)]
        assert site.fetch(server.find_address(PATH), tmp_path / "a.csv").bytes == len(CONTENT)


@pytest.mark.parametrize("host", ["xn--a", "xn--zz-", "xn--\xe9"])
def test_a_redirect_to_a_host_that_cannot_be_decoded_is_refused(tmp_path: Path, host: str) -> None:
    with PublisherServer() as server, make_site(server) as site:
        server.raw_answers[PATH] = [make_answer(f"Location: https://{host}/x", status="302 Found")]
        with pytest.raises(SourceError):
            site.fetch(server.find_address(PATH), tmp_path / "a.csv")


def test_rules_for_crawlers_that_are_packed_are_not_taken_for_none() -> None:
    packed = gzip.compress(b"User-agent: *\nDisallow: /\n")
    with PublisherServer() as server, make_site(server) as site:
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
        server.raw_answers["/robots.txt"] = [head.encode() + packed]
        server.add_page("/page", "<h1>A page</h1>")
        with pytest.raises(SourceError, match="rules in gzip"):
            site.read_page(server.find_address("/page"))
        assert server.count_requests("/page") == 0
