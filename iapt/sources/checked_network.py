"""The network under the publisher's site: each name is resolved once, and what was checked is what is connected to."""

from __future__ import annotations

import os
import re
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import httpcore
import httpx

from iapt.sources.addresses import AddressRules, is_public
from iapt.sources.remote_files import UnsafeAddressError

#: Returns the IP addresses of a host. Raises OSError.
Resolve = Callable[[str, int], list[str]]
_HEAD_END: Final = re.compile(rb"\r?\n\r?\n")
_LONGEST_HEAD_BYTES: Final = 1 << 18


def resolve_host(host: str, port: int) -> list[str]:
    """Return the IP addresses of a host, in the order in which the system would try them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@dataclass
class Wire:
    """What one request has cost so far, and until when it may go on (seconds of the clock; None: without an end)."""

    clock: Callable[[], float]
    deadline: float | None = None
    received_bytes: int = 0
    _head: bytearray = field(default_factory=bytearray)
    _body_start: int | None = None

    def start(self, seconds: float) -> None:
        """Begin a request that may take so long."""
        self.deadline = self.clock() + seconds
        self.received_bytes, self._body_start = 0, None
        self._head.clear()

    def limit_wait(self, timeout: float | None) -> float | None:
        """Return how long to wait for the next bytes. Raises httpcore.ReadTimeout when the time is up."""
        if self.deadline is None:
            return timeout
        left = self.deadline - self.clock()
        if left <= 0:
            raise httpcore.ReadTimeout("the time for one request is up")
        return left if timeout is None else min(left, timeout)

    def add(self, data: bytes) -> None:
        """Count bytes as they arrive, and find where the head of the answer ends."""
        self.received_bytes += len(data)
        if self._body_start is None and len(self._head) < _LONGEST_HEAD_BYTES:
            self._head += data
            self._body_start = _find_body_start(bytes(self._head))

    @property
    def body_bytes(self) -> int | None:
        """How many bytes came after the head of the answer, as they stood on the wire; None where it has no end."""
        return None if self._body_start is None else self.received_bytes - self._body_start


def _find_body_start(head: bytes) -> int | None:
    """Return where the body begins; interim answers (1xx) have a head of their own and no body."""
    start = 0
    for end in _HEAD_END.finditer(head):
        is_interim = head[start : end.start()].partition(b" ")[2].startswith(b"1")
        start = end.end()
        if not is_interim:
            return start
    return None


def load_certificates() -> ssl.SSLContext:
    """Return whose certificates are believed: those of certifi, or of SSL_CERT_FILE or SSL_CERT_DIR where set."""
    return _load_certificates(os.environ.get("SSL_CERT_FILE", ""), os.environ.get("SSL_CERT_DIR", ""))


@cache
def _load_certificates(file: str, folder: str) -> ssl.SSLContext:
    """Load them once: httpx reads the same two variables itself."""
    return httpx.create_ssl_context()


class CheckedNetwork(httpcore.NetworkBackend):
    """Connects to public addresses alone.

    Every address that a name resolves to must be public, and the connection goes to one of exactly these: a name that
    resolves to something else a moment later changes nothing. TLS is then spoken with the name. Proxies are not used:
    a proxy resolves names itself, and what it connects to could not be checked.
    """

    def __init__(
        self,
        rules: AddressRules,
        wire: Wire,
        resolve: Resolve = resolve_host,
        network: httpcore.NetworkBackend | None = None,
    ) -> None:
        """Take the rules, where to count bytes, how names are resolved, and what connects to a checked address."""
        self._rules = rules
        self.wire = wire
        self._resolve = resolve
        self._network = network or httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first of a host's addresses that answers. Raises UnsafeAddressError, httpcore.ConnectError."""
        options = list(socket_options or ())
        failure: Exception | None = None
        for address in self._list_addresses(host, port):
            wait = self.wire.limit_wait(timeout)
            try:
                stream = self._network.connect_tcp(address, port, wait, local_address, options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _CountedStream(stream, self.wire)
        raise failure or httpcore.ConnectError(f"{host} has no address")

    def _list_addresses(self, host: str, port: int) -> list[str]:
        if self._rules.is_local_server(host, port):
            return [host]
        try:
            addresses = self._resolve(host, port)
        except OSError as error:
            raise httpcore.ConnectError(f"the name {host} cannot be resolved: {error}") from error
        for address in addresses:
            if not is_public(address):
                raise UnsafeAddressError(
                    f"https://{host}/",
                    "a host of the public internet",
                    f"{address}, an address of a private or special network",
                    "See which server resolves names here, and whether it is the publisher's host at all.",
                )
        return addresses


class _CountedStream(httpcore.NetworkStream):
    """A connection of which the bytes are counted and the time is limited, whatever dribbles in."""

    def __init__(self, stream: httpcore.NetworkStream, wire: Wire) -> None:
        self._stream = stream
        self._wire = wire

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = self._stream.read(max_bytes, self._wire.limit_wait(timeout))
        self._wire.add(data)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._wire.limit_wait(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        wait = self._wire.limit_wait(timeout)
        try:
            return _CountedStream(self._stream.start_tls(ssl_context, server_hostname, wait), self._wire)
        except httpcore.ConnectError as error:
            if not isinstance(error.__cause__, ssl.SSLCertVerificationError):
                raise
            raise UnsafeAddressError(
                f"https://{server_hostname}/",
                "a certificate that proves the host",
                error.__cause__.verify_message,
                "See that the clock of this machine is right. Where a network inspects TLS, name its certificates in "
                "SSL_CERT_FILE.",
            ) from error

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class CheckedTransport(httpx.BaseTransport):
    """Sends the requests of httpx over a checked network, each on a connection of its own.

    httpx has no setting for the network of its own transport, so this one hands requests to httpcore itself.
    """

    def __init__(self, network: httpcore.NetworkBackend, ssl_context: ssl.SSLContext) -> None:
        """Take the network, and whose certificates are believed."""
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl_context, max_connections=1, max_keepalive_connections=0, network_backend=network
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; raises the errors of httpcore."""
        url = request.url
        answer = self._pool.handle_request(
            httpcore.Request(
                request.method,
                httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            answer.status, headers=answer.headers, stream=_Body(answer), extensions=dict(answer.extensions)
        )

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()
