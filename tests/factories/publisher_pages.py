"""Pages in the shapes of the publisher's templates (docs/sources.md#series-pages), and what is shown in their place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from iapt.discovery.saved_pages import SavedPage
from iapt.sources.remote_files import NotThereError

SITE = "https://digital.nhs.uk"
FILES = "https://files.digital.nhs.uk"
STATISTICAL = f"{SITE}/data-and-information/publications/statistical"
MONTHLY_SERIES = f"{STATISTICAL}/nhs-talking-therapies-monthly-statistics-including-employment-advisors"
ANNUAL_SERIES = f"{STATISTICAL}/nhs-talking-therapies-for-anxiety-and-depression-annual-reports"
MONTHLY_TITLE = "NHS Talking Therapies Monthly Statistics Including Employment Advisors"
ANNUAL_TITLE = "NHS Talking Therapies, for anxiety and depression, Annual reports"


@dataclass(frozen=True)
class Card:
    """A download card: the name it is shown under, where it leads, its type and its size as the page shows it."""

    name: str
    address: str
    type: str = "csv"
    size: str = "42 KB"
    is_link: bool = False


@dataclass(frozen=True)
class Entry:
    """A publication in a list of a series page. `inset` is HTML within its item."""

    title: str
    address: str
    date: str
    inset: str = ""


@dataclass(frozen=True)
class ChangeNotice:
    title: str
    text: str
    stamp: str


def make_page(title: str, body: str, *, heading: str | None = None, article: str = "") -> str:
    """Return a page with the header and footer of the site around a body."""
    shown = title if heading is None else heading
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title} - NHS England Digital</title>
<script>document.title = "<h1>Page not found</h1>";</script></head>
<body><header><a href="/">NHS England Digital</a>
<form role="search" action="/search"><input type="search" name="q"></form>
<nav><ul><li><a class="cta__button" href="/data">Data</a></li></ul></nav></header>
<main><article {article}><header><h1 id="top" data-uipath="document.title">{shown}</h1></header>
{body}
</article></main><footer><a href="/about-nhs-digital/terms-and-conditions">Terms</a></footer></body></html>"""


def _make_entry(entry: Entry, date: str) -> str:
    return f"""<li><div class="callout-box"><h3 itemprop="name"><a class="cta__button" itemprop="url"
 href="{escape(entry.address)}" title="{entry.title}">{entry.title}</a></h3>{date}
<p class="callout-box__content-description">Figures on use, access, and outcomes.</p>{entry.inset}</div></li>"""


def make_series_page(
    title: str,
    *,
    previous: Sequence[Entry],
    latest: Entry | None = None,
    upcoming: Sequence[Entry] = (),
    other_series: Entry | None = None,
    other_series_after: int = 0,
) -> str:
    """Return a series page. The link to another series stands in the list after so many items, and in none of them."""
    parts = [f'<div id="summary"><p itemprop="description">{title}: a summary.</p></div>']
    if latest is not None:
        date = f'<p class="callout-box__content-description-date">Published: {latest.date}</p>'
        parts.append(
            '<section id="latest-statistics"><h2>Latest statistics</h2>'
            f'<ul data-uipath="ps.series.publications-list.latest">{_make_entry(latest, date)}</ul></section>'
        )
    if upcoming:
        items = "".join(_make_entry(entry, f'<p class="cta__text">{entry.date}</p>') for entry in upcoming)
        parts.append(
            '<section id="upcoming-publications"><h2>Upcoming publications</h2>'
            f'<ul data-uipath="ps.series.publications-list.upcoming">{items}</ul></section>'
        )
    items_before = [
        _make_entry(entry, f'<p class="callout-box__content-description-date">{entry.date}</p>') for entry in previous
    ]
    if other_series is not None:
        callout = (
            '<div class="callout-box callout-box--information"><p>This series has changed. See '
            f'<a class="cta__button" href="{escape(other_series.address)}">{other_series.title}</a></p></div>'
        )
        items_before.insert(other_series_after, callout)
    parts.append(
        '<section id="past-publications"><h2>Past publications</h2>'
        f'<ul data-uipath="ps.series.publications-list.previous">{"".join(items_before)}</ul></section>'
    )
    return make_page(title, "\n".join(parts), article='itemscope itemtype="http://schema.org/Series"')


def make_inset(address: str = "/supplementary/request") -> str:
    """Return an inset of supplementary requests, which has a link of its own in the style of a publication."""
    return (
        f'<div class="inset"><h4>Supplementary</h4><a class="cta__button" href="{address}">April 2019 extra</a></div>'
    )


def make_card(card: Card) -> str:
    uipath = "ps.publication.resources-link" if card.is_link else "ps.publication.resources-attachment"
    return f'<div data-uipath="{uipath}">{_make_download_card(card, "nhsd-t-heading-xs")}</div>'


def _make_download_card(card: Card, title_class: str) -> str:
    kind = "ARTICLE" if card.is_link else card.type
    return f"""<div class="nhsd-m-download-card"><a class="nhsd-a-box-link" href="{escape(card.address)}">
<div class="nhsd-a-box"><p class="{title_class}">{card.name}</p><span class="nhsd-a-tag nhsd-a-tag--meta">{kind}</span>
<span class="nhsd-a-tag nhsd-a-tag--meta-light">{card.size}</span></div></a></div>"""


def make_publication_page(
    title: str,
    cards: Sequence[Card],
    *,
    published: str = "16 Jan 2026",
    date_range: str = "01 Apr 2025 to 30 Apr 2025",
    chapters: Sequence[tuple[str, str]] = (),
    data_sets: Sequence[tuple[str, str]] = (),
    notices: Sequence[ChangeNotice] = (),
    last_edited: str = "16 January 2026 9:30 am",
) -> str:
    """Return a publication page in today's form. Its coverage is not the period of its figures."""
    return make_page(
        title,
        _make_header(published, date_range)
        + _make_notices(notices)
        + _make_chapters(chapters)
        + '<div id="resources"><h2>Resources</h2>'
        + "".join(make_card(card) for card in cards)
        + "</div>"
        + _make_data_sets(data_sets)
        + f'<p id="last-edited">Last edited: {last_edited}</p>',
        article='itemscope itemtype="http://schema.org/Dataset"',
    )


def _make_header(published: str, date_range: str) -> str:
    return f"""<meta itemprop="temporalCoverage" content="2025-04-01/2025-04-30"><dl>
<dt>Publication date</dt><dd data-uipath="ps.publication.publication-date">{published}</dd>
<dt>Geographic coverage</dt><dd data-uipath="ps.publication.geographic-coverage">England</dd>
<dt>Geographical granularity</dt><dd data-uipath="ps.publication.geographical-granularity">Country</dd>
<dt>Date range</dt><dd data-uipath="ps.publication.date-range">{date_range}</dd></dl>"""


def _make_notices(notices: Sequence[ChangeNotice]) -> str:
    return "".join(
        f'<div class="nhsd-m-emphasis-box"><p class="nhsd-t-heading-s">{notice.title}</p><p>{notice.text}</p>'
        f"<p>{notice.stamp}</p></div>"
        for notice in notices
    )


def _make_chapters(chapters: Sequence[tuple[str, str]]) -> str:
    if not chapters:
        return ""
    items = "".join(f'<li><a href="{escape(address)}">{title}</a></li>' for title, address in chapters)
    return f'<div data-uipath="ps.publication.pages"><ol><li>Overview</li>{items}</ol></div>'


def _make_data_sets(data_sets: Sequence[tuple[str, str]]) -> str:
    if not data_sets:
        return ""
    items = "".join(f'<li><a href="{escape(address)}">{title}</a></li>' for title, address in data_sets)
    return f'<ul data-uipath="ps.publication.datasets">{items}</ul>'


def make_chapter_page(title: str, cards: Sequence[Card], chapters: Sequence[tuple[str, str]] = ()) -> str:
    """Return a chapter: the header of its publication again, no list of resources, cards within its text."""
    body = "".join(f"<section>{_make_download_card(card, 'nhsd-t-heading-s')}</section>" for card in cards)
    return make_page(title, _make_header("16 Jan 2026", "(Not specified)") + _make_chapters(chapters) + body)


def make_legacy_publication_page(title: str, cards: Sequence[Card]) -> str:
    """Return a publication page in the form before May 2021."""
    items = "".join(
        '<li itemprop="distribution" itemscope>'
        f'<a class="block-link" itemprop="contentUrl" href="{escape(card.address)}" '
        f'title="{card.name}"><span>{card.name}</span></a><meta itemprop="encodingFormat" content="{card.type}">'
        f'<meta itemprop="contentSize" content="{card.size}"></li>'
        for card in cards
    )
    return make_page(title, f'<div class="section" id="resources"><ul>{items}</ul></div>')


def make_data_set_page(title: str, cards: Sequence[Card]) -> str:
    """Return the page of a data set that belongs to a publication."""
    items = "".join(
        f'<li itemprop="distribution"><a itemprop="contentUrl" href="{escape(card.address)}">{card.name}</a>'
        f'<meta itemprop="encodingFormat" content="{card.type}"><meta itemprop="contentSize" content="7.2 kB"></li>'
        for card in cards
    )
    return make_page(title, f"<ul>{items}</ul>")


def make_upcoming_page(title: str, date: str = "13 Aug 2026") -> str:
    """Return the placeholder of a publication that is not out: title, series, date and a mark, with status 200."""
    return make_page(
        title,
        f'<p>Part of <a href="{MONTHLY_SERIES}">{MONTHLY_TITLE}</a></p><dl><dt>Publication date</dt>'
        f'<dd data-uipath="ps.publication.publication-date">{date}</dd></dl><p>(Upcoming, not yet published)</p>',
    )


def make_not_found_page() -> str:
    """Return what the site shows for an address that it does not know, with status 404."""
    return make_page(
        "Page not found", "<p>It may have moved.</p>", heading="We can’t seem to find the page you’re looking for"
    )


def make_false_not_found_page() -> str:
    """Return what a folder without an index shows, with status 200: no page, and links to what is below it."""
    links = "".join(
        f'<li><a href="/data-and-information/publications/statistical/other/performance-may-{year}">May {year}</a></li>'
        for year in range(2007, 2027)
    )
    return make_page("Page not found", f"<ul>{links}</ul>", heading="Page not found")


def make_login_page() -> str:
    return make_page(
        "Sign in",
        '<form><input name="user"><input type="PASSWORD" name="password"></form>',
        heading="Sign in to continue",
    )


def make_maintenance_page() -> str:
    return make_page("NHS England Digital", "<p>Back soon.</p>", heading="This website is down for planned maintenance")


def make_challenge_page() -> str:
    return (
        "<!doctype html><html><head><title>Just a moment...</title></head><body><h1>digital.nhs.uk</h1>"
        '<form id="challenge-form"></form><p>Verify you are human</p></body></html>'
    )


@dataclass
class PublisherPages:
    """The pages of a site by address, read as the real ones are: every request is noted, and what is missing raises.

    `moved` says where an address leads.
    """

    pages: dict[str, str] = field(default_factory=dict, repr=False)
    requests: list[str] = field(default_factory=list)
    failing: Mapping[str, Callable[[], Exception]] = field(default_factory=dict)
    moved: Mapping[str, str] = field(default_factory=dict)

    def read_page(self, address: str) -> SavedPage:
        self.requests.append(address)
        if address in self.failing:
            raise self.failing[address]()
        address = self.moved.get(address, address)
        if address not in self.pages:
            raise NotThereError(address, "a page", "HTTP 404", "Look at the series page.")
        return SavedPage(address, self.pages[address])
