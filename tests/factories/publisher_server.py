"""A publisher of our own: a local HTTP server that serves pages and files, with faults that a seed decides.

with PublisherServer() as server:
    server.add_file("/C1/1234AB/april.csv", content)
    server.add_page("/data-and-information/publications/statistical/series", html)
    address = server.find_address("/C1/1234AB/april.csv")
"""

from __future__ import annotations

import gzip
import hashlib
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate, parsedate_to_datetime
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote, unquote, urlsplit

#: Of every file whose time nobody gave: 2 January 2026, 09:30.
LAST_MODIFIED: Final = formatdate(1767346200, usegmt=True)
OFF_LIST_ADDRESS: Final = "https://files.example.org/not-the-publishers.csv"
NOT_FOUND_PAGE: Final = (
    "<!doctype html><html><head><title>Page not found - NHS England Digital</title></head><body>"
    "<h1>We can't seem to find the page you're looking for</h1></body></html>"
)
WEB_PAGE: Final = (
    "<!doctype html><html><head><title>Checking your browser</title></head><body><h1>One moment</h1></body></html>"
)
CONTENT_TYPES: Final = {
    "csv": "text/csv",
    "html": "text/html; charset=UTF-8",
    "rar": "application/vnd.rar",
    "txt": "text/plain",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "zip": "application/zip",
}
_MOVED: Final = "/moved-here"
_CHUNK_BYTES: Final = 16384


class Fault(StrEnum):
    """What can go wrong with one request."""

    SLOW = "slow"
    CUT = "cut"
    NOT_FOUND_ONCE = "not found once"
    FORBIDDEN = "forbidden"
    TOO_MANY_REQUESTS = "too many requests"
    UNAVAILABLE = "unavailable"
    REDIRECT_ON_LIST = "redirect on the list"
    REDIRECT_OFF_LIST = "redirect off the list"
    WEB_PAGE = "web page for a file"
    CHANGED_ETAG = "changed ETag, same bytes"
    STALE_FILE = "superseded file"
    SHORT_BODY = "fewer bytes than Content-Length says"
    LONG_BODY = "more bytes than Content-Length says"
    GZIP = "gzip in transit"


#: A client that keeps the rules gets the file all the same, within one call.
CURED_BY_RETRY: Final = frozenset(
    {
        *(Fault.SLOW, Fault.CUT, Fault.TOO_MANY_REQUESTS, Fault.UNAVAILABLE, Fault.REDIRECT_ON_LIST),
        *(Fault.CHANGED_ETAG, Fault.SHORT_BODY, Fault.LONG_BODY, Fault.GZIP),
    }
)
#: A client that keeps the rules does not ask again in the same call; a later call may get the file.
NOT_RETRIED: Final = frozenset({Fault.NOT_FOUND_ONCE, Fault.FORBIDDEN, Fault.REDIRECT_OFF_LIST, Fault.WEB_PAGE})
#: Nothing in the answer shows that something is wrong: only what is known of the file does.
UNSEEN: Final = frozenset({Fault.STALE_FILE})


@dataclass(frozen=True)
class FaultPlan:
    """Which requests go wrong: a share of them (`rate`), chosen by the seed, the path and the number of the request.

    The order of other requests changes nothing. No path meets more than `most_in_a_row` faults one after another, so
    that a client with more attempts than that gets every file where `faults` are those that a retry cures.
    """

    seed: int
    rate: float
    faults: Collection[Fault] = CURED_BY_RETRY
    most_in_a_row: int = 2
    spared: Collection[str] = ("/robots.txt",)

    def choose_fault(self, path: str, number: int) -> Fault | None:
        """Return the fault of the request of this number (from 0) for this path; None where all goes well."""
        if path in self.spared or not self.faults:
            return None
        before = range(number - self.most_in_a_row, number)
        if self.most_in_a_row <= number and all(self._draw(path, earlier) for earlier in before):
            return None
        return self._draw(path, number)

    def _draw(self, path: str, number: int) -> Fault | None:
        chance = random.Random(f"{self.seed} {path} {number}")
        return chance.choice(sorted(self.faults)) if chance.random() < self.rate else None


@dataclass(frozen=True)
class ServedFile:
    """What is served at a path: the bytes, and what is said of them. An empty ETag or date is not sent."""

    content: bytes
    content_type: str
    status: int = 200
    etag: str = ""
    last_modified: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class ReceivedRequest:
    """One request as it came, and what was sent for it."""

    method: str
    path: str
    headers: dict[str, str]
    at_seconds: float
    fault: Fault | None = None
    status: int = 0
    body_bytes: int = 0

    @property
    def user_agent(self) -> str:
        return self.headers.get("user-agent", "")


class PublisherServer:
    """A publisher on 127.0.0.1. Paths are given decoded: `/A1/B2C3D4/activity v2.csv`."""

    def __init__(
        self,
        faults: FaultPlan | None = None,
        *,
        retry_after: str = "0",
        slow_seconds: float = 0.02,
        accepts_ranges: bool = True,
    ) -> None:
        self.faults = faults
        self.retry_after = retry_after
        self.slow_seconds = slow_seconds
        self.accepts_ranges = accepts_ranges
        self.served: dict[str, ServedFile] = {}
        #: What a superseded file held: served for the path by `Fault.STALE_FILE`.
        self.superseded: dict[str, bytes] = {}
        #: Faults of the next requests for a path, in this order; before those of the plan.
        self.next_faults: dict[str, list[Fault]] = {}
        #: Bytes to send as they are for the next requests of a path, headers and all, before the connection is closed.
        self.raw_answers: dict[str, list[bytes]] = {}
        #: Where the body of a path is cut, in bytes sent; else somewhere in it.
        self.cut_after: dict[str, int] = {}
        self.requests: list[ReceivedRequest] = []
        self._numbers: Counter[str] = Counter()
        self._lock = threading.Lock()
        self.is_stopping = threading.Event()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.is_stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def origin(self) -> str:
        """The start of every address here, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def body_bytes_sent(self) -> int:
        return sum(request.body_bytes for request in self.requests)

    def find_address(self, path: str) -> str:
        """Return the address of a path, percent-encoded as the publisher encodes it: brackets and commas too."""
        return self.origin + quote(path, safe="/-._~")

    def count_requests(self, path: str) -> int:
        return sum(request.path == path for request in self.requests)

    def add_file(
        self, path: str, content: bytes, *, etag: str | None = None, last_modified: str = LAST_MODIFIED
    ) -> str:
        """Serve bytes at a path, under a strong ETag of them unless another is given; return the address."""
        kind = CONTENT_TYPES.get(path.rpartition(".")[2].lower(), "application/octet-stream")
        tag = make_etag(content) if etag is None else etag
        self.served[path] = ServedFile(content, kind, etag=tag, last_modified=last_modified)
        return self.find_address(path)

    def add_page(self, path: str, page: str, *, status: int = 200, headers: Mapping[str, str] | None = None) -> str:
        """Serve a page at a path; return its address."""
        self.served[path] = ServedFile(page.encode(), CONTENT_TYPES["html"], status=status, headers=headers or {})
        return self.find_address(path)

    def add_robots(self, text: str, *, status: int = 200) -> None:
        """Serve a robots.txt. Without one it is not found."""
        self.served["/robots.txt"] = ServedFile(text.encode(), CONTENT_TYPES["txt"], status=status)

    def add_redirect(self, path: str, location: str, status: int = 302) -> str:
        """Serve a redirect to another address; return the address of the path."""
        self.served[path] = ServedFile(b"", CONTENT_TYPES["txt"], status=status, headers={"Location": location})
        return self.find_address(path)

    def note_request(self, request: ReceivedRequest) -> ServedFile:
        """Record a request, and return what is to be served for it; its fault is in the record."""
        with self._lock:
            self.requests.append(request)
            number = self._numbers[request.path]
            self._numbers[request.path] += 1
            planned = self.next_faults.get(request.path)
            if planned:
                request.fault = planned.pop(0)
            elif self.faults and not request.path.startswith(_MOVED):
                request.fault = self.faults.choose_fault(request.path, number)
        served = self.served.get(request.path.removeprefix(_MOVED))
        return served or ServedFile(NOT_FOUND_PAGE.encode(), CONTENT_TYPES["html"], status=404)


def make_etag(content: bytes) -> str:
    """Return a strong ETag of these bytes."""
    return f'"{hashlib.sha256(content).hexdigest()[:16]}"'


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, publisher: PublisherServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.publisher = publisher

    def server_bind(self) -> None:
        """Bind without asking a name server what this machine is called."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server  # pyrefly: ignore[bad-override]

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: what came is in the records."""

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._request = ReceivedRequest(self.command, path, headers, time.monotonic())
        publisher = self.server.publisher
        served = publisher.note_request(self._request)
        try:
            if raw := publisher.raw_answers.get(path):
                self._send_raw(raw.pop(0))
                return
            self._answer_with(served, self._request.fault)
        except OSError:  # the client has gone away
            self.close_connection = True

    def _send_raw(self, answer: bytes) -> None:
        self.close_connection = True
        self.wfile.write(answer)
        self.wfile.flush()
        self._request.body_bytes += len(answer.partition(b"\r\n\r\n")[2])
        self.connection.shutdown(socket.SHUT_WR)

    def _answer_with(self, served: ServedFile, fault: Fault | None) -> None:
        publisher = self.server.publisher
        match fault:
            case Fault.NOT_FOUND_ONCE:
                self._send(404, NOT_FOUND_PAGE.encode(), {"Content-Type": CONTENT_TYPES["html"]})
            case Fault.FORBIDDEN:
                self._send(403, b"<html><title>Access denied</title></html>", {"Content-Type": CONTENT_TYPES["html"]})
            case Fault.TOO_MANY_REQUESTS:
                self._send(429, b"", {"Retry-After": publisher.retry_after})
            case Fault.UNAVAILABLE:
                self._send(503, b"", {})
            case Fault.REDIRECT_ON_LIST:
                self._send(302, b"", {"Location": _MOVED + quote(self._request.path)})
            case Fault.REDIRECT_OFF_LIST:
                self._send(302, b"", {"Location": OFF_LIST_ADDRESS})
            case Fault.WEB_PAGE:
                self._send(200, WEB_PAGE.encode(), {"Content-Type": CONTENT_TYPES["html"]})
            case Fault.STALE_FILE if self._request.path in publisher.superseded:
                stale = publisher.superseded[self._request.path]
                self._send_file(ServedFile(stale, served.content_type, etag=make_etag(stale)), None)
            case _:
                self._send_file(served, fault)

    def _send_file(self, served: ServedFile, fault: Fault | None) -> None:
        content, etag = served.content, served.etag
        bare_etag = etag.strip('"')
        headers = {"Content-Type": served.content_type, **served.headers}
        if fault is Fault.CHANGED_ETAG and etag:
            etag = f'"{len(self.server.publisher.requests):x}-{bare_etag}"'
        if fault is Fault.GZIP and served.status == 200:
            content = gzip.compress(content, mtime=0)
            headers["Content-Encoding"] = "gzip"
            etag = etag and f'"{bare_etag}-gzip"'
        if etag:
            headers["ETag"] = etag
        if served.last_modified:
            headers["Last-Modified"] = served.last_modified
        if served.status != 200:
            self._send(served.status, content, headers, fault)
            return
        if self._is_known(etag, served.last_modified):
            headers.pop("Content-Encoding", None)
            self._send(304, b"", headers)
            return
        self._send_range(content, etag, served.last_modified, headers, fault)

    def _send_range(
        self, content: bytes, etag: str, last_modified: str, headers: dict[str, str], fault: Fault | None
    ) -> None:
        asked = self._request.headers.get("range", "")
        condition = self._request.headers.get("if-range")
        is_current = condition in {None, etag, last_modified}
        if not self.server.publisher.accepts_ranges or not asked or not is_current:
            self._send(200, content, headers, fault)
            return
        start = int(asked.removeprefix("bytes=").partition("-")[0])
        if start >= len(content):
            self._send(416, b"", {"Content-Range": f"bytes */{len(content)}"})
            return
        headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self._send(206, content[start:], headers, fault)

    def _is_known(self, etag: str, last_modified: str) -> bool:
        """Return whether the client has this version: If-None-Match by weak comparison, else If-Modified-Since."""
        known = self._request.headers.get("if-none-match")
        if known is not None:
            tags = [tag.strip().removeprefix("W/") for tag in known.split(",")]
            return bool(etag) and etag.removeprefix("W/") in tags
        since = self._request.headers.get("if-modified-since")
        if since is None or not last_modified:
            return False
        return parsedate_to_datetime(last_modified) <= parsedate_to_datetime(since)

    def _send(self, status: int, content: bytes, headers: Mapping[str, str], fault: Fault | None = None) -> None:
        """Send one answer; a body that is to be cut, short or long declares another length than it has."""
        request, publisher = self._request, self.server.publisher
        request.status = status
        declared, sent = len(content), content
        if fault is Fault.SHORT_BODY:
            declared += 1000
        elif fault is Fault.LONG_BODY:
            sent = content + b"left over\r\n" * 10
        elif fault is Fault.CUT:
            chance = random.Random(f"{request.path} {publisher.count_requests(request.path)}")
            sent = content[: publisher.cut_after.get(request.path, chance.randrange(max(declared, 1)))]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(declared))
        if fault in {Fault.CUT, Fault.SHORT_BODY, Fault.LONG_BODY} or request.headers.get("connection") == "close":
            self.close_connection = True
            self.send_header("Connection", "close")
        self.end_headers()
        if request.method == "HEAD" or status == 304:
            return
        for start in range(0, len(sent), _CHUNK_BYTES):
            if fault is Fault.SLOW and publisher.is_stopping.wait(publisher.slow_seconds):
                break
            chunk = sent[start : start + _CHUNK_BYTES]
            self.wfile.write(chunk)
            request.body_bytes += len(chunk)
        if self.close_connection:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_WR)
