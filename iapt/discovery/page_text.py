"""Texts and links of a page: parsed within limits, cleaned, and judged by the hosts that may be asked."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

#: A page of the publisher's has some thousands of tags. The time to parse grows with the square of how deep they nest:
#: as many as this, each in the one before, take a second.
MAX_TAGS = 20_000
MAX_PAGE_CHARACTERS = 6_000_000
MAX_ADDRESS_CHARACTERS = 2_000
#: Titles, names of files and notices are shortened to this.
MAX_TEXT_CHARACTERS = 1_000
_PLAIN_CHARACTERS = str.maketrans("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2018\u2019", "-------''")


class PageTooLargeError(ValueError):
    """Raised where a page is larger than a page of the publisher's can be."""


class Page(Protocol):
    """A page as it was read: where it was found in the end, and its HTML."""

    @property
    def address(self) -> str:
        """Where the page was found."""
        ...

    @property
    def text(self) -> str:
        """Its HTML."""
        ...


@dataclass(frozen=True)
class Link:
    """A link of a page: its whole address, and why it may not be followed; empty where it may."""

    address: str
    text: str = ""
    refusal: str = ""

    @property
    def slug(self) -> str:
        """The last part of its path."""
        return unquote(urlsplit(self.address).path).rstrip("/").rsplit("/", 1)[-1]

    @property
    def parent(self) -> str:
        """The address one level up, without a slash at its end."""
        parts = urlsplit(self.address)
        return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/").rsplit("/", 1)[0], "", ""))


def parse_page(page: Page) -> LexborHTMLParser:
    """Return the tree of a page. Raises PageTooLargeError before anything is parsed."""
    if len(page.text) > MAX_PAGE_CHARACTERS:
        raise PageTooLargeError(
            f"{page.address}: expected a page of at most {MAX_PAGE_CHARACTERS:,} characters; found {len(page.text):,}"
        )
    if (tags := page.text.count("<")) > MAX_TAGS:
        raise PageTooLargeError(f"{page.address}: expected a page of at most {MAX_TAGS:,} tags; found {tags:,}")
    return LexborHTMLParser(page.text)


def clean_text(text: str | None) -> str:
    """Return a text in one line: plain spaces, dashes and apostrophes, nothing invisible, not too long."""
    text = unicodedata.normalize("NFKC", (text or "")[: 10 * MAX_TEXT_CHARACTERS])
    text = text.translate(_PLAIN_CHARACTERS)
    text = "".join(
        " " if character.isspace() else "" if unicodedata.category(character).startswith("C") else character
        for character in text
    )
    return " ".join(text.split())[:MAX_TEXT_CHARACTERS]


def read_text(node: LexborNode | None) -> str:
    """Return the cleaned text of an element and of all in it; empty where there is none."""
    return "" if node is None else clean_text(node.text(deep=True))


def read_first(parent: LexborNode | LexborHTMLParser, selector: str) -> str:
    """Return the cleaned text of the first element that a selector finds; empty where there is none."""
    return read_text(parent.css_first(selector))


def read_link(page_address: str, node: LexborNode, hosts: Collection[str], text: str = "") -> Link:
    """Return where a link leads, and whether it may be followed: only https, only to one of the hosts.

    The host is in small letters and without the usual port, so that an address is written in one way only.
    """
    raw = (node.attributes.get("href") or "").strip()
    text = text or read_text(node)
    if not raw:
        return Link("", text, "it has no address")
    if len(raw) > MAX_ADDRESS_CHARACTERS:
        return Link("", text, f"its address has more than {MAX_ADDRESS_CHARACTERS:,} characters")
    if re.search(r"[\x00-\x1f\x7f\\]", raw):
        return Link("", text, "its address has a character that no address may have")
    try:
        parts = urlsplit(urljoin(page_address, raw))
        port = parts.port
    except ValueError:
        return Link("", text, "its address cannot be read")
    if parts.scheme != "https":
        return Link(clean_text(raw), text, f"it is no https address but {clean_text(parts.scheme) or 'something else'}")
    # An address on a page may have spaces, or letters that are not ASCII, where it should have them encoded.
    path = quote(parts.path, safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
    if not _is_usual_path(path):
        return Link(clean_text(raw), text, "its address has a part that no name of a page or file has")
    host = (parts.hostname or "").rstrip(".")
    address = urlunsplit((parts.scheme, host, path, query, ""))
    if "@" in parts.netloc or port not in (None, 443) or not parts.netloc.isascii():
        return Link(clean_text(raw), text, "its address names a user, a port or a host in other letters")
    if host not in hosts:
        return Link(clean_text(address), text, f"it leads to {clean_text(host)}, which is not on the list of hosts")
    return Link(address, text)


def _is_usual_path(path: str) -> bool:
    """Whether a percent-encoded path has only parts that may be names: nothing hidden in the encoding, no `..`."""
    for part in path.split("/"):
        name = unquote(part)
        if name in (".", "..") or re.search(r"""[/\\<>"|*?]""", name):
            return False
        if any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for character in name):
            return False
    return True
