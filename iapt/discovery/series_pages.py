"""Series pages: the publications that one lists, those to come, and the series that it replaced or that replaced it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, LexborNode

from iapt.discovery.page_dates import PageDate, find_date
from iapt.discovery.page_text import Link, Page, clean_text, read_first, read_link

_LISTS = "ul[data-uipath='ps.series.publications-list.{}']"
_TITLE_LINK = "h3[itemprop='name'] > a.cta__button"


@dataclass(frozen=True)
class ListedPublication:
    """One entry of a list: its title, where its page is, and its day of publication, as far as it is shown."""

    link: Link
    date: PageDate | None

    @property
    def title(self) -> str:
        """Its title on the series page."""
        return self.link.text


@dataclass(frozen=True)
class SeriesPageContents:
    """What a series page lists, in its order, the newest first; `unread` are entries of no known form."""

    title: str
    published: tuple[ListedPublication, ...]
    upcoming: tuple[ListedPublication, ...]
    other_series: tuple[Link, ...]
    unread: tuple[str, ...]


def parse_series_page(page: Page, tree: LexborHTMLParser, hosts: Collection[str]) -> SeriesPageContents:
    """Return what a series page lists.

    An entry is an item of one of the lists; only the link in its heading is that of the publication, for an item may
    hold further ones (supplementary requests). A link to another series stands in a list, outside its items.
    """
    published: dict[str, ListedPublication] = {}
    upcoming: dict[str, ListedPublication] = {}
    other_series: dict[str, Link] = {}
    unread: list[str] = []
    for name, entries in (("latest", published), ("previous", published), ("upcoming", upcoming)):
        for listing in tree.css(_LISTS.format(name)):
            for item in _list_items(listing):
                heading = item.css_first(_TITLE_LINK)
                if heading is None:
                    unread.append(clean_text(item.text(deep=True))[:200])
                    continue
                link = read_link(page.address, heading, hosts)
                entries.setdefault(link.address or link.text, ListedPublication(link, _read_date(item)))
            for anchor in listing.css("a.cta__button"):
                if not _stands_in_item(anchor, listing):
                    link = read_link(page.address, anchor, hosts)
                    other_series.setdefault(link.address or link.text, link)
    title = read_first(tree, "h1[data-uipath='document.title']") or read_first(tree, "h1")
    return SeriesPageContents(
        title, tuple(published.values()), tuple(upcoming.values()), tuple(other_series.values()), tuple(unread)
    )


def has_lists(tree: LexborHTMLParser) -> bool:
    """Whether a series page has a list of what was published: one without is of another form, or empty."""
    return any(tree.css_first(_LISTS.format(name)) is not None for name in ("latest", "previous"))


def _list_items(listing: LexborNode) -> list[LexborNode]:
    return [child for child in listing.iter() if child.tag == "li"]


def _stands_in_item(node: LexborNode, listing: LexborNode) -> bool:
    parent = node.parent
    while parent is not None and parent.mem_id != listing.mem_id:
        if parent.tag == "li":
            return True
        parent = parent.parent
    return False


def _read_date(item: LexborNode) -> PageDate | None:
    for selector in ("p.callout-box__content-description-date", "p.cta__text"):
        for place in item.css(selector):
            if found := find_date(clean_text(place.text(deep=True))):
                return found
    return None
