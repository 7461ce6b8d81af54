"""Pages: read where robots.txt lets crawlers, in the encoding they name, within a size."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from iapt.sources.remote_files import (
    NotThereError,
    RefusedError,
    SourceError,
    TooLargeError,
    UnavailableError,
    UnsafeAddressError,
)
from tests.factories.publisher_server import Fault, PublisherServer
from tests.factories.publisher_site import MadeClock, make_site, make_stand_in_site

PAGE = "<!doctype html><html><head><title>Monthly Statistics</title></head><body>caf\u00e9 \u2013 \u00a35</body></html>"
PATH = "/data-and-information/publications/statistical/monthly statistics"
FILE = "/C1/1234AB/april.csv"


@pytest.fixture
def server() -> Iterator[PublisherServer]:
    with PublisherServer() as server:
        server.add_page(PATH, PAGE)
        server.add_file(FILE, b"a,b\r\n1,2\r\n")
        yield server


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]).encode() + body


def test_a_page_comes_with_where_it_was_found(server: PublisherServer) -> None:
    server.add_redirect("/old", PATH.replace(" ", "%20"))
    page = make_site(server).read_page(server.find_address("/old"))
    assert page.text == PAGE
    assert (page.address, page.status) == (server.find_address(PATH), 200)
    assert page.content_type == "text/html; charset=UTF-8"


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("text/html; charset=utf-8", "caf\u00e9".encode(), "caf\u00e9"),
        ('text/html; charset="UTF-8"', "caf\u00e9".encode(), "caf\u00e9"),
        ("text/html", "\ufeffcaf\u00e9".encode(), "caf\u00e9"),
        ("text/html; charset=iso-8859-1", "caf\u00e9 \u2013".encode("windows-1252"), "caf\u00e9 \u2013"),
        ("text/html", b'<meta charset="windows-1252">caf\xe9', '<meta charset="windows-1252">caf\u00e9'),
        ("text/html; charset=utf-8", b"caf\xe9", "caf\ufffd"),
        ("text/html; charset=punycode", b"caf-dma", "caf-dma"),
        ("text/html; charset=rot13", b"caf", "caf"),
        ("text/html; charset=", b"caf", "caf"),
        ("", b"", ""),
    ],
)
def test_a_page_is_read_in_the_encoding_that_it_names_if_that_is_one_of_the_web(
    server: PublisherServer, content_type: str, body: bytes, text: str
) -> None:
    server.raw_answers[PATH] = [answer(body, f"Content-Type: {content_type}")]
    assert make_site(server).read_page(server.find_address(PATH)).text == text


def test_a_page_may_come_in_gzip(server: PublisherServer) -> None:
    server.next_faults[PATH] = [Fault.GZIP]
    assert make_site(server).read_page(server.find_address(PATH)).text == PAGE
    assert server.requests[-1].headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize(
    "body",
    [b"x" * 1001, gzip.compress(b"x" * 1001, mtime=0), gzip.compress(b"x") + b"x" * 1001],
    ids=["plain", "packed", "followed by more"],
)
def test_a_page_over_the_limit_is_not_read(server: PublisherServer, body: bytes) -> None:
    headers = ["Content-Encoding: gzip"] if body.startswith(b"\x1f") else []
    server.raw_answers[PATH] = [answer(body, *headers)]
    with pytest.raises(TooLargeError, match="at most 1,000 bytes"):
        make_site(server, max_page_bytes=1000).read_page(server.find_address(PATH))


def test_a_page_that_unpacks_without_end_is_not_unpacked(server: PublisherServer) -> None:
    server.raw_answers[PATH] = [answer(gzip.compress(b"x" * 20_000_000, mtime=0), "Content-Encoding: gzip")]
    site = make_site(server, max_page_bytes=100_000)
    tracemalloc.start()
    with pytest.raises(TooLargeError):
        site.read_page(server.find_address(PATH))
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 5_000_000


@pytest.mark.parametrize("body", [b"no gzip", gzip.compress(PAGE.encode(), mtime=0)[:-20]])
def test_a_damaged_gzip_page_is_asked_for_again(server: PublisherServer, body: bytes) -> None:
    server.raw_answers[PATH] = [answer(body, "Content-Encoding: gzip")]
    assert make_site(server).read_page(server.find_address(PATH)).text == PAGE


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.UNAVAILABLE, Fault.TOO_MANY_REQUESTS, Fault.SHORT_BODY])
def test_a_passing_fault_of_a_page_is_cured(server: PublisherServer, fault: Fault) -> None:
    server.next_faults[PATH] = [fault]
    assert make_site(server).read_page(server.find_address(PATH)).text == PAGE


def test_a_page_that_is_not_there_or_is_refused_says_so(server: PublisherServer) -> None:
    with pytest.raises(NotThereError, match="expected a page; found HTTP 404"):
        make_site(server).read_page(server.find_address("/nowhere"))
    server.next_faults[PATH] = [Fault.FORBIDDEN]
    with pytest.raises(RefusedError, match="HTTP 403"):
        make_site(server).read_page(server.find_address(PATH))


def test_what_robots_forbid_is_not_read(server: PublisherServer) -> None:
    server.add_robots("User-agent: *\nDisallow: /data-and-information/\n")
    with pytest.raises(RefusedError, match=r"found a rule of http://127\.0\.0\.1:\d+/robots\.txt that forbids it"):
        make_site(server).read_page(server.find_address(PATH))
    assert [request.path for request in server.requests] == ["/robots.txt"]


def test_rules_for_others_and_for_this_client_are_told_apart(server: PublisherServer) -> None:
    server.add_robots("User-agent: *\nDisallow: /\n\nUser-agent: iapt-pipeline\nDisallow: /private\n")
    site = make_site(server)
    assert site.read_page(server.find_address(PATH)).text == PAGE
    with pytest.raises(RefusedError):
        site.read_page(server.find_address("/private/page"))


def test_robots_are_read_once_in_a_run_and_before_the_page(server: PublisherServer) -> None:
    server.add_robots("Sitemap: https://digital.nhs.uk/sitemap-combined.xml\n")
    site = make_site(server)
    for _ in range(3):
        site.read_page(server.find_address(PATH))
    assert [request.path for request in server.requests] == ["/robots.txt", PATH, PATH, PATH]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_host_without_robots_lets_everything_be_read(server: PublisherServer, status: int) -> None:
    server.add_robots("User-agent: *\nDisallow: /\n", status=status)
    assert make_site(server).read_page(server.find_address(PATH)).text == PAGE


@pytest.mark.parametrize("status", [500, 503, 429])
def test_where_robots_cannot_be_read_nothing_is_for_now(server: PublisherServer, status: int) -> None:
    server.add_robots("", status=status)
    site = make_site(server, attempts=2)
    for _ in range(2):
        with pytest.raises(UnavailableError, match=f"expected the robots.txt of .*; found HTTP {status}"):
            site.read_page(server.find_address(PATH))
    assert [request.path for request in server.requests] == ["/robots.txt"] * 2


def test_robots_that_lead_off_the_list_are_as_good_as_not_read(server: PublisherServer) -> None:
    server.add_redirect("/robots.txt", "https://example.org/robots.txt")
    with pytest.raises(UnavailableError, match=r"example\.org"):
        make_site(server).read_page(server.find_address(PATH))


def test_the_pause_that_robots_ask_for_is_kept(server: PublisherServer) -> None:
    server.add_robots("User-agent: *\nCrawl-delay: 9\n")
    clock = MadeClock()
    site = make_site(server, clock=clock, pause_seconds=2)
    site.read_page(server.find_address(PATH))
    site.read_page(server.find_address(PATH))
    assert clock.pauses == [9, 9]


def test_a_shorter_pause_than_ours_is_not_taken_up(server: PublisherServer) -> None:
    server.add_robots("User-agent: *\nCrawl-delay: 1\n")
    clock = MadeClock()
    site = make_site(server, clock=clock, pause_seconds=2)
    site.read_page(server.find_address(PATH))
    assert clock.pauses == [2]


def test_a_pause_longer_than_the_longest_wait_is_a_refusal(server: PublisherServer) -> None:
    server.add_robots("User-agent: *\nCrawl-delay: 86400\n")
    with pytest.raises(RefusedError, match="found 86400 s in"):
        make_site(server).read_page(server.find_address(PATH))


def test_robots_of_each_host_are_asked_also_after_a_redirect(server: PublisherServer) -> None:
    with PublisherServer() as other:
        other.add_robots("User-agent: *\nDisallow: /\n")
        server.add_redirect(PATH, other.add_page(PATH, PAGE))
        with pytest.raises(RefusedError):
            make_site(server, other).read_page(server.find_address(PATH))
        assert [request.path for request in other.requests] == ["/robots.txt"]


def test_files_of_the_list_are_fetched_without_asking_robots_unless_told_to(
    server: PublisherServer, tmp_path: Path
) -> None:
    server.add_robots("User-agent: *\nDisallow: /\n")
    make_site(server).fetch(server.find_address(FILE), tmp_path / "a.csv")
    assert [request.path for request in server.requests] == [FILE]
    with pytest.raises(RefusedError, match="robots"):
        make_site(server, robots_of_files=True).fetch(server.find_address(FILE), tmp_path / "b.csv")


def test_an_endless_robots_is_read_in_part(server: PublisherServer) -> None:
    # It is cut after what is read of it, which is enough.
    server.raw_answers["/robots.txt"] = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\nUser-agent: *\n" + b"# words\n" * 100_000
    ]
    assert make_site(server).read_page(server.find_address(PATH)).text == PAGE
    assert server.count_requests("/robots.txt") == 1


@pytest.mark.parametrize(
    "address", ["https://example.org/x", "http://digital.nhs.uk/x", "https://digital.nhs.uk:8443/x", "javascript:x"]
)
def test_a_page_off_the_list_is_not_asked_for(server: PublisherServer, address: str) -> None:
    with pytest.raises(UnsafeAddressError):
        make_stand_in_site(server).read_page(address)
    assert server.requests == []


def test_what_a_server_says_is_made_printable(server: PublisherServer) -> None:
    server.raw_answers[PATH] = [answer(b"", "Content-Encoding: \x1b[2Jbr".replace("\x1b", "%1b"))]
    with pytest.raises(SourceError) as caught:
        make_site(server).read_page(server.find_address(PATH))
    assert str(caught.value).isprintable()
