"""A mirror: another server that has the publisher's pages and files under the same paths."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from iapt.sources.https import Page, PublisherSite
from iapt.sources.remote_files import FetchedFile, ReportBytes, Validators


class MirroredSite:
    """The publisher's site as a mirror has it: every address is asked there, and known as the publisher's."""

    def __init__(self, site: PublisherSite, mirror: str) -> None:
        """Ask `site` for what is at `mirror`, an address without a path, which the site may be asked for."""
        self._site = site
        self._mirror = urlsplit(mirror)

    def fetch(
        self, address: str, target: Path, known: Validators | None = None, report: ReportBytes | None = None
    ) -> FetchedFile:
        """Write the file at an address of the publisher's to `target`, as `Source.fetch` says."""
        fetched = self._site.fetch(self._find_mirrored(address), target, known, report)
        return replace(fetched, address=self._find_original(fetched.address, address))

    def read_page(self, address: str) -> Page:
        """Return a page of the publisher's."""
        page = self._site.read_page(self._find_mirrored(address))
        return replace(page, address=self._find_original(page.address, address))

    def _find_mirrored(self, address: str) -> str:
        return urlunsplit(urlsplit(address)._replace(scheme=self._mirror.scheme, netloc=self._mirror.netloc))

    def _find_original(self, found: str, asked: str) -> str:
        """Return the publisher's address of what the mirror had at `found`, where `asked` was asked for."""
        parts, original = urlsplit(found), urlsplit(asked)
        if parts.netloc != self._mirror.netloc:
            return found
        return urlunsplit(parts._replace(scheme=original.scheme, netloc=original.netloc))
