"""The publisher of the tests: it serves what it is given, and its faults are those that the seed says."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections import Counter

import pytest

from tests.factories.publisher_server import CURED_BY_RETRY, NOT_RETRIED, UNSEEN, Fault, FaultPlan, PublisherServer

CONTENT = b"a,b\r\n1,2\r\n" * 100


def ask(address: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    request = urllib.request.Request(
        address, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), dict(error.headers)


def test_files_are_served_with_their_validators_and_in_parts() -> None:
    with PublisherServer() as server:
        address = server.add_file("/a (1).csv", CONTENT)
        status, content, headers = ask(address)
        assert (status, content) == (200, CONTENT)
        assert ask(address, If_None_Match=headers["ETag"])[0] == 304
        assert ask(address, If_Modified_Since=headers["Last-Modified"])[0] == 304
        assert ask(address, Range="bytes=10-", If_Range=headers["ETag"])[:2] == (206, CONTENT[10:])
        assert ask(address, Range="bytes=10-", If_Range='"another"')[:2] == (200, CONTENT)
        assert ask(address, Range="bytes=5000-")[0] == 416
        assert ask(server.find_address("/b.csv"))[0] == 404
        assert server.count_requests("/a (1).csv") == 6


def test_the_faults_of_a_path_follow_from_seed_path_and_number_alone() -> None:
    plan = FaultPlan(seed=3, rate=0.2)
    drawn = [plan.choose_fault("/a.csv", number) for number in range(500)]
    assert drawn == [plan.choose_fault("/a.csv", number) for number in range(500)]
    assert drawn != [plan.choose_fault("/b.csv", number) for number in range(500)]
    assert drawn != [FaultPlan(seed=4, rate=0.2).choose_fault("/a.csv", number) for number in range(500)]
    counts = Counter(fault for fault in drawn if fault is not None)
    assert 70 <= counts.total() <= 130
    assert set(counts) == CURED_BY_RETRY


def test_no_path_meets_more_faults_in_a_row_than_the_plan_says() -> None:
    plan = FaultPlan(seed=1, rate=0.9, most_in_a_row=2)
    drawn = [plan.choose_fault("/a.csv", number) is not None for number in range(300)]
    assert max(sum(drawn[start : start + 3]) for start in range(298)) == 2


def test_robots_are_spared() -> None:
    assert FaultPlan(seed=1, rate=1).choose_fault("/robots.txt", 0) is None


def test_every_fault_is_of_one_kind() -> None:
    assert sorted([*CURED_BY_RETRY, *NOT_RETRIED, *UNSEEN]) == sorted(Fault)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        *((Fault.NOT_FOUND_ONCE, 404), (Fault.FORBIDDEN, 403), (Fault.TOO_MANY_REQUESTS, 429)),
        *((Fault.UNAVAILABLE, 503), (Fault.WEB_PAGE, 200), (Fault.STALE_FILE, 200), (Fault.CHANGED_ETAG, 200)),
    ],
)
def test_a_fault_is_seen_once(fault: Fault, status: int) -> None:
    with PublisherServer() as server:
        address = server.add_file("/a.csv", CONTENT)
        server.superseded["/a.csv"] = b"old"
        server.next_faults["/a.csv"] = [fault]
        assert ask(address)[0] == status
        assert ask(address)[:2] == (200, CONTENT)
        assert [request.fault for request in server.requests] == [fault, None]
        assert server.requests[0].status == status


def test_a_stale_file_is_an_older_one_under_its_own_etag() -> None:
    with PublisherServer() as server:
        address = server.add_file("/a.csv", CONTENT)
        server.superseded["/a.csv"] = b"old"
        server.next_faults["/a.csv"] = [Fault.STALE_FILE]
        _, content, stale = ask(address)
        assert content == b"old"
        assert stale["ETag"] != ask(address)[2]["ETag"]
