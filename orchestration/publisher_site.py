"""The publisher's site as the environment says it is asked: the publisher itself, a mirror, or a copy."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from iapt.sources.remote_files import SourceError

if TYPE_CHECKING:
    from iapt.catalogue.catalogue import Catalogue
    from iapt.sources.https import PublisherSite
    from iapt.sources.mirror import MirroredSite
    from iapt.sources.remote_files import Source
    from iapt.sources.site_requests import SiteAccess

MIRROR_VARIABLE: Final = "IAPT_MIRROR"


@contextlib.contextmanager
def open_source(catalogue: Catalogue, mirror: str = "", copy: str = "") -> Generator[Source]:
    """Yield where files are fetched from: a copy of them in a folder or store, else a mirror, else the publisher.

    Raises SourceError where the copy cannot be listed, or nobody may be asked.
    """
    if copy:
        from iapt.sources.publisher_copy import PublisherCopy

        files = PublisherCopy(copy, catalogue.limits.max_file_bytes)
        files.list_files()  # where that fails, it is said once, not for each file
        yield files
        return
    with open_site(catalogue, mirror) as site:
        yield site


@contextlib.contextmanager
def open_site(catalogue: Catalogue, mirror: str = "", **transfer: Any) -> Generator[PublisherSite | MirroredSite]:
    """Yield the publisher's site, or a mirror of it, as the catalogue and the environment say it is asked.

    `transfer` are settings that take the place of those of the catalogue. Raises SourceError where nobody may be asked.
    """
    from iapt.sources.https import PublisherSite  # imported late: what talks to servers takes long
    from iapt.sources.mirror import MirroredSite
    from iapt.sources.site_requests import SiteAccess

    access = SiteAccess.from_environment(catalogue.publisher, catalogue.limits, os.environ)
    if mirror:
        access = replace(access, hosts=access.hosts | {_find_host(mirror, access)})
    if transfer:
        access = replace(access, transfer=access.transfer.model_copy(update=transfer))
    _ = access.user_agent  # without a contact nothing is asked: that is said once, not for each file
    with PublisherSite(access) as site:
        yield MirroredSite(site, mirror) if mirror else site


def _find_host(mirror: str, access: SiteAccess) -> str:
    """Return the host of a mirror. Raises SourceError where its address is none, or has more than a host and a port."""
    from iapt.sources.site_requests import LOCAL_SERVERS_VARIABLE

    parts = urlsplit(mirror)
    is_whole = bool(parts.hostname) and parts.path in {"", "/"} and not (parts.query or parts.fragment)
    is_asked = parts.scheme == "https" or f"{parts.scheme}://{parts.netloc}" in access.local_servers
    if not (is_whole and is_asked) or "@" in parts.netloc:
        raise SourceError(
            MIRROR_VARIABLE,
            "the address of a server, such as https://mirror.example.org, without a path or a user's name",
            "another form of address",
            f"Correct it, or --mirror. A server on this machine is asked where {LOCAL_SERVERS_VARIABLE} names it.",
        )
    assert parts.hostname is not None
    return parts.hostname
