"""A client of the publisher of our own, with the manners of the real one and none of its pauses."""

from __future__ import annotations

import datetime as dt
import ssl
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import httpcore

from iapt.catalogue.limits import Limits
from iapt.catalogue.publisher import TransferSettings
from iapt.sources.addresses import AddressRules
from iapt.sources.checked_network import CheckedNetwork, Wire
from iapt.sources.https import PublisherSite
from iapt.sources.site_requests import Clock, SiteAccess
from tests.factories.publisher_server import PublisherServer

CONTACT: Final = "tests@example.org"
TRANSFER: Final = TransferSettings(
    pause_seconds=0,
    connect_seconds=5,
    read_seconds=5,
    file_seconds=60,
    attempts=6,
    longest_wait_seconds=120,
    redirects=3,
    max_page_bytes=200_000,
    robots_of_files=False,
    recheck_hours=20,
)
LIMITS: Final = Limits(
    max_file_bytes=2_000_000,
    max_members=64,
    max_uncompressed_bytes=4_000_000,
    max_compression_ratio=250,
    max_sheet_cells=1_000_000,
    max_old_workbook_bytes=1_000_000,
    max_unpacking_seconds=60,
    max_unpacking_memory_bytes=500_000_000,
)


@dataclass
class MadeClock:
    """A clock that goes on only when somebody waits, or when it is told to; it notes every pause."""

    seconds: float = 1000.0
    pauses: list[float] = field(default_factory=list)
    began: dt.datetime = dt.datetime(2026, 7, 9, 9, 30, tzinfo=dt.UTC)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.seconds += seconds

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.seconds, self.sleep, lambda: self.began + dt.timedelta(seconds=self.seconds - 1000))


def make_access(
    *servers: PublisherServer, contact: str = CONTACT, limits: Limits = LIMITS, **transfer: Any
) -> SiteAccess:
    """Return how these servers are asked: without pauses, unless settings of the transfer say otherwise."""
    return SiteAccess(
        hosts=frozenset({"digital.nhs.uk", "files.digital.nhs.uk"}),
        transfer=TRANSFER.model_copy(update=transfer),
        limits=limits,
        contact=contact,
        local_servers=frozenset(server.origin for server in servers),
    )


def make_site(*servers: PublisherServer, clock: MadeClock | None = None, **settings: Any) -> PublisherSite:
    """Return a client that may ask these servers."""
    return PublisherSite(make_access(*servers, **settings), clock.clock if clock else None)


def make_stand_in_site(server: PublisherServer, clock: MadeClock | None = None, **settings: Any) -> PublisherSite:
    """Return a client for the publisher's own addresses (https://digital.nhs.uk/...), which a server here answers.

    Names resolve to a public address, connections to it end at the server, and TLS is left out; all else is real.
    """
    access = make_access(**settings)
    made = (clock or MadeClock()).clock
    rules = AddressRules.make(access.hosts)
    network = CheckedNetwork(rules, Wire(made.monotonic), lambda host, port: ["8.8.8.8"], StandInNetwork(server.port))
    return PublisherSite(access, made, network)


class StandInNetwork(httpcore.NetworkBackend):
    """Connects to a port of this machine, and notes what was asked for; the addresses in `down` do not answer."""

    def __init__(self, port: int, down: Collection[str] = ()) -> None:
        self.port = port
        self.down = down
        self.connections: list[tuple[str, int]] = []

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        self.connections.append((host, port))
        if host in self.down:
            raise httpcore.ConnectError("connection refused")
        return _PlainStream(httpcore.SyncBackend().connect_tcp("127.0.0.1", self.port, timeout))


class _PlainStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return self

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
