"""The publisher's site as the environment says it is asked: the publisher itself, a mirror, or a copy."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlsplit

from iapt.catalogue.catalogue import Catalogue
from iapt.sources.https import PublisherSite
from iapt.sources.mirror import MirroredSite
from iapt.sources.publisher_copy import PublisherCopy
from iapt.sources.remote_files import Source
from iapt.sources.site_requests import SiteAccess

MIRROR_VARIABLE: Final = "IAPT_MIRROR"


@contextlib.contextmanager
def open_source(catalogue: Catalogue, mirror: str = "", copy: str = "") -> Generator[Source]:
    """Yield where files are fetched from: a copy of them in a folder or store, else a mirror, else the publisher."""
    if copy:
        yield PublisherCopy(copy, catalogue.limits.max_file_bytes)
        return
    with open_site(catalogue, mirror) as site:
        yield site


@contextlib.contextmanager
def open_site(catalogue: Catalogue, mirror: str = "", **transfer: Any) -> Generator[PublisherSite | MirroredSite]:
    """Yield the publisher's site, or a mirror of it, as the catalogue and the environment say it is asked.

    `transfer` are settings that take the place of those of the catalogue.
    """
    access = SiteAccess.from_environment(catalogue.publisher, catalogue.limits, os.environ)
    if host := urlsplit(mirror).hostname:
        access = replace(access, hosts=access.hosts | {host})
    if transfer:
        access = replace(access, transfer=access.transfer.model_copy(update=transfer))
    _ = access.user_agent  # without a contact nothing is asked: that is said once, not for each file
    with PublisherSite(access) as site:
        yield MirroredSite(site, mirror) if mirror else site
