"""Files over https: fetched whole, once, with what the server says of them, whatever goes wrong on the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from iapt.sources.remote_files import (
    NotAFileError,
    NotThereError,
    RefusedError,
    SourceError,
    TooLargeError,
    UnavailableError,
    UnsafeAddressError,
    Validators,
)
from tests.factories.publisher_server import (
    CURED_BY_RETRY,
    LAST_MODIFIED,
    NOT_RETRIED,
    Fault,
    FaultPlan,
    PublisherServer,
    make_etag,
)
from tests.factories.publisher_site import LIMITS, MadeClock, make_site

CONTENT = b"ORG_CODE,MEASURE_VALUE\r\n" + b"".join(b"X-%05d,25\r\n" % row for row in range(5000))
PATH = "/C1/1234AB/nhstalkingtherapies_month_apr_2026 activity (v2), part & all.csv"


@pytest.fixture
def server() -> Iterator[PublisherServer]:
    with PublisherServer() as server:
        server.add_file(PATH, CONTENT)
        yield server


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "april.csv"


def list_leftovers(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir() if path != target)


def test_a_file_arrives_whole_with_what_the_server_says_of_it(server: PublisherServer, target: Path) -> None:
    reports: list[tuple[int, int | None]] = []
    fetched = make_site(server).fetch(
        server.find_address(PATH), target, report=lambda size, total: reports.append((size, total))
    )
    assert target.read_bytes() == CONTENT
    assert fetched.is_modified
    assert (fetched.bytes, fetched.bytes_received, fetched.http_status) == (len(CONTENT), len(CONTENT), 200)
    assert fetched.validators == Validators(make_etag(CONTENT), LAST_MODIFIED)
    assert fetched.content_type == "text/csv"
    assert fetched.address == server.find_address(PATH)
    assert reports[-1] == (len(CONTENT), len(CONTENT))
    assert list_leftovers(target) == []


@pytest.mark.parametrize("fault", sorted(CURED_BY_RETRY))
def test_a_passing_fault_is_cured_within_one_call(server: PublisherServer, target: Path, fault: Fault) -> None:
    server.next_faults[PATH] = [fault, fault]
    fetched = make_site(server).fetch(server.find_address(PATH), target)
    assert target.read_bytes() == CONTENT
    assert fetched.bytes == len(CONTENT)
    assert list_leftovers(target) == []


@pytest.mark.parametrize("fault", sorted(CURED_BY_RETRY))
def test_a_fault_costs_hardly_a_byte_more_than_the_file(server: PublisherServer, target: Path, fault: Fault) -> None:
    server.next_faults[PATH] = [fault, fault]
    fetched = make_site(server).fetch(server.find_address(PATH), target)
    assert fetched.bytes_received <= len(CONTENT) * 1.01
    assert server.body_bytes_sent <= len(CONTENT) * 1.01


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.FORBIDDEN, RefusedError),
        (Fault.NOT_FOUND_ONCE, NotThereError),
        (Fault.REDIRECT_OFF_LIST, UnsafeAddressError),
        (Fault.WEB_PAGE, NotAFileError),
    ],
)
def test_what_will_not_pass_is_asked_once(
    server: PublisherServer, target: Path, fault: Fault, error: type[SourceError]
) -> None:
    assert fault in NOT_RETRIED
    server.next_faults[PATH] = [fault]
    with pytest.raises(error):
        make_site(server).fetch(server.find_address(PATH), target)
    assert len(server.requests) == 1
    assert list(target.parent.iterdir()) == []


def test_many_files_arrive_with_faults_in_one_request_of_five(tmp_path: Path) -> None:
    with PublisherServer(FaultPlan(seed=7, rate=0.2)) as server:
        site = make_site(server)
        for number in range(30):
            content = CONTENT + b"X-%05d,30\r\n" % number
            address = server.add_file(f"/A{number}/file.csv", content)
            target = tmp_path / f"{number}.csv"
            site.fetch(address, target)
            assert target.read_bytes() == content
        assert sum(request.fault is not None for request in server.requests) > 5
        assert server.body_bytes_sent <= 1.05 * sum(len(path.read_bytes()) for path in tmp_path.iterdir())


def test_a_known_version_is_not_sent_again(server: PublisherServer, target: Path) -> None:
    site = make_site(server)
    first = site.fetch(server.find_address(PATH), target)
    target.unlink()
    second = site.fetch(server.find_address(PATH), target, first.validators)
    assert not second.is_modified
    assert (second.bytes_received, second.http_status) == (0, 304)
    assert second.validators == first.validators
    assert not target.exists()


def test_a_server_that_stays_away_is_given_up_after_the_attempts(server: PublisherServer, target: Path) -> None:
    server.next_faults[PATH] = [Fault.UNAVAILABLE] * 9
    with pytest.raises(UnavailableError, match=r"503 .* having asked 3 times"):
        make_site(server, attempts=3).fetch(server.find_address(PATH), target)
    assert len(server.requests) == 3


def test_a_file_over_the_limit_is_refused_before_its_body(server: PublisherServer, target: Path) -> None:
    limits = LIMITS.model_copy(update={"max_file_bytes": 1000})
    with pytest.raises(TooLargeError, match="at most 1,000 bytes"):
        make_site(server, limits=limits).fetch(server.find_address(PATH), target)
    assert list(target.parent.iterdir()) == []


def test_nothing_is_asked_without_a_contact(server: PublisherServer, target: Path) -> None:
    with pytest.raises(SourceError, match="export IAPT_CONTACT="):
        make_site(server, contact="").fetch(server.find_address(PATH), target)
    assert server.requests == []


def test_every_request_says_who_asks(server: PublisherServer, target: Path) -> None:
    make_site(server).fetch(server.find_address(PATH), target)
    assert server.requests[0].user_agent == "iapt-pipeline/0.1.0 (+tests@example.org)"


def test_there_is_a_pause_between_two_requests(server: PublisherServer, tmp_path: Path) -> None:
    clock = MadeClock()
    site = make_site(server, clock=clock, pause_seconds=2)
    for name in ("a.csv", "b.csv", "c.csv"):
        site.fetch(server.find_address(PATH), tmp_path / name)
    assert clock.pauses == [2, 2]
