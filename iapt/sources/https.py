"""The publisher's site over https: its files, resumed where they were cut, and its pages."""

from __future__ import annotations

import contextlib
import datetime as dt
import gzip
import re
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import httpcore
import httpx

from iapt.files import rename_durably
from iapt.sources.addresses import decode_file_name
from iapt.sources.checked_network import CheckedNetwork
from iapt.sources.file_formats import HEAD_BYTES
from iapt.sources.first_bytes import check_first_bytes
from iapt.sources.partial_bodies import PartialBody, PartialRecord
from iapt.sources.remote_files import (
    FetchedFile,
    NotAFileError,
    ReportBytes,
    TooLargeError,
    UnavailableError,
    Validators,
)
from iapt.sources.site_requests import HAND_REMEDY, Clock, Request, SiteAccess, SiteRequests, TemporaryError

_CONTENT_RANGE: Final = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")
_UNSATISFIED_RANGE: Final = re.compile(r"bytes \*/(\d{1,18})")
_CHUNK_BYTES: Final = 1 << 16
_GZIP_NAMES: Final = frozenset({"gzip", "x-gzip"})
#: A date names a version for certain only if it is older than the answer by more than a clock can be wrong (RFC 9110).
_STRONG_DATE_SECONDS: Final = 60
#: A validator that can be sent back: a server may write letters into one that no request of ours can carry.
_VALIDATOR: Final = re.compile(r"[ -~]{1,1000}")
#: Below this over `read_seconds` and more, a body counts as stopped: it would take a day for a file of today's size.
_SLOWEST_BYTES_PER_SECOND: Final = 1024
#: How long to look for bytes after the end of a body, where the server says that it closes the connection.
_END_SECONDS: Final = 1.0
_CHARSET: Final = re.compile(rb"""charset\s*=\s*["']?\s*([A-Za-z0-9_.:-]{1,40})""", re.IGNORECASE)
_ENCODINGS: Final = {
    **dict.fromkeys(("iso-8859-1", "latin1", "latin-1", "us-ascii", "windows-1252", "cp1252"), "windows-1252"),
    **dict.fromkeys(("utf-8", "utf8"), "utf-8"),
}


@dataclass(frozen=True)
class Page:
    """A page as it came: where it was found in the end, the status, its text, and what the server says it is."""

    address: str
    status: int
    text: str
    content_type: str


class PublisherSite:
    """A source of files and pages: the publisher's hosts, asked as a good guest does. One request at a time."""

    def __init__(self, access: SiteAccess, clock: Clock | None = None, network: CheckedNetwork | None = None) -> None:
        """Take how the site is asked; the clock and the network are replaced in tests."""
        self._access = access
        self._transfer = access.transfer
        self._clock = clock or Clock()
        self._requests = SiteRequests(access, self._clock, network)
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        self._requests.close()

    def fetch(
        self, address: str, target: Path, known: Validators | None = None, report: ReportBytes | None = None
    ) -> FetchedFile:
        """Write the file at an address to `target`, as `Source.fetch` says.

        Passing failures are asked again within the call, each time from where the body was cut. Raises SourceError.
        """
        with self._lock:
            transfer = _FileTransfer(self._access, self._clock, self._requests, address, target)
            return self._requests.retry(address, "the file", lambda: transfer.attempt(known or Validators(), report))

    def read_page(self, address: str) -> Page:
        """Return a page, if robots.txt lets crawlers read it. Raises SourceError."""
        transfer = self._transfer
        seconds = transfer.connect_seconds + transfer.read_seconds
        request = Request(address, "a page", {"Accept-Encoding": "gzip"}, seconds, is_crawled=True)

        def ask() -> Page:
            with self._requests.open(request) as response:
                content = self._read_body(response, request)
            kind = response.headers.get("content-type", "")
            return Page(str(response.url), response.status_code, _decode_page(content, kind), kind)

        with self._lock:
            return self._requests.retry(address, request.expected, ask)

    def _read_body(self, response: httpx.Response, request: Request) -> bytes:
        """Return the body of a page, unpacked where it came in gzip, if it stays within the limit."""
        limit = self._transfer.max_page_bytes
        if response.status_code != httpx.codes.OK:
            raise UnavailableError(request.address, "a page", f"HTTP {response.status_code}", HAND_REMEDY)
        encoding = _read_encoding(response, request.address)
        unpack = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16) if encoding else None
        content = bytearray()
        received = 0
        for chunk in _iterate_raw(response):
            received += len(chunk)
            try:
                content += unpack.decompress(chunk, limit + 1 - len(content)) if unpack else chunk
            except zlib.error as error:
                raise TemporaryError(f"a body that is no gzip ({error})") from error
            if max(received, len(content)) > limit:
                raise TooLargeError(
                    request.address,
                    f"a page of at most {limit:,} bytes (max_page_bytes)",
                    "a longer one",
                    "See in a browser whether it is a page of the publisher at all.",
                )
        if unpack and not unpack.eof:
            raise TemporaryError("a gzip body that ends too soon")
        return bytes(content)


class _FileTransfer:
    """One call of `fetch`: its attempts share what has arrived, the time that is left, and the count of bytes."""

    def __init__(self, access: SiteAccess, clock: Clock, requests: SiteRequests, address: str, target: Path) -> None:
        self._access = access
        self._clock = clock
        self._requests = requests
        self._address = address
        self._target = target
        self._name = decode_file_name(address)
        self._body = PartialBody(target)
        self._received_bytes = 0
        self._started_at = clock.monotonic()

    def attempt(self, known: Validators, report: ReportBytes | None) -> FetchedFile:
        """Ask once for the file, or for the rest of it."""
        transfer = self._access.transfer
        seconds_left = self._started_at + transfer.file_seconds - self._clock.monotonic()
        if seconds_left <= 0:
            raise UnavailableError(
                self._address,
                f"the whole file within {transfer.file_seconds:.0f} s (file_seconds)",
                f"{self._body.size_bytes:,} bytes of it",
                "Run the command again: it goes on where this one stopped.",
            )
        partial = self._body.read_record(self._address)
        headers = {"Accept-Encoding": "identity", **_make_conditions(known)}
        if partial is not None:
            headers |= {"Range": f"bytes={self._body.size_bytes}-", "If-Range": partial.condition}
        request = Request(self._address, "the file", headers, seconds_left, transfer.robots_of_files)
        with self._requests.open(request) as response:
            if response.status_code == httpx.codes.NOT_MODIFIED:
                return self._keep_known(response, known)
            if partial is not None and self._is_complete(response, partial):
                return self._finish(response, partial)
            record = self._begin(response) if response.status_code == httpx.codes.OK else self._go_on(response, partial)
            self._receive(response, record, report)
            return self._finish(response, record)

    def _keep_known(self, response: httpx.Response, known: Validators) -> FetchedFile:
        """Return that the known version is still there."""
        if known == Validators():
            raise TemporaryError("HTTP 304 (Not Modified) without having been asked whether it is")
        self._body.remove()
        validators = Validators(
            response.headers.get("etag", known.etag), response.headers.get("last-modified", known.last_modified)
        )
        return FetchedFile(
            str(response.url), False, 0, self._received_bytes, validators, 304, response.headers.get("content-type", "")
        )

    def _is_complete(self, response: httpx.Response, partial: PartialRecord) -> bool:
        """Return whether the server says that there is nothing after the bytes that are here."""
        length = _UNSATISFIED_RANGE.fullmatch(response.headers.get("content-range", ""))
        return (
            response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE
            and length is not None
            and int(length[1]) == self._body.size_bytes
            and self._is_same_version(response, partial)
        )

    def _begin(self, response: httpx.Response) -> PartialRecord:
        """Return what the body to come is of; what was here of an earlier one is thrown away."""
        record = self._describe_answer(response)
        self._check_size(record.total_bytes)
        self._body.begin(record)
        return record

    def _go_on(self, response: httpx.Response, partial: PartialRecord | None) -> PartialRecord:
        """Return what the rest is of, if it is the rest of what is here; else throw that away."""
        if partial is None:
            raise TemporaryError(f"HTTP {response.status_code} for a whole file")
        given = _CONTENT_RANGE.fullmatch(response.headers.get("content-range", ""))
        total = int(given[3]) if given and given[3] != "*" else None
        if (
            response.status_code != httpx.codes.PARTIAL_CONTENT
            or given is None
            or total is None  # whether the rest is all of the rest could not be told
            or int(given[1]) != self._body.size_bytes
            or partial.total_bytes not in {None, total}
            or _read_encoding(response, self._address) != partial.content_encoding
            or not self._is_same_version(response, partial)
        ):
            self._body.remove()
            raise TemporaryError("another part of the file than was asked for")
        record = partial.model_copy(update={"total_bytes": total})
        self._check_size(total)
        self._body.write_record(record)
        return record

    def _is_same_version(self, response: httpx.Response, partial: PartialRecord) -> bool:
        etag: str = response.headers.get("etag", partial.etag)
        return etag == partial.etag

    def _describe_answer(self, response: httpx.Response) -> PartialRecord:
        headers = response.headers
        length = headers.get("content-length")
        if length is None and "transfer-encoding" not in headers:
            raise TemporaryError("a body of which nothing says how long it is")
        etag, last_modified = headers.get("etag", ""), headers.get("last-modified", "")
        is_strong = etag.startswith('"')
        condition = etag if is_strong else last_modified if not etag and _is_strong_date(headers) else ""
        return PartialRecord(
            address=self._address,
            condition=condition if _VALIDATOR.fullmatch(condition) else "",
            total_bytes=int(length) if length is not None else None,
            content_encoding=_read_encoding(response, self._address),
            etag=etag,
            last_modified=last_modified,
            content_type=headers.get("content-type", ""),
        )

    def _check_size(self, size: int | None) -> None:
        limit = self._access.limits.max_file_bytes
        if size is not None and size > limit:
            self._body.remove()
            raise TooLargeError(
                self._address,
                f"a file of at most {limit:,} bytes (max_file_bytes of catalogue/limits.yml)",
                f"{size:,} bytes",
                "If the publisher has published a file of that size, raise the limit.",
            )

    def _receive(self, response: httpx.Response, record: PartialRecord, report: ReportBytes | None) -> None:
        """Add the body to what is here, and hold it against the length that was declared."""
        size = self._body.size_bytes
        received_before = self._received_bytes
        is_checked = bool(record.content_encoding)
        started_at = self._clock.monotonic()
        with self._body.path.open("ab") as stream:
            for chunk in _iterate_raw(response):
                self._received_bytes += len(chunk)
                size += len(chunk)
                stream.write(chunk)
                self._check_size(size)
                if not is_checked and size >= HEAD_BYTES:
                    stream.flush()
                    self._check_head(self._body.path)
                    is_checked = True
                if report is not None:
                    report(size, record.total_bytes)
                self._check_rate(self._received_bytes - received_before, started_at)
        if record.total_bytes is not None and size != record.total_bytes:
            raise TemporaryError(f"a body that ends after {size:,} of {record.total_bytes:,} bytes")
        if _has_surplus(response, self._requests):
            # Which of the two is right is asked of the server: what it has after the bytes that are here.
            self._body.write_record(record.model_copy(update={"total_bytes": None}))
            raise TemporaryError(f"a body that goes on after the {size:,} bytes that Content-Length says")

    def _check_rate(self, received_bytes: int, started_at: float) -> None:
        elapsed = self._clock.monotonic() - started_at
        if elapsed > self._access.transfer.read_seconds and received_bytes < _SLOWEST_BYTES_PER_SECOND * elapsed:
            raise TemporaryError(f"{received_bytes:,} bytes in {elapsed:.0f} s")

    def _check_head(self, path: Path) -> None:
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
        try:
            check_first_bytes(head, self._address, self._name)
        except NotAFileError:
            self._body.remove()
            raise

    def _finish(self, response: httpx.Response, record: PartialRecord) -> FetchedFile:
        """Give the file its name, once it is whole, unpacked and of the kind that its name says."""
        path = self._body.path
        if record.content_encoding:
            self._unpack()
            path = self._body.decoded_path
        self._check_head(path)
        rename_durably(path, self._target)
        self._body.remove()
        return FetchedFile(
            str(response.url),
            True,
            self._target.stat().st_size,
            self._received_bytes,
            Validators(record.etag, record.last_modified),
            response.status_code,
            record.content_type,
        )

    def _unpack(self) -> None:
        """Unpack a body that came in gzip, within the limits. Raises TemporaryError, TooLargeError."""
        limits = self._access.limits
        most = min(limits.max_file_bytes, self._body.size_bytes * limits.max_compression_ratio)
        size = 0
        try:
            with gzip.open(self._body.path) as packed, self._body.decoded_path.open("wb") as stream:
                while chunk := packed.read(_CHUNK_BYTES):
                    size += len(chunk)
                    if size > most:
                        break
                    stream.write(chunk)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            self._body.remove()
            raise TemporaryError(f"a body that is no whole gzip ({error})") from error
        if size > most:
            self._body.remove()
            raise TooLargeError(
                self._address,
                f"at most {most:,} bytes when unpacked (max_file_bytes, max_compression_ratio of catalogue/limits.yml)",
                "more",
                HAND_REMEDY,
            )


def _make_conditions(known: Validators) -> dict[str, str]:
    """Return the headers that ask for a file only if it is another version than the known one."""
    conditions = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
    return {name: value for name, value in conditions.items() if _VALIDATOR.fullmatch(value)}


def _is_strong_date(headers: httpx.Headers) -> bool:
    """Return whether Last-Modified names one version: it is older than the answer by a minute or more."""
    try:
        modified = parsedate_to_datetime(headers.get("last-modified", ""))
        answered = parsedate_to_datetime(headers.get("date", ""))
        return answered - modified >= dt.timedelta(seconds=_STRONG_DATE_SECONDS)
    except (ValueError, TypeError, OverflowError):
        return False


def _read_encoding(response: httpx.Response, address: str) -> str:
    """Return how a body is packed in transit: `gzip` or not at all. Raises UnavailableError for what was not asked."""
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding in {"", "identity"}:
        return ""
    if encoding not in _GZIP_NAMES:
        raise UnavailableError(address, "a body as it is, or in gzip", f"one in {encoding}", HAND_REMEDY)
    return "gzip"


def _iterate_raw(response: httpx.Response) -> Iterator[bytes]:
    """Yield a body as it stood on the wire. The connection stays open, so that what follows can be seen."""
    stream = response.stream
    assert isinstance(stream, httpx.SyncByteStream)
    yield from stream


def _has_surplus(response: httpx.Response, requests: SiteRequests) -> bool:
    """Return whether a server sent more than it declared; where it says that it closes, its end is waited for."""
    length = response.headers.get("content-length")
    if length is None or "transfer-encoding" in response.headers:
        return False
    read: Callable[[int, float], bytes] = response.extensions["network_stream"].read
    if "close" in response.headers.get("connection", "").lower():
        with contextlib.suppress(httpcore.TimeoutException, httpcore.NetworkError):
            read(1, _END_SECONDS)
    body_bytes = requests.wire.body_bytes
    return body_bytes is not None and body_bytes > int(length)


def _decode_page(content: bytes, content_type: str) -> str:
    """Return the text of a page, in the encoding that it names if that is one of the web, else as UTF-8."""
    named = _CHARSET.search(content_type.encode("ascii", "replace")) or _CHARSET.search(content[:2048])
    encoding = _ENCODINGS.get(named[1].decode("ascii").lower() if named else "utf-8", "utf-8")
    return content.decode(encoding, "replace").removeprefix("\ufeff")
