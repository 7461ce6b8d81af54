"""Saved pages: what a person saved from a browser into a folder, read in place of the publisher's site."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from iapt.discovery.page_text import MAX_PAGE_CHARACTERS, PageTooLargeError, parse_page
from iapt.sources.remote_files import SourceError

_SAVED_FROM = re.compile(r"<!--\s*saved from url=\([0-9]+\)(https://[!-~]{1,2000}?)\s*-->")
_MAX_PAGES = 5_000
_SUFFIXES = frozenset({".htm", ".html", ".xhtml"})


@dataclass(frozen=True)
class SavedPage:
    """A page as it was saved: its address, and its HTML."""

    address: str
    text: str


class PageNotSavedError(SourceError):
    """Raised where a page is asked for that is not in the folder."""


class SavedPages:
    """The pages in a folder, by the address that each was saved from.

    That is what the browser wrote into it, or what the page says of itself; else the name of the file is the last part
    of its address, as in `performance-may-2026.html`.
    """

    def __init__(self, folder: Path) -> None:
        """Read which pages are there. Raises PageTooLargeError where there are too many, or one is too large."""
        self.folder = folder
        self.by_address: dict[str, str] = {}
        self.by_slug: dict[str, list[str]] = {}
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES and path.is_file())
        if len(paths) > _MAX_PAGES:
            raise PageTooLargeError(f"{folder}: expected at most {_MAX_PAGES:,} saved pages; found {len(paths):,}")
        for path in paths:
            if path.stat().st_size > MAX_PAGE_CHARACTERS:
                raise PageTooLargeError(
                    f"{path}: expected a page of at most {MAX_PAGE_CHARACTERS:,} bytes; found {path.stat().st_size:,}"
                )
            html = path.read_text(encoding="utf-8", errors="replace")
            if address := _find_address(html):
                self.by_address.setdefault(_strip(address), html)
            else:
                self.by_slug.setdefault(path.stem.lower(), []).append(html)

    def read_page(self, address: str) -> SavedPage:
        """Return the saved page of an address. Raises PageNotSavedError."""
        html = self.by_address.get(_strip(address))
        slug = urlsplit(address).path.rstrip("/").rsplit("/", 1)[-1].lower()
        named = self.by_slug.get(slug, [])
        if html is None and len(named) == 1:
            html = named[0]
        if html is None:
            raise PageNotSavedError(
                address,
                f"the page in {self.folder}",
                "no saved page of it" if not named else f"{len(named)} files of that name",
                f"Open it in a browser, save it there as {slug}.html, and run iapt discover --from again.",
            )
        return SavedPage(address, html)


def _find_address(html: str) -> str:
    """Return the address that a saved page was saved from; empty where it does not say it."""
    if match := _SAVED_FROM.search(html[:4000]):
        return match[1]
    tree = parse_page(SavedPage("saved page", html))
    for selector, attribute in (("link[rel='canonical']", "href"), ("meta[property='og:url']", "content")):
        node = tree.css_first(selector)
        value = (node.attributes.get(attribute) or "").strip() if node is not None else ""
        if value.startswith("https://"):
            return value
    return ""


def _strip(address: str) -> str:
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.lower(), parts.path.rstrip("/"), "", ""))
