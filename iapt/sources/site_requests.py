"""Requests to the publisher's site: one at a time, with a pause, to hosts of the list alone; what is asked again."""

from __future__ import annotations

import datetime as dt
import logging
import re
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from importlib import metadata
from typing import Final, Self, TypeVar

import httpcore
import httpx
import stamina

from iapt.catalogue.limits import Limits
from iapt.catalogue.publisher import Publisher, TransferSettings
from iapt.run_warnings import make_printable
from iapt.sources.addresses import AddressRules
from iapt.sources.checked_network import CheckedNetwork, CheckedTransport, Wire, load_certificates
from iapt.sources.remote_files import (
    NotThereError,
    RefusedError,
    SourceError,
    UnavailableError,
    UnsafeAddressError,
)
from iapt.sources.robots import MAX_ROBOTS_BYTES, RobotsRules

#: The name under which robots.txt may speak of this client.
AGENT: Final = "iapt-pipeline"
CONTACT_VARIABLE: Final = "IAPT_CONTACT"
LOCAL_SERVERS_VARIABLE: Final = "IAPT_LOCAL_SERVERS"
HAND_REMEDY: Final = (
    "Open the address in a browser. If the file comes there, put it into the folder inbox of IAPT_HOME: iapt pull "
    "takes it from there."
)
_CONTACT: Final = re.compile(r"(?=.*@|https?://)[!-'*-~]{5,200}")
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_REFUSALS: Final = frozenset({401, 403, 407, 451})
_ABSENCES: Final = frozenset({404, 410})
_PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
#: With these a firewall says that it would let a browser pass a test that this client cannot take.
_CHALLENGES: Final = (
    ("cf-mitigated", "challenge"),
    ("x-amzn-waf-action", "challenge"),
    ("x-amzn-waf-action", "captcha"),
)
_PROXY_VARIABLES: Final = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
_Result = TypeVar("_Result")
_log: Final = logging.getLogger(__name__)
# What is asked again is logged here, with the address. stamina's own line has none, and goes to standard output
# where structlog is installed.
stamina.instrumentation.set_on_retry_hooks(())


@dataclass(frozen=True)
class Clock:
    """Time, and waiting: seconds of a clock that only goes on, the wall clock, and a pause."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], dt.datetime] = field(default=lambda: dt.datetime.now(dt.UTC))


@dataclass(frozen=True)
class SiteAccess:
    """How the site is asked: the hosts, the settings, the limits, and who asks (`contact`; empty: nothing is asked).

    `local_servers` are servers on this machine that may be asked by plain http, for tests: `http://127.0.0.1:PORT`.
    `ignored_proxy` names the variable that names a proxy, to say that it is not used.
    """

    hosts: frozenset[str]
    transfer: TransferSettings
    limits: Limits
    contact: str = ""
    local_servers: frozenset[str] = frozenset()
    ignored_proxy: str = ""

    @classmethod
    def from_environment(cls, publisher: Publisher, limits: Limits, environment: Mapping[str, str]) -> Self:
        """Return what the catalogue says, with the contact and the local servers that the environment names.

        Raises SourceError where a local server is none of this machine.
        """
        hosts = frozenset({*publisher.hosts.pages, *publisher.hosts.files})
        local_servers = frozenset(environment.get(LOCAL_SERVERS_VARIABLE, "").split())
        try:
            AddressRules.make(hosts, local_servers)
        except ValueError as error:
            remedy = "Correct it, or unset it: it is for tests alone."
            expected, _, found = str(error).removeprefix("expected ").partition("; found ")
            raise SourceError(LOCAL_SERVERS_VARIABLE, expected, found, remedy) from error
        return cls(
            hosts,
            publisher.transfer,
            limits,
            environment.get(CONTACT_VARIABLE, ""),
            local_servers,
            next((name for name in _PROXY_VARIABLES if environment.get(name)), ""),
        )

    @property
    def user_agent(self) -> str:
        """The name under which the site is asked. Raises SourceError where no contact is set, or none of use."""
        if not _CONTACT.fullmatch(self.contact):
            raise SourceError(
                CONTACT_VARIABLE,
                "a mail address or the address of a web page, by which the publisher can reach who runs this",
                f"{self.contact!a}" if self.contact else "none",
                f"Set it in the environment: export {CONTACT_VARIABLE}=name@example.org. Every request carries it.",
            )
        return f"{AGENT}/{metadata.version('iapt-pipeline')} (+{self.contact})"


class TemporaryError(Exception):
    """Raised within this package where it is worth asking again."""

    def __init__(self, found: str, http_status: int | None = None) -> None:
        """Say what was found."""
        super().__init__(found)
        self.found = found
        self.http_status = http_status


@dataclass(frozen=True)
class Request:
    """One request: what is asked for in words, the headers of its own, how long it may take, and who asks it.

    `is_crawled` says that the address was found in a page, so that robots.txt is asked first.
    """

    address: str
    expected: str
    headers: Mapping[str, str]
    seconds: float
    is_crawled: bool


class SiteRequests:
    """Sends requests to the publisher's hosts, one after another."""

    def __init__(self, access: SiteAccess, clock: Clock, network: CheckedNetwork | None = None) -> None:
        """Take how the site is asked; `network` replaces the real one in tests."""
        self._access = access
        self._transfer = access.transfer
        self._clock = clock
        self._rules = AddressRules.make(access.hosts, access.local_servers)
        self.wire = network.wire if network else Wire(clock.monotonic)
        self._network = network or CheckedNetwork(self._rules, self.wire)
        self._transport: CheckedTransport | None = None
        self._robots: dict[str, RobotsRules] = {}
        self._last_answers: dict[str, float] = {}
        self._closed_until: dict[str, float] = {}

    def close(self) -> None:
        """Close what is open."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def retry(self, address: str, expected: str, ask: Callable[[], _Result]) -> _Result:
        """Return what `ask` returns, asked again after each TemporaryError. Raises UnavailableError in the end."""
        transfer = self._transfer
        number = 0
        try:
            for attempt in stamina.retry_context(
                on=TemporaryError,
                attempts=transfer.attempts,
                timeout=None,
                wait_initial=min(transfer.pause_seconds, transfer.longest_wait_seconds),
                wait_max=transfer.longest_wait_seconds,
                wait_jitter=transfer.pause_seconds,
            ):
                with attempt:
                    number += 1
                    try:
                        return ask()
                    except TemporaryError as error:
                        found = make_printable(error.found)
                        _log.info("%s: attempt %d of %d: %s", address, number, transfer.attempts, found)
                        raise
        except TemporaryError as error:
            times = "once" if number == 1 else f"{number} times"
            raise UnavailableError(
                address,
                expected,
                f"{error.found}, having asked {times}",
                "Try again later: what has arrived is kept.",
                error.http_status,
            ) from error
        raise AssertionError("an attempt returns or raises")

    @contextmanager
    def open(self, request: Request) -> Generator[httpx.Response]:
        """Give the answer to a request in the end, after redirects, its body not read. Raises SourceError.

        Every address on the way is checked. `response.url` is where it was found. TemporaryError: ask again.
        """
        url = self._rules.check_address(request.address)
        agent = self._access.user_agent
        for _ in range(self._transfer.redirects + 1):
            if request.is_crawled:
                self._check_robots(url)
            with self._send(url, agent, request) as response:
                if response.status_code not in _REDIRECTS:
                    self._check_status(response, request)
                    yield response
                    return
                location = response.headers.get("location")
            if not location:
                raise TemporaryError(f"HTTP {response.status_code} without a place to go to")
            url = self._join(url, location)
        raise UnavailableError(
            request.address,
            request.expected,
            f"more than {self._transfer.redirects} redirects, the last to {url}",
            HAND_REMEDY,
        )

    def _join(self, url: httpx.URL, location: str) -> httpx.URL:
        try:
            joined = str(url.join(location))
        except (httpx.InvalidURL, ValueError):
            joined = location
        return self._rules.check_address(joined)

    @contextmanager
    def _send(self, url: httpx.URL, agent: str, request: Request) -> Generator[httpx.Response]:
        """Send one request in its turn, without following where it leads."""
        host = url.netloc.decode("ascii")
        self._wait_for_turn(url, host, request)
        # A connection for each request: bytes left over from one answer can then not be taken for the next.
        headers = {"User-Agent": agent, "Accept": "*/*", "Connection": "close", **request.headers}
        transfer = self._transfer
        self.wire.start(request.seconds)
        try:
            timeout = httpx.Timeout(transfer.read_seconds, connect=transfer.connect_seconds).as_dict()
            message = httpx.Request("GET", url, headers=headers, extensions={"timeout": timeout})
            response = self._open_transport().handle_request(message)
            response.request = message
            try:
                yield response
            finally:
                response.close()
        except httpcore.ConnectError as error:
            proxy = self._access.ignored_proxy
            raise TemporaryError(f"no connection ({error})" + (f"; {proxy} is not used" if proxy else "")) from error
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise TemporaryError(f"{type(error).__name__}: {error}") from error
        finally:
            self._last_answers[host] = self._clock.monotonic()

    def _open_transport(self) -> CheckedTransport:
        """Return what sends requests, made once. It adds no proxies, no cookies and no credentials."""
        if self._transport is None:
            self._transport = CheckedTransport(self._network, load_certificates())
        return self._transport

    def _find_pause_seconds(self, url: httpx.URL) -> float:
        rules = self._robots.get(_find_origin(url))
        return max(self._transfer.pause_seconds, rules.crawl_delay_seconds if rules else 0.0)

    def _wait_for_turn(self, url: httpx.URL, host: str, request: Request) -> None:
        """Wait until a host may be asked. Raises UnavailableError where it asked to be left alone for too long."""
        now = self._clock.monotonic()
        closed = self._closed_until.get(host, now) - now
        if closed > self._transfer.longest_wait_seconds:
            raise self._describe_closed(request, closed)
        last_answer = self._last_answers.get(host)
        wait = max(closed, 0.0 if last_answer is None else last_answer + self._find_pause_seconds(url) - now)
        if wait > 0:
            self._clock.sleep(wait)

    def _describe_closed(self, request: Request, seconds: float, status: int | None = None) -> UnavailableError:
        longest = self._transfer.longest_wait_seconds
        return UnavailableError(
            request.address,
            f"{request.expected} within {longest:.0f} s (longest_wait_seconds)",
            f"a server that asks to be left alone for {seconds:.0f} s",
            "Run the command again after that time.",
            status,
        )

    def _check_status(self, response: httpx.Response, request: Request) -> None:
        """Raise what the status of an answer means, where it is not one of success."""
        status = response.status_code
        found = _describe_status(status)
        challenged = next((name for name, value in _CHALLENGES if response.headers.get(name) == value), None)
        if challenged or status in _REFUSALS:
            why = " with a test for browsers" if challenged else ""
            raise RefusedError(request.address, request.expected, f"{found}: refused{why}", HAND_REMEDY, status)
        if status in _ABSENCES:
            raise NotThereError(
                request.address,
                request.expected,
                found,
                "See on the page of the publication whether it was moved, replaced or withdrawn.",
                status,
            )
        if status in _PASSING:
            raise self._describe_passing(response, request, found)
        if status not in {200, 206, 304, 416}:
            raise UnavailableError(request.address, request.expected, found, HAND_REMEDY, status)

    def _describe_passing(self, response: httpx.Response, request: Request, found: str) -> Exception:
        seconds = _read_retry_after(response.headers.get("retry-after", ""), self._clock.now())
        if seconds is None:
            return TemporaryError(found, response.status_code)
        host = response.url.netloc.decode("ascii")
        self._closed_until[host] = self._clock.monotonic() + seconds
        if seconds > self._transfer.longest_wait_seconds:
            return self._describe_closed(request, seconds, response.status_code)
        return TemporaryError(f"{found}, to be asked again after {seconds:.0f} s", response.status_code)

    def _check_robots(self, url: httpx.URL) -> None:
        """Raise RefusedError where the robots.txt of a host keeps crawlers from a page, or UnavailableError for now."""
        origin = _find_origin(url)
        if origin not in self._robots:
            self._robots[origin] = self._read_robots(origin)
        rules = self._robots[origin]
        if rules.unavailable:
            raise UnavailableError(
                str(url),
                f"the robots.txt of {origin}, which says what may be crawled",
                rules.unavailable,
                "Until it can be read nothing is crawled there. Try again later.",
            )
        if not rules.allows(str(url)):
            raise RefusedError(
                str(url),
                "a page that robots.txt lets crawlers read",
                f"a rule of {origin}/robots.txt that forbids it",
                "Read the page in a browser.",
            )
        if rules.crawl_delay_seconds > self._transfer.longest_wait_seconds:
            raise RefusedError(
                str(url),
                f"a pause of at most {self._transfer.longest_wait_seconds:.0f} s between two requests",
                f"{rules.crawl_delay_seconds:.0f} s in {origin}/robots.txt",
                "Read the page in a browser, or raise longest_wait_seconds in catalogue/publisher.yml.",
            )

    def _read_robots(self, origin: str) -> RobotsRules:
        """Return the rules of a host: read once in a run. Not found or refused (4xx): all is allowed (RFC 9309)."""
        transfer = self._transfer
        seconds = transfer.connect_seconds + transfer.read_seconds
        expected = "the rules for crawlers"
        request = Request(f"{origin}/robots.txt", expected, {"Accept-Encoding": "identity"}, seconds, is_crawled=False)

        def ask() -> RobotsRules:
            with self.open(request) as response:
                encoding = response.headers.get("content-encoding", "identity").strip().lower()
                if encoding not in {"", "identity"}:  # what cannot be read may forbid anything
                    raise UnavailableError(request.address, expected, f"rules in {encoding}", "Try again later.")
                content = b""
                for chunk in response.stream:  # pyrefly: ignore[not-iterable]
                    content += chunk
                    if len(content) >= MAX_ROBOTS_BYTES:
                        break
                return RobotsRules.parse(content, AGENT)

        try:
            return self.retry(request.address, expected, ask)
        except (NotThereError, RefusedError, UnavailableError, UnsafeAddressError) as error:
            # 429 is a server that wants to be left alone, not one without rules.
            if error.http_status is not None and 400 <= error.http_status < 500 and error.http_status != 429:
                return RobotsRules.allow_all(AGENT)
            return RobotsRules.disallow_for_now(AGENT, error.found)


def _find_origin(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode('ascii')}"


def _describe_status(status: int) -> str:
    try:
        return f"HTTP {status} ({HTTPStatus(status).phrase})"
    except ValueError:
        return f"HTTP {status}"


def _read_retry_after(text: str, now: dt.datetime) -> float | None:
    """Return how many seconds a server asks to wait, from seconds or a date; None where it does not say."""
    if re.fullmatch(r"[0-9]{1,9}", text.strip()):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return max(0.0, (moment - now).total_seconds())
