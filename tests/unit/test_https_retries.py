"""Asking again: what is worth it, how long to wait before, and when to stop."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from iapt.catalogue.publisher import Hosts, Publisher
from iapt.sources.https import PublisherSite
from iapt.sources.remote_files import NotThereError, RefusedError, SourceError, UnavailableError
from iapt.sources.site_requests import SiteAccess
from tests.factories.publisher_server import Fault, PublisherServer
from tests.factories.publisher_site import CONTACT, LIMITS, TRANSFER, MadeClock, make_access, make_site

CONTENT = b"ORG_CODE,MEASURE_VALUE\r\n" + b"X-00001,25\r\n" * 2000
PATH = "/C1/1234AB/april.csv"
OTHER = "/D2/5678CD/may.csv"


@pytest.fixture
def server() -> Iterator[PublisherServer]:
    with PublisherServer() as server:
        server.add_file(PATH, CONTENT)
        server.add_file(OTHER, CONTENT)
        yield server


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "april.csv"


def answer(status: str, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", "Content-Length: 0", *headers, "", ""]).encode()


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_status_that_passes_is_asked_again(server: PublisherServer, target: Path, status: int) -> None:
    server.raw_answers[PATH] = [answer(f"{status} Odd")] * 2
    make_site(server).fetch(server.find_address(PATH), target)
    assert target.read_bytes() == CONTENT
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("status", "error"),
    [
        *((401, RefusedError), (403, RefusedError), (407, RefusedError), (451, RefusedError)),
        *((404, NotThereError), (410, NotThereError)),
        *((204, UnavailableError), (400, UnavailableError), (405, UnavailableError), (501, UnavailableError)),
    ],
)
def test_a_status_that_stays_is_asked_once(
    server: PublisherServer, target: Path, status: int, error: type[SourceError]
) -> None:
    server.raw_answers[PATH] = [answer(f"{status} Odd")]
    with pytest.raises(error, match=f"HTTP {status}"):
        make_site(server).fetch(server.find_address(PATH), target)
    assert len(server.requests) == 1
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("header", ["cf-mitigated: challenge", "x-amzn-waf-action: captcha"])
@pytest.mark.parametrize("status", ["503 Busy", "202 Accepted", "200 OK"])
def test_a_test_for_browsers_is_a_refusal_whatever_its_status(
    server: PublisherServer, target: Path, status: str, header: str
) -> None:
    server.raw_answers[PATH] = [answer(status, header)]
    with pytest.raises(RefusedError, match="a test for browsers"):
        make_site(server).fetch(server.find_address(PATH), target)
    assert len(server.requests) == 1


def test_a_refusal_says_how_to_get_the_file_by_hand(server: PublisherServer, target: Path) -> None:
    server.next_faults[PATH] = [Fault.FORBIDDEN]
    with pytest.raises(RefusedError) as caught:
        make_site(server).fetch(server.find_address(PATH), target)
    assert str(caught.value) == (
        f"{server.find_address(PATH)}: expected the file; found HTTP 403 (Forbidden): refused. Open the address in a "
        "browser. If the file comes there, put it into the folder inbox of IAPT_HOME: iapt pull takes it from there."
    )


def test_the_waits_between_attempts_grow_and_differ(
    server: PublisherServer, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    server.next_faults[PATH] = [Fault.UNAVAILABLE] * 9
    with pytest.raises(UnavailableError):
        make_site(server, clock=MadeClock(), attempts=5, pause_seconds=2).fetch(server.find_address(PATH), target)
    assert len(waits) == 4
    for number, wait in enumerate(waits):
        assert 2 * 2**number <= wait <= 2 * 2**number + 2
    assert len({wait - 2 * 2**number for number, wait in enumerate(waits)}) == 4


def test_what_is_asked_again_is_logged_once_with_its_address(
    server: PublisherServer, target: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    server.raw_answers[PATH] = [b"HTTP/1.1 \x1b[2J\r\n\r\n"]
    with caplog.at_level("INFO"):
        make_site(server).fetch(server.find_address(PATH), target)
    assert [record.name for record in caplog.records] == ["iapt.sources.site_requests"]
    assert caplog.messages[0].startswith(f"{server.find_address(PATH)}: attempt 1 of 6: ")
    assert caplog.messages[0].isprintable()
    assert capsys.readouterr().out == ""  # where `iapt discover` writes its diff


def test_no_wait_is_longer_than_the_longest(
    server: PublisherServer, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    server.next_faults[PATH] = [Fault.UNAVAILABLE] * 9
    site = make_site(server, clock=MadeClock(), attempts=6, pause_seconds=2, longest_wait_seconds=5)
    with pytest.raises(UnavailableError):
        site.fetch(server.find_address(PATH), target)
    assert max(waits) == 5


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("7", 7),
        ("0", None),
        ("Thu, 09 Jul 2026 09:30:40 GMT", 40),
        ("Thu, 09 Jul 2026 09:29:00 GMT", None),  # a moment that has passed
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
@pytest.mark.parametrize("status", ["429 Many", "503 Busy"])
def test_as_long_as_a_server_asks_for_is_waited(
    server: PublisherServer, target: Path, status: str, retry_after: str, seconds: float | None
) -> None:
    clock = MadeClock()
    server.raw_answers[PATH] = [answer(status, f"Retry-After: {retry_after}")]
    make_site(server, clock=clock).fetch(server.find_address(PATH), target)
    assert clock.pauses == ([] if seconds is None else [seconds])


@pytest.mark.parametrize("retry_after", ["121", "Thu, 09 Jul 2026 10:30:00 GMT", "999999999"])
def test_a_server_that_asks_for_longer_than_the_longest_wait_is_left_alone(
    server: PublisherServer, tmp_path: Path, retry_after: str
) -> None:
    clock = MadeClock()
    server.raw_answers[PATH] = [answer("429 Many", f"Retry-After: {retry_after}")]
    site = make_site(server, clock=clock)
    for path in (PATH, OTHER):  # and so it is for the next file
        with pytest.raises(UnavailableError, match="a server that asks to be left alone for"):
            site.fetch(server.find_address(path), tmp_path / "a.csv")
    assert (len(server.requests), clock.pauses) == (1, [])
    clock.seconds += 1e9
    site.fetch(server.find_address(PATH), tmp_path / "a.csv")


def test_a_server_that_asks_for_too_long_says_so_also_at_the_last_attempt(
    server: PublisherServer, target: Path
) -> None:
    server.raw_answers[PATH] = [answer("429 Many", "Retry-After: 500")]
    with pytest.raises(UnavailableError, match="a server that asks to be left alone for 500 s") as caught:
        make_site(server, attempts=1).fetch(server.find_address(PATH), target)
    assert caught.value.http_status == 429


def test_a_server_that_never_answers_is_given_up(server: PublisherServer, target: Path) -> None:
    server.slow_seconds = 0.3
    server.next_faults[PATH] = [Fault.SLOW] * 2
    with pytest.raises(UnavailableError, match=r"ReadTimeout.* having asked 2 times"):
        make_site(server, attempts=2, read_seconds=0.05).fetch(server.find_address(PATH), target)


def test_a_server_that_is_not_there_is_given_up(target: Path) -> None:
    with PublisherServer() as server:
        access = make_access(server, attempts=2)
        address = server.find_address(PATH)
    with pytest.raises(UnavailableError, match=r"no connection .* having asked 2 times"):
        PublisherSite(access).fetch(address, target)


class PassingClock(MadeClock):
    """A clock on which every look takes a second."""

    def look(self) -> float:
        self.seconds += 1
        return self.seconds


def make_passing_site(server: PublisherServer, **settings: Any) -> PublisherSite:
    clock = PassingClock()
    return PublisherSite(make_access(server, **settings), replace(clock.clock, monotonic=clock.look))


def test_a_body_that_drips_is_cut_and_gone_on_with(server: PublisherServer, target: Path) -> None:
    server.slow_seconds = 0
    server.add_file(PATH, CONTENT[:5000])
    chunks = b"".join(b"1\r\n%c\r\n" % letter for letter in CONTENT[:200])
    server.raw_answers[PATH] = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"]
    site = make_passing_site(server, read_seconds=60, file_seconds=100_000)
    site.fetch(server.find_address(PATH), target)
    assert target.read_bytes() == CONTENT[:5000]
    assert len(server.requests) == 2  # 200 bytes in 200 looks at the clock: too slow by far


def test_one_file_has_so_long_and_keeps_what_has_arrived(server: PublisherServer, target: Path) -> None:
    site = make_passing_site(server, file_seconds=2)
    with pytest.raises(UnavailableError, match=r"expected the whole file within 2 s \(file_seconds\)"):
        site.fetch(server.find_address(PATH), target)
    assert len(server.requests) <= 1


def test_the_head_of_an_answer_has_so_long_too(server: PublisherServer, target: Path) -> None:
    # Each byte may come within the time-out of a read; all of them together do not.
    with pytest.raises(UnavailableError, match="the time for one request is up"):
        make_passing_site(server, file_seconds=4, attempts=1).fetch(server.find_address(PATH), target)


@pytest.mark.parametrize(
    "contact", ["name@example.org", "https://example.org/contact", "http://example.org", "mailto:name@example.org"]
)
def test_a_contact_is_sent_with_every_request(server: PublisherServer, target: Path, contact: str) -> None:
    make_site(server, contact=contact).fetch(server.find_address(PATH), target)
    assert server.requests[0].user_agent == f"iapt-pipeline/0.1.0 (+{contact})"


@pytest.mark.parametrize(
    "contact",
    ["", "me", "name@example.org\r\nX: y", "a b@example.org", "(name@example.org)", "n\u00e4me@example.org", "@" * 201],
)
def test_a_contact_of_no_use_is_refused_before_anything_is_asked(
    server: PublisherServer, target: Path, contact: str
) -> None:
    site = make_site(server, contact=contact)
    with pytest.raises(SourceError, match="Set it in the environment: export IAPT_CONTACT="):
        site.fetch(server.find_address(PATH), target)
    with pytest.raises(SourceError, match="IAPT_CONTACT: expected a mail address"):
        site.read_page(server.find_address("/page"))
    assert server.requests == []


def test_the_environment_names_the_contact_and_servers_of_this_machine() -> None:
    hosts = Hosts(pages=["digital.nhs.uk"], files=["files.digital.nhs.uk"])
    publisher = Publisher(
        hosts=hosts, transfer=TRANSFER, statistical="https://digital.nhs.uk/x/", series_pages={}, series={}
    )
    environment = {"IAPT_CONTACT": CONTACT, "IAPT_LOCAL_SERVERS": "http://127.0.0.1:1", "https_proxy": "http://p:1"}
    access = SiteAccess.from_environment(publisher, LIMITS, environment)
    assert access.contact == CONTACT
    assert access.hosts == {"digital.nhs.uk", "files.digital.nhs.uk"}
    assert access.local_servers == {"http://127.0.0.1:1"}
    assert access.ignored_proxy == "https_proxy"
    empty = SiteAccess.from_environment(publisher, LIMITS, {})
    assert (empty.contact, empty.local_servers, empty.ignored_proxy) == ("", frozenset(), "")


def test_the_pause_is_of_one_host_and_counts_from_the_end_of_the_last_answer(
    server: PublisherServer, tmp_path: Path
) -> None:
    clock = MadeClock()
    with PublisherServer() as other:
        site = make_site(server, other, clock=clock, pause_seconds=2)
        site.fetch(server.find_address(PATH), tmp_path / "a.csv")
        site.fetch(other.add_file(PATH, CONTENT), tmp_path / "b.csv")
        assert clock.pauses == []
        clock.seconds += 0.5
        site.fetch(server.find_address(PATH), tmp_path / "c.csv")
        assert clock.pauses == [1.5]
        clock.seconds += 10
        site.fetch(server.find_address(PATH), tmp_path / "d.csv")
        assert clock.pauses == [1.5]


def test_there_is_a_pause_after_a_redirect_and_after_a_failure_too(server: PublisherServer, target: Path) -> None:
    clock = MadeClock()
    server.next_faults[PATH] = [Fault.REDIRECT_ON_LIST]
    make_site(server, clock=clock, pause_seconds=2).fetch(server.find_address(PATH), target)
    assert clock.pauses == [2]
