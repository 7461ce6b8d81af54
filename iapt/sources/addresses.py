"""Addresses: which of the web may be asked, which of the network may be connected to, and the file name in one."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import unquote_to_bytes

import httpx

from iapt.sources.remote_files import SourceError, UnsafeAddressError

LOCAL_HOST: Final = "127.0.0.1"
_LONGEST_ADDRESS: Final = 2000
#: Of the name in UTF-8. A file system takes 255; what is added to a name on its way here must fit too.
_LONGEST_NAME_BYTES: Final = 200
_HTTPS_PORT: Final = 443
_VISIBLE_ASCII: Final = re.compile(r"[!-~]+")
_AUTHORITY_END: Final = re.compile(r"[/?#]")
_LOCAL_ORIGIN: Final = re.compile(rf"http://{re.escape(LOCAL_HOST)}:[1-9][0-9]{{0,4}}")
_LIST_REMEDY: Final = (
    "If the publisher has moved, review its hosts in catalogue/publisher.yml; else see what the page says in a browser."
)
#: Addresses of IPv6 that hold one of IPv4 in their last 32 bits: what is connected to in the end is that one.
_TRANSLATED: Final = ipaddress.IPv6Network("64:ff9b::/96")
#: Of the IETF's protocols, and a relay that wraps addresses; not every version of Python calls them special.
_SPECIAL: Final = (ipaddress.IPv4Network("192.0.0.0/24"), ipaddress.IPv4Network("192.88.99.0/24"))
_IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class AddressRules:
    """The hosts that may be asked by https, and servers on this machine, for tests alone (`http://127.0.0.1:PORT`)."""

    hosts: frozenset[str]
    local_servers: frozenset[str] = frozenset()

    @classmethod
    def make(cls, hosts: Iterable[str], local_servers: Iterable[str] = ()) -> Self:
        """Return the rules of these hosts; raises ValueError where a local server is none of this machine."""
        servers = frozenset(local_servers)
        for server in servers:
            if not _LOCAL_ORIGIN.fullmatch(server):
                raise ValueError(f"expected a server on this machine such as http://127.0.0.1:8000; found {server!a}")
        return cls(frozenset(host.lower() for host in hosts), servers)

    def check_address(self, address: str) -> httpx.URL:
        """Return a parsed address that may be asked, without its fragment. Raises UnsafeAddressError.

        It is checked as the client parses it: two parsers may disagree on which host an odd address names.
        """
        if len(address) > _LONGEST_ADDRESS:
            raise self._refuse(address, f"one of {len(address):,} characters", "Look the address up again.")
        if not _VISIBLE_ASCII.fullmatch(address) or "\\" in address:
            raise self._refuse(address, "spaces, backslashes or letters that an address cannot hold")
        try:
            url = httpx.URL(address).copy_with(fragment=None)
            _ = url.host  # decoded only now: a host that claims to be in other letters may be in none
        except (httpx.InvalidURL, ValueError) as error:
            raise self._refuse(address, f"what cannot be parsed ({error})") from error
        if url.userinfo or "@" in _AUTHORITY_END.split(address.partition("://")[2])[0]:
            raise self._refuse(f"{url.scheme}://...@{url.host}", "a user's name or password in the address")
        if f"{url.scheme}://{url.host}:{url.port}" in self.local_servers:
            return url
        if url.scheme != "https":
            raise self._refuse(address, f"{url.scheme or 'none'} as its scheme")
        if url.raw_host.decode("ascii") not in self.hosts:
            raise self._refuse(address, f"the host {url.host!a}, which is not on the list")
        if url.port not in {None, _HTTPS_PORT}:
            raise self._refuse(address, f"port {url.port}")
        return url

    def _refuse(self, address: str, found: str, remedy: str = _LIST_REMEDY) -> UnsafeAddressError:
        return UnsafeAddressError(address, f"an https address of {', '.join(sorted(self.hosts))}", found, remedy)

    def is_local_server(self, host: str, port: int) -> bool:
        """Return whether this is a server on this machine that was allowed by name."""
        return host == LOCAL_HOST and f"http://{host}:{port}" in self.local_servers


def is_public(address: str) -> bool:
    """Return whether an IP address is one of the public internet, and what it stands for is too."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return all(_is_public_address(each) for each in _list_embedded(found))


def _list_embedded(address: _IPAddress) -> list[_IPAddress]:
    """Return the addresses that decide: of one of IPv6 that wraps one of IPv4, the wrapped one."""
    if not isinstance(address, ipaddress.IPv6Address):
        return [address]
    if address in _TRANSLATED:
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    return [address] if address.sixtofour is None else [address, address.sixtofour]


def _is_public_address(address: _IPAddress) -> bool:
    """Return whether an address is public by itself: private, loopback, link-local and such are never global."""
    is_site_local = isinstance(address, ipaddress.IPv6Address) and address.is_site_local
    is_special = address.is_multicast or address.is_reserved or any(address in network for network in _SPECIAL)
    return address.is_global and not is_special and not is_site_local


def decode_file_name(address: str) -> str:
    """Return the file name at the end of an address: its percent encoding decoded once, as UTF-8.

    `%20`, brackets, ampersands and commas are what the publisher writes. Raises SourceError where what comes of it is
    no plain file name: separators of folders, control characters, dots alone, nothing, or too much for a file system.
    """
    path = address.partition("#")[0].partition("?")[0]
    encoded = path.partition("://")[2].rpartition("/")[2]
    try:
        name = unquote_to_bytes(encoded).decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refuse_name(address, "bytes that are not UTF-8") from error
    if not name.strip(". "):
        raise _refuse_name(address, "no name at its end")
    if "/" in name or "\\" in name:
        raise _refuse_name(address, "a separator of folders in the name")
    if not name.isprintable():
        raise _refuse_name(address, "a character that cannot be shown in the name")
    if len(name.encode()) > _LONGEST_NAME_BYTES:
        raise _refuse_name(address, f"a name of {len(name.encode())} bytes")
    return name


def _refuse_name(address: str, found: str) -> SourceError:
    return UnsafeAddressError(
        address,
        f"a file name of at most {_LONGEST_NAME_BYTES} bytes at the end of the address",
        found,
        "Look the address up again on the page of the publication.",
    )
