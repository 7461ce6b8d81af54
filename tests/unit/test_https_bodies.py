"""Bodies of files: what was cut is gone on with, what does not fit together is begun anew, and nothing is mixed."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iapt.sources.partial_bodies import PartialBody
from iapt.sources.remote_files import NotAFileError, TooLargeError, UnavailableError
from tests.factories.publisher_server import LAST_MODIFIED, Fault, PublisherServer, make_etag
from tests.factories.publisher_site import LIMITS, make_site

CONTENT = b"ORG_CODE,MEASURE_VALUE\r\n" + b"".join(b"X-%05d,25\r\n" % row for row in range(3000))
REVISED = b"ORG_CODE,MEASURE_VALUE\r\n" + b"".join(b"X-%05d,30\r\n" % row for row in range(3000))
PATH = "/C1/1234AB/april.csv"
ETAG = make_etag(CONTENT)


@pytest.fixture
def server() -> Iterator[PublisherServer]:
    with PublisherServer() as server:
        server.add_file(PATH, CONTENT)
        yield server


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "april.csv"


def cut_first(server: PublisherServer, target: Path, after_bytes: int) -> None:
    """Let one call end with so many bytes, as one that was killed leaves them."""
    server.next_faults[PATH] = [Fault.CUT]
    server.cut_after[PATH] = after_bytes
    with pytest.raises(UnavailableError):
        make_site(server, attempts=1).fetch(server.find_address(PATH), target)
    assert not target.exists()
    assert (target.parent / "april.csv.part").stat().st_size == after_bytes


def answer(status: str, body: bytes, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode() + body


def test_a_later_call_goes_on_where_an_earlier_one_ended(server: PublisherServer, target: Path) -> None:
    cut_first(server, target, 20_000)
    reports: list[tuple[int, int | None]] = []
    fetched = make_site(server).fetch(
        server.find_address(PATH), target, report=lambda size, total: reports.append((size, total))
    )
    assert target.read_bytes() == CONTENT
    assert (fetched.bytes, fetched.bytes_received) == (len(CONTENT), len(CONTENT) - 20_000)
    assert fetched.http_status == 206
    assert fetched.validators.etag == ETAG
    assert server.requests[-1].headers["range"] == "bytes=20000-"
    assert server.requests[-1].headers["if-range"] == ETAG
    assert reports[0][0] > 20_000
    assert reports[-1] == (len(CONTENT), len(CONTENT))
    assert [path.name for path in target.parent.iterdir()] == ["april.csv"]


def test_a_body_cut_anywhere_is_put_together_as_it_was(server: PublisherServer, target: Path) -> None:
    site = make_site(server)

    @settings(max_examples=60)
    @given(
        content=st.binary(min_size=1, max_size=3000).map(lambda end: b"a,b\n" + end.replace(b"\0", b"0")),
        place=st.floats(0, 1),
        etag=st.sampled_from([None, "", 'W/"weak"']),
        fault=st.sampled_from([Fault.CUT, Fault.SHORT_BODY, Fault.LONG_BODY, Fault.GZIP]),
    )
    def cut(content: bytes, place: float, etag: str | None, fault: Fault) -> None:
        server.requests.clear()
        address = server.add_file(PATH, content, etag=etag)
        server.cut_after[PATH] = int(place * len(content))
        server.next_faults[PATH] = [Fault.CUT, fault]
        fetched = site.fetch(address, target)
        assert target.read_bytes() == content
        assert fetched.bytes == len(content)
        assert fetched.bytes_received <= server.body_bytes_sent
        if etag is None:  # a version without a strong name is begun anew
            assert fetched.bytes_received <= len(content) + (len(gzip.compress(content)) if fault is Fault.GZIP else 0)

    cut()


def test_each_byte_is_sent_once_whatever_the_number_of_cuts(server: PublisherServer, target: Path) -> None:
    server.cut_after[PATH] = 5000
    server.next_faults[PATH] = [Fault.CUT] * 5
    fetched = make_site(server).fetch(server.find_address(PATH), target)
    assert target.read_bytes() == CONTENT
    assert fetched.bytes_received == server.body_bytes_sent == len(CONTENT)


def test_a_file_replaced_between_two_calls_is_not_mixed(server: PublisherServer, target: Path) -> None:
    cut_first(server, target, 20_000)
    server.add_file(PATH, REVISED)
    make_site(server).fetch(server.find_address(PATH), target)
    assert target.read_bytes() == REVISED


def test_a_file_replaced_by_one_of_the_same_length_under_a_weak_name_is_not_mixed(
    server: PublisherServer, target: Path
) -> None:
    server.add_file(PATH, CONTENT, etag='W/"same"')
    cut_first(server, target, 20_000)
    server.add_file(PATH, REVISED, etag='W/"same"')
    make_site(server).fetch(server.find_address(PATH), target)
    assert target.read_bytes() == REVISED
    assert "range" not in server.requests[-1].headers


def test_a_date_is_enough_to_go_on_where_there_is_no_etag(server: PublisherServer, target: Path) -> None:
    server.add_file(PATH, CONTENT, etag="")
    cut_first(server, target, 20_000)
    fetched = make_site(server).fetch(server.find_address(PATH), target)
    assert fetched.bytes_received == len(CONTENT) - 20_000
    assert server.requests[-1].headers["if-range"] == LAST_MODIFIED


def test_a_date_of_the_same_minute_names_no_version(server: PublisherServer, target: Path) -> None:
    server.raw_answers[PATH] = [
        answer(
            "200 OK",
            CONTENT[:20_000],
            f"Content-Length: {len(CONTENT)}",
            "Date: Fri, 02 Jan 2026 09:30:59 GMT",
            f"Last-Modified: {LAST_MODIFIED}",
        )
    ]
    make_site(server).fetch(server.find_address(PATH), target)
    assert target.read_bytes() == CONTENT
    assert ["range" in request.headers for request in server.requests] == [False, False]


def test_without_a_name_of_the_version_a_cut_body_is_begun_anew(server: PublisherServer, target: Path) -> None:
    server.add_file(PATH, CONTENT, etag="", last_modified="")
    cut_first(server, target, 20_000)
    fetched = make_site(server).fetch(server.find_address(PATH), target)
    assert fetched.bytes_received == len(CONTENT)
    assert "range" not in server.requests[-1].headers


def test_a_server_that_knows_no_ranges_sends_the_whole(server: PublisherServer, target: Path) -> None:
    cut_first(server, target, 20_000)
    server.accepts_ranges = False
    fetched = make_site(server).fetch(server.find_address(PATH), target)
    assert target.read_bytes() == CONTENT
    assert (fetched.http_status, fetched.bytes_received) == (200, len(CONTENT))


REST = CONTENT[20_000:]
LENGTH = len(CONTENT)


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        ("206 Partial", [f"Content-Range: bytes 19999-{LENGTH - 2}/{LENGTH}", f"ETag: {ETAG}"]),
        ("206 Partial", [f"Content-Range: bytes 20000-{LENGTH}/{LENGTH + 1}", f"ETag: {ETAG}"]),
        ("206 Partial", [f"Content-Range: bytes 20000-{LENGTH - 1}/*", f"ETag: {ETAG}"]),
        ("206 Partial", [f"Content-Range: bytes 20000-{LENGTH - 1}/{LENGTH}", 'ETag: "another"']),
        ("206 Partial", [f"Content-Range: bytes 20000-{LENGTH - 1}/{LENGTH}", "Content-Encoding: gzip"]),
        ("206 Partial", ["Content-Range: lines 1-2/3"]),
        ("206 Partial", ["Content-Type: multipart/byteranges; boundary=x"]),
        ("206 Partial", []),
        ("416 No", [f"Content-Range: bytes */{LENGTH + 5}"]),
        ("416 No", [f"Content-Range: bytes 20000-{LENGTH - 1}/{LENGTH}", f"ETag: {ETAG}"]),
        ("416 No", ['ETag: "another"', "Content-Range: bytes */20000"]),
        ("416 No", []),
    ],
)
def test_a_part_that_does_not_fit_is_thrown_away_with_what_was_there(
    server: PublisherServer, target: Path, status: str, headers: list[str]
) -> None:
    cut_first(server, target, 20_000)
    server.raw_answers[PATH] = [answer(status, REST, f"Content-Length: {len(REST)}", *headers)]
    make_site(server).fetch(server.find_address(PATH), target)
    assert target.read_bytes() == CONTENT
    assert "range" not in server.requests[-1].headers


def test_a_range_that_was_not_asked_for_is_not_taken(server: PublisherServer, target: Path) -> None:
    headers = [f"Content-Length: {len(REST)}", f"Content-Range: bytes 20000-{LENGTH - 1}/{LENGTH}"]
    server.raw_answers[PATH] = [answer("206 Partial", REST, *headers), answer("416 No", b"", "Content-Length: 0")]
    make_site(server).fetch(server.find_address(PATH), target)
    assert target.read_bytes() == CONTENT
    assert len(server.requests) == 3


def test_a_shorter_range_than_asked_for_is_gone_on_with(server: PublisherServer, target: Path) -> None:
    cut_first(server, target, 20_000)
    server.raw_answers[PATH] = [
        answer(
            "206 Partial", CONTENT[20_000:21_000], "Content-Length: 1000", f"Content-Range: bytes 20000-20999/{LENGTH}"
        )
    ]
    fetched = make_site(server).fetch(server.find_address(PATH), target)
    assert target.read_bytes() == CONTENT
    assert fetched.bytes_received == len(CONTENT) - 20_000


def test_a_body_that_had_arrived_whole_costs_no_byte_more(server: PublisherServer, target: Path) -> None:
    # As a call leaves it that is killed after the last byte and before the file has its name.
    cut_first(server, target, 20_000)
    (target.parent / "april.csv.part").write_bytes(CONTENT)
    fetched = make_site(server).fetch(server.find_address(PATH), target)
    assert target.read_bytes() == CONTENT
    assert fetched.bytes_received == 0


@pytest.mark.parametrize("record", ["", "{", "[]", '{"address": 1}', '{"address": "x", "more": 1}'])
def test_a_part_with_a_damaged_record_is_begun_anew(server: PublisherServer, target: Path, record: str) -> None:
    cut_first(server, target, 20_000)
    (target.parent / "april.csv.part.json").write_text(record)
    make_site(server).fetch(server.find_address(PATH), target)
    assert target.read_bytes() == CONTENT
    assert "range" not in server.requests[-1].headers


def test_a_part_without_a_record_is_begun_anew(server: PublisherServer, target: Path) -> None:
    (target.parent / "april.csv.part").write_bytes(REVISED[:20_000])
    make_site(server).fetch(server.find_address(PATH), target)
    assert target.read_bytes() == CONTENT


def test_a_part_of_another_address_is_begun_anew(server: PublisherServer, target: Path) -> None:
    cut_first(server, target, 20_000)
    other = server.add_file("/D2/5678CD/april.csv", REVISED, etag=ETAG)
    make_site(server).fetch(other, target)
    assert target.read_bytes() == REVISED


def test_a_part_longer_than_its_file_is_begun_anew(server: PublisherServer, target: Path) -> None:
    cut_first(server, target, 20_000)
    (target.parent / "april.csv.part").write_bytes(CONTENT + b"more")
    make_site(server).fetch(server.find_address(PATH), target)
    assert target.read_bytes() == CONTENT
    assert "range" not in server.requests[1].headers


def test_what_was_there_goes_before_what_is_known_of_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Killed between the two, a body must not stand beside the record of another.
    seen: list[bool] = []
    body = PartialBody(tmp_path / "a.csv")
    body.path.write_bytes(b"old")
    monkeypatch.setattr(PartialBody, "write_record", lambda self, record: seen.append(body.path.exists()))
    body.begin(None)  # pyrefly: ignore[bad-argument-type]
    assert seen == [False]


def test_the_old_target_stays_until_the_new_one_is_whole(server: PublisherServer, target: Path) -> None:
    target.write_bytes(b"old")
    server.next_faults[PATH] = [Fault.CUT]
    with pytest.raises(UnavailableError):
        make_site(server, attempts=1).fetch(server.find_address(PATH), target)
    assert target.read_bytes() == b"old"


def make_chunked(content: bytes, *headers: str, end: bytes = b"0\r\n\r\n") -> bytes:
    chunks = b"".join(
        b"%x\r\n%s\r\n" % (len(content[start : start + 4000]), content[start : start + 4000])
        for start in range(0, len(content), 4000)
    )
    return answer("200 OK", chunks + end, "Transfer-Encoding: chunked", *headers)


def test_a_body_in_chunks_is_read_to_its_end(server: PublisherServer, target: Path) -> None:
    server.raw_answers[PATH] = [make_chunked(CONTENT)]
    assert make_site(server).fetch(server.find_address(PATH), target).bytes == len(CONTENT)
    assert len(server.requests) == 1


def test_a_body_in_chunks_that_ends_too_soon_is_asked_for_again(server: PublisherServer, target: Path) -> None:
    server.raw_answers[PATH] = [make_chunked(CONTENT[:20_000], f"ETag: {ETAG}", end=b"")]
    fetched = make_site(server).fetch(server.find_address(PATH), target)
    assert target.read_bytes() == CONTENT
    assert fetched.bytes_received == len(CONTENT)


def test_a_part_of_a_file_of_unknown_length_is_not_taken_for_the_rest(server: PublisherServer, target: Path) -> None:
    tag = f"ETag: {ETAG}"
    rest = answer("206 Partial", CONTENT[4000:8000], "Content-Length: 4000", "Content-Range: bytes 4000-7999/*", tag)
    server.raw_answers[PATH] = [make_chunked(CONTENT[:4000], tag, end=b""), rest]
    make_site(server).fetch(server.find_address(PATH), target)
    assert target.read_bytes() == CONTENT
    assert len(server.requests) == 3


def test_a_body_of_which_nothing_says_how_long_it_is_is_not_believed(server: PublisherServer, target: Path) -> None:
    server.raw_answers[PATH] = [answer("200 OK", CONTENT[:20_000], "Content-Type: text/csv")]
    make_site(server).fetch(server.find_address(PATH), target)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0\0\0\0",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nabcdef",
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"x" * 200_000 + b"\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\n\r\n",
        b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_an_answer_that_is_no_sound_http_is_asked_for_again(server: PublisherServer, target: Path, raw: bytes) -> None:
    server.raw_answers[PATH] = [raw]
    if b"999" in raw:
        with pytest.raises(UnavailableError, match="HTTP 999"):
            make_site(server).fetch(server.find_address(PATH), target)
        return
    make_site(server).fetch(server.find_address(PATH), target)
    assert target.read_bytes() == CONTENT


def test_interim_answers_are_no_part_of_a_body(server: PublisherServer, target: Path) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"
    server.raw_answers[PATH] = [
        early + answer("200 OK", CONTENT, f"Content-Length: {len(CONTENT)}", "Connection: close")
    ]
    make_site(server).fetch(server.find_address(PATH), target)
    assert target.read_bytes() == CONTENT
    assert len(server.requests) == 1


def test_bytes_after_the_declared_end_are_seen_even_where_nothing_names_the_version(
    server: PublisherServer, target: Path
) -> None:
    server.raw_answers[PATH] = [answer("200 OK", CONTENT, f"Content-Length: {len(CONTENT) - 7}", "Connection: close")]
    make_site(server).fetch(server.find_address(PATH), target)
    assert target.read_bytes() == CONTENT
    assert len(server.requests) == 2


def test_a_length_that_was_too_small_costs_only_what_was_missing(server: PublisherServer, target: Path) -> None:
    headers = [f"Content-Length: {LENGTH - 7}", "Connection: close", f"ETag: {ETAG}"]
    server.raw_answers[PATH] = [answer("200 OK", CONTENT, *headers)]
    fetched = make_site(server).fetch(server.find_address(PATH), target)
    assert target.read_bytes() == CONTENT
    assert fetched.bytes_received == LENGTH


def test_a_body_that_always_goes_on_after_its_end_is_given_up(server: PublisherServer, target: Path) -> None:
    raw = answer("200 OK", CONTENT, "Content-Length: 9000", "Connection: close")
    server.raw_answers[PATH] = [raw] * 6
    with pytest.raises(UnavailableError, match="goes on after the 9,000 bytes"):
        make_site(server).fetch(server.find_address(PATH), target)


@pytest.mark.parametrize("is_declared", [True, False])
def test_a_body_over_the_limit_is_not_kept(server: PublisherServer, target: Path, is_declared: bool) -> None:
    limits = LIMITS.model_copy(update={"max_file_bytes": 10_000})
    if not is_declared:
        server.raw_answers[PATH] = [make_chunked(CONTENT)]
    with pytest.raises(TooLargeError, match=r"at most 10,000 bytes \(max_file_bytes"):
        make_site(server, limits=limits).fetch(server.find_address(PATH), target)
    assert list(target.parent.iterdir()) == []
    assert len(server.requests) == 1


def test_a_declared_length_over_the_limit_is_refused_before_a_byte_is_taken(
    server: PublisherServer, target: Path
) -> None:
    server.raw_answers[PATH] = [answer("200 OK", CONTENT, "Content-Length: 99999999999")]
    reports: list[int] = []
    with pytest.raises(TooLargeError, match="99,999,999,999 bytes"):
        make_site(server).fetch(server.find_address(PATH), target, report=lambda size, total: reports.append(size))
    assert reports == []


def test_gzip_in_transit_is_unpacked_and_counted_as_it_came(server: PublisherServer, target: Path) -> None:
    server.next_faults[PATH] = [Fault.GZIP]
    fetched = make_site(server).fetch(server.find_address(PATH), target)
    assert target.read_bytes() == CONTENT
    assert fetched.bytes == len(CONTENT)
    assert fetched.bytes_received == server.body_bytes_sent < len(CONTENT) / 2
    assert server.requests[0].headers["accept-encoding"] == "identity"
    assert [path.name for path in target.parent.iterdir()] == ["april.csv"]


def answer_gzip(packed: bytes, *headers: str) -> bytes:
    return answer("200 OK", packed, f"Content-Length: {len(packed)}", "Content-Encoding: gzip", *headers)


def test_a_gzip_body_that_was_cut_is_gone_on_with_as_it_stands_on_the_wire(
    server: PublisherServer, target: Path
) -> None:
    packed = gzip.compress(CONTENT, mtime=0)
    length, tag = len(packed), 'ETag: "packed"'
    server.raw_answers[PATH] = [
        answer("200 OK", packed[:500], f"Content-Length: {length}", "Content-Encoding: gzip", tag),
        answer(
            "206 Partial",
            packed[500:],
            f"Content-Length: {length - 500}",
            f"Content-Range: bytes 500-{length - 1}/{length}",
            "Content-Encoding: gzip",
            tag,
        ),
    ]
    fetched = make_site(server).fetch(server.find_address(PATH), target)
    assert target.read_bytes() == CONTENT
    assert fetched.bytes_received == length


def test_a_gzip_bomb_is_not_unpacked(server: PublisherServer, target: Path) -> None:
    bomb = gzip.compress(b"a,b\n" + b"0" * 1_900_000, mtime=0)
    server.raw_answers[PATH] = [answer_gzip(bomb)]
    with pytest.raises(TooLargeError, match="when unpacked"):
        make_site(server).fetch(server.find_address(PATH), target)
    assert list(target.parent.iterdir()) == []


def test_a_gzip_body_over_the_limit_of_a_file_is_not_unpacked(server: PublisherServer, target: Path) -> None:
    limits = LIMITS.model_copy(update={"max_file_bytes": 20_000})
    server.raw_answers[PATH] = [answer_gzip(gzip.compress(CONTENT))]
    with pytest.raises(TooLargeError, match="at most 20,000 bytes when unpacked"):
        make_site(server, limits=limits).fetch(server.find_address(PATH), target)


@pytest.mark.parametrize("packed", [b"no gzip at all", gzip.compress(CONTENT)[:-9], b""])
def test_a_damaged_gzip_body_is_asked_for_again(server: PublisherServer, target: Path, packed: bytes) -> None:
    server.raw_answers[PATH] = [answer_gzip(packed, f"ETag: {ETAG}")]
    if not packed:  # a gzip of nothing is no file
        with pytest.raises(NotAFileError, match="a body of 0 bytes"):
            make_site(server).fetch(server.find_address(PATH), target)
        return
    make_site(server).fetch(server.find_address(PATH), target)
    assert target.read_bytes() == CONTENT


def test_a_packing_that_nobody_asked_for_is_not_guessed_at(server: PublisherServer, target: Path) -> None:
    server.raw_answers[PATH] = [answer("200 OK", b"...", "Content-Length: 3", "Content-Encoding: br")]
    with pytest.raises(UnavailableError, match="expected a body as it is, or in gzip; found one in br"):
        make_site(server).fetch(server.find_address(PATH), target)


def test_a_page_for_a_file_is_told_by_its_first_bytes(server: PublisherServer, target: Path) -> None:
    page = "<!doctype html><html><title>Sign in</title>" + "<p>words</p>" * 50_000
    server.add_page(PATH, page)
    sizes: list[int] = []
    with pytest.raises(NotAFileError, match="found a web page, titled 'Sign in'"):
        make_site(server).fetch(server.find_address(PATH), target, report=lambda size, total: sizes.append(size))
    assert list(target.parent.iterdir()) == []
    assert max(sizes, default=0) < 100_000  # the rest is not waited for
