"""Publication pages: title, coverage, files, chapters and change notices, in today's form and in that before 2021."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, LexborNode

from iapt.discovery.page_dates import PageDate, find_date
from iapt.discovery.page_text import Link, Page, clean_text, read_first, read_link, read_text

_FIELDS = "[data-uipath='ps.publication.{}']"
_SIZE = re.compile(r"([0-9]+(?:[.,][0-9]+)?)\s*(B|bytes|kB|KB|MB|GB)\b")
_UNITS = {"b": 1, "bytes": 1, "kb": 1_000, "mb": 1_000_000, "gb": 1_000_000_000}


@dataclass(frozen=True)
class PublishedFile:
    """A file that a page offers: the name it is shown under, its link, its type and its size in rounded bytes.

    `is_external` is a link to something else than a file of the publisher's own.
    """

    display_name: str
    link: Link
    type: str = ""
    bytes: int | None = None
    is_external: bool = False


@dataclass(frozen=True)
class Notice:
    """A change notice or an update of a page: its title, text and, as the editor wrote it, its stamp or severity."""

    title: str
    text: str
    mark: str = ""


@dataclass(frozen=True)
class PublicationPageContents:
    """What a publication page, one of its chapters, or a page of a data set says.

    `coverage` is what the page says of the days it covers. That is not the period of its figures
    (docs/sources.md#publication-pages), and nothing is concluded from it.
    """

    title: str
    published: PageDate | None
    coverage: str
    files: tuple[PublishedFile, ...]
    chapters: tuple[Link, ...]
    data_sets: tuple[Link, ...]
    notices: tuple[Notice, ...]
    last_edited: str


def parse_publication_page(
    page: Page, tree: LexborHTMLParser, page_hosts: Collection[str], file_hosts: Collection[str]
) -> PublicationPageContents:
    """Return what a publication page, a chapter or a page of a data set says and offers."""
    temporal = tree.css_first("meta[itemprop='temporalCoverage']")
    return PublicationPageContents(
        title=read_first(tree, "h1[data-uipath='document.title']") or read_first(tree, "h1"),
        published=find_date(read_first(tree, _FIELDS.format("publication-date"))),
        coverage=read_first(tree, _FIELDS.format("date-range"))
        or clean_text(temporal.attributes.get("content") if temporal is not None else ""),
        files=tuple(_read_files(page, tree, file_hosts)),
        chapters=_read_links(page, tree, f"{_FIELDS.format('pages')} a[href]", page_hosts),
        data_sets=_read_links(page, tree, f"ul{_FIELDS.format('datasets')} a[href]", page_hosts),
        notices=tuple(_read_notices(tree)),
        last_edited=read_first(tree, "p#last-edited").removeprefix("Last edited:").strip(),
    )


def _read_links(page: Page, tree: LexborHTMLParser, selector: str, hosts: Collection[str]) -> tuple[Link, ...]:
    links = (read_link(page.address, node, hosts) for node in tree.css(selector))
    others = {link.address: link for link in links if link.address.partition("#")[0] != page.address}
    return tuple(others.values())


def _read_files(page: Page, tree: LexborHTMLParser, hosts: Collection[str]) -> list[PublishedFile]:
    """Return the files of a page, each address once: cards of today, cards within a text, lists of the old form."""
    files: list[PublishedFile] = []
    for card in tree.css("div.nhsd-m-download-card"):
        anchor = card.css_first("a.nhsd-a-box-link") or card.css_first("a[href]")
        if anchor is not None:
            files.append(_read_card(page, card, anchor, hosts))
    for anchor in tree.css("a[itemprop='contentUrl']"):
        files.append(_read_list_item(page, anchor, hosts))
    named: dict[str, PublishedFile] = {}
    for file in files:
        named.setdefault(file.link.address or file.display_name, file)
    return list(named.values())


def _read_card(page: Page, card: LexborNode, anchor: LexborNode, hosts: Collection[str]) -> PublishedFile:
    name = read_first(card, "p.nhsd-t-heading-xs, .nhsd-t-heading-s") or read_text(anchor)
    link = read_link(page.address, anchor, hosts, name)
    kind = read_first(card, "span.nhsd-a-tag--meta").lower()
    parent = card.parent
    wrapper = parent.attributes.get("data-uipath") if parent is not None else None
    is_external = wrapper == "ps.publication.resources-link" or kind == "article"
    size = _parse_size(read_first(card, "span.nhsd-a-tag--meta-light"))
    return PublishedFile(name or link.slug, link, kind, size, is_external)


def _read_list_item(page: Page, anchor: LexborNode, hosts: Collection[str]) -> PublishedFile:
    item = anchor.parent
    while item is not None and item.tag != "li":
        item = item.parent
    scope = anchor if item is None else item
    encoding, size = (scope.css_first(f"meta[itemprop='{name}']") for name in ("encodingFormat", "contentSize"))
    name = clean_text(anchor.attributes.get("title")) or read_text(anchor)
    link = read_link(page.address, anchor, hosts, name)
    return PublishedFile(
        name or link.slug,
        link,
        clean_text(encoding.attributes.get("content") if encoding is not None else "").lower(),
        _parse_size(clean_text(size.attributes.get("content") if size is not None else "")),
    )


def _parse_size(text: str) -> int | None:
    match = _SIZE.search(text)
    return round(float(match[1].replace(",", ".")) * _UNITS[match[2].lower()]) if match else None


def _read_notices(tree: LexborHTMLParser) -> list[Notice]:
    notices = []
    for box in tree.css("div.nhsd-m-emphasis-box"):
        title = read_first(box, "h1, h2, h3, h4, .nhsd-t-heading-s, .nhsd-t-heading-xs")
        parts = [read_text(part) for part in box.css("p") if read_text(part) != title]
        stamp = next((part for part in reversed(parts) if re.search(r"\b[0-9]{1,2}:[0-9]{2}\b", part[-12:])), "")
        notices.append(Notice(title, " ".join(part for part in parts if part != stamp), stamp))
    for heading in tree.css("[id^='callout-box-heading-update-']"):
        severity = (heading.attributes.get("id") or "").removeprefix("callout-box-heading-update-").split("-")[0]
        box = heading.parent
        text = read_text(box).removeprefix(read_text(heading)).strip() if box is not None else ""
        notices.append(Notice(read_text(heading), text, clean_text(severity)))
    return notices
