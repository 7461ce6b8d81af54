"""Discovery: reads the publisher's pages one after another and proposes the rows that the catalogue lacks."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from selectolax.lexbor import LexborHTMLParser

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.publications import Publications
from iapt.discovery import RECHECKED
from iapt.discovery.file_selection import KnownFile, describe_files, select_main_file
from iapt.discovery.named_publications import (
    Identification,
    NamedPublication,
    identify_publications,
    list_exact_periods,
)
from iapt.discovery.page_kinds import PageKind, classify_page
from iapt.discovery.page_text import Link, Page, PageTooLargeError, parse_page
from iapt.discovery.proposals import Origin, ProposalList
from iapt.discovery.publication_pages import PublicationPageContents, PublishedFile, parse_publication_page
from iapt.discovery.results import (
    DiscoveryResult,
    PageRead,
    Question,
    UpcomingPublication,
)
from iapt.discovery.saved_pages import PageNotSavedError
from iapt.discovery.series_pages import ListedPublication, SeriesPageContents, has_lists, parse_series_page
from iapt.periods import Period
from iapt.sources.remote_files import NotThereError, RefusedError, SourceError, UnavailableError

#: Of one run: all publications of four series have some 200. A page that lists more is none of the publisher's.
MAX_PAGES = 400
#: Of one publication: its chapters and data sets.
MAX_FURTHER_PAGES = 12
#: How many series pages that nobody listed are followed: one that replaced another, and one more.
MAX_FOLLOWED_SERIES = 2
_EARLIER_VERSION = re.compile(r"previous[- ]version|superseded", re.IGNORECASE)

_BY_HAND = (
    "Nothing further was asked. By hand: open the series pages in a browser, save them into a folder, and give it: "
    "iapt discover --from FOLDER. It names the pages it reads next."
)

ReadPage = Callable[[str], Page]


class PublisherUnreadError(Exception):
    """Raised within a discovery where going on would only ask a publisher again that does not answer."""


@dataclass(frozen=True)
class _SeriesPage:
    """A series page that is looked at; `awaits` is what has to be decided before its publications can be listed."""

    key: str
    address: str
    lists: tuple[str, ...]
    awaits: str = ""


def discover(
    catalogue: Catalogue,
    read_page: ReadPage,
    *,
    publications: Publications | None = None,
    since: Period | None = None,
    rechecked: int = RECHECKED,
    ended_too: bool = False,
) -> DiscoveryResult:
    """Read the series pages, and the pages of publications that are not listed yet, and return what is to be listed.

    `read_page` returns the page of an address or raises SourceError; it is called for one page at a time.
    `publications` are those known already, else those of the catalogue. The newest `rechecked` publications of each
    series page are looked at again. Series pages that another took the place of are read only with `ended_too`,
    and with `since` no page of a publication whose periods all end before it.
    """
    discovery = _Discovery(catalogue, read_page, publications or catalogue.publications, since, rechecked)
    try:
        for key, page in catalogue.publisher.series_pages.items():
            if page.address.startswith(catalogue.publisher.statistical) and (ended_too or page.ended is None):
                discovery.look_at_series(_SeriesPage(key, page.address, tuple(page.lists)))
    except PublisherUnreadError as error:
        discovery.result.failures.append(str(error))
    return discovery.result


class _Discovery:
    """One run: what is known, what was read, and what came of it."""

    def __init__(
        self,
        catalogue: Catalogue,
        read_page: ReadPage,
        publications: Publications,
        since: Period | None,
        rechecked: int,
    ) -> None:
        self.catalogue = catalogue
        self.publisher = catalogue.publisher
        self.rules = catalogue.discovery_rules
        self.publications = publications
        self.read_page = read_page
        self.since = since
        self.rechecked = rechecked
        self.result = DiscoveryResult()
        self.series_seen: set[str] = set()
        self.followed = 0
        self.pages_seen: set[str] = set()
        self.proposals = ProposalList(publications, catalogue.precedence, self.result)
        self.pages_by_address = {_strip_address(page.address): key for key, page in self.publisher.series_pages.items()}

    # Pages

    def _ask(self, address: str, found: str, remedy: str, candidates: Sequence[object] = ()) -> None:
        self.result.ask(Question(address, found, remedy, tuple(str(candidate) for candidate in candidates)))

    def _read(self, address: str, expected: str) -> tuple[Page, LexborHTMLParser, PageKind] | None:
        """Return a page with its tree and kind; None where there is none, which is asked about."""
        if len(self.result.pages_read) >= MAX_PAGES:
            raise PublisherUnreadError(
                f"{address}: expected at most {MAX_PAGES} pages to read; found more. Look at the series pages; where "
                "all are publications, read them in parts: iapt discover --since PERIOD --write."
            )
        try:
            page = self.read_page(address)
            tree = parse_page(page)
        except NotThereError:
            self.result.pages_read.append(PageRead(address, PageKind.NOT_FOUND))
            self._ask_where_it_is(address, expected, "nothing")
            return None
        except PageNotSavedError as error:
            self._ask(address, f"expected {error.expected}; found {error.found}", error.remedy)
            return None
        except (RefusedError, UnavailableError) as error:
            self.result.pages_read.append(PageRead(address, None, str(error)))
            later = "Try again later. " if isinstance(error, UnavailableError) else ""
            raise PublisherUnreadError(
                f"{address}: expected {expected}; found {error.found}. {later}{_BY_HAND}"
            ) from error
        except (SourceError, PageTooLargeError) as error:
            self.result.pages_read.append(PageRead(address, None, str(error)))
            self.result.failures.append(str(error))
            return None
        kind = classify_page(tree)
        self.result.pages_read.append(PageRead(address, kind, "" if page.address == address else f"at {page.address}"))
        if kind.is_no_answer:
            raise PublisherUnreadError(f"{address}: expected {expected}; found {kind.value}. {_BY_HAND}")
        return page, tree, kind

    # Series pages

    def look_at_series(self, series: _SeriesPage) -> None:
        """Read one series page and look at what it lists."""
        if _strip_address(series.address) in self.series_seen:
            return
        self.series_seen.add(_strip_address(series.address))
        read = self._read(series.address, "a series page")
        if read is None:
            return
        if read[2] is not PageKind.SERIES or not has_lists(read[1]):
            found = read[2].value + (" without a list of publications" if read[2] is PageKind.SERIES else "")
            self._ask(
                series.address,
                f"expected a series page; found {found}",
                "Look at it in a browser: where the series has moved, correct its address in catalogue/publisher.yml.",
            )
            return
        moved = self._follow_moved_series(series, read[0].address)
        if moved is None:
            return
        series = moved
        contents = parse_series_page(read[0], read[1], self.publisher.hosts.pages)
        for text in contents.unread:
            self._ask(
                series.address,
                f"an entry of its list has no link to a publication where one is expected: {text!r}",
                "Look at the page: where its form has changed, iapt/discovery/series_pages.py has to learn it.",
            )
        self._note_upcoming(series, contents)
        self.result.listed += len(contents.published)
        for place, entry in enumerate(contents.published):
            self._look_at_entry(series, entry, is_newest=place < self.rechecked)
        for link in contents.other_series:
            self._look_at_other_series(series, link)

    def _follow_moved_series(self, series: _SeriesPage, address: str) -> _SeriesPage | None:
        """Return the series page by the address that it was found at; None where it is one that is read by itself."""
        if _strip_address(address) == _strip_address(series.address):
            return series
        is_series = address.startswith(self.publisher.statistical)
        is_known = _strip_address(address) in self.series_seen | set(self.pages_by_address)
        awaits = f"correct the address of {series.key} in catalogue/publisher.yml: {address}"
        self._ask(
            series.address,
            f"the series page has moved to {address}" + (", which is listed too" if is_known else ""),
            f"Look at it; where these statistics go on there, {awaits}."
            if is_series and not is_known
            else f"Look at it, and correct {series.key} in catalogue/publisher.yml.",
        )
        if not is_series or is_known:
            return None
        self.series_seen.add(_strip_address(address))
        return replace(series, address=address, awaits=awaits)

    def _note_upcoming(self, series: _SeriesPage, contents: SeriesPageContents) -> None:
        for entry in contents.upcoming:
            self._add_upcoming(series, entry, self._identify(series, entry.link, {"title": entry.title}))

    def _add_upcoming(self, series: _SeriesPage, entry: ListedPublication, named: Identification) -> None:
        self.result.not_yet_published.append(
            UpcomingPublication(
                title=entry.title,
                address=entry.link.address,
                series=tuple(publication.series for publication in named.publications) or series.lists[:1],
                periods=tuple(publication.period.label for publication in named.publications),
                expected=entry.date,
            )
        )

    def _look_at_other_series(self, series: _SeriesPage, link: Link) -> None:
        """Follow the link to a series that replaced this one, or that this one replaced, where nobody has listed it."""
        if _strip_address(link.address) in self.pages_by_address or _strip_address(link.address) in self.series_seen:
            return
        is_series = link.parent == self.publisher.statistical.rstrip("/")
        if link.refusal or not is_series:
            self._ask(
                series.address,
                f"it links to another series, {link.text!r}, at {link.address or 'no address'}: "
                + (link.refusal or "that is not where the publisher's series are"),
                "Look at the page: where the series goes on there, add it to series_pages in catalogue/publisher.yml.",
            )
            return
        key = re.sub(r"[^a-z]+", "_", link.slug.lower()).strip("_")
        awaits = (
            f"add to series_pages in catalogue/publisher.yml: {key}: {{address: {link.address}, "
            f"lists: [{', '.join(series.lists)}]}}"
        )
        self._ask(
            series.address,
            f"it links to a series that is not listed: {link.text!r}, at {link.address}",
            f"Look at it; where it publishes these statistics, {awaits}. Where it took the place of {series.key}, "
            "say under `ended` of that which period was its last.",
        )
        if self.followed < MAX_FOLLOWED_SERIES:
            self.followed += 1
            self.look_at_series(_SeriesPage(key, link.address, series.lists, awaits))

    # Publication pages

    def _identify(self, series: _SeriesPage, link: Link, names: dict[str, str]) -> Identification:
        return identify_publications(
            {**names, "slug": link.slug}, series.lists, self.publisher, self.catalogue.precedence
        )

    def _look_at_entry(self, series: _SeriesPage, entry: ListedPublication, *, is_newest: bool) -> None:
        link = entry.link
        if _strip_address(link.address) in self.pages_seen and link.address:
            return
        self.pages_seen.add(_strip_address(link.address))
        if any(page.slug == link.slug for page in self.rules.not_publications):
            return
        series_key = self._find_series_of(series, link)
        if link.refusal or series_key is None or not re.fullmatch(r"[a-z0-9-]+", link.slug):
            self._ask(
                series.address,
                f"it lists {entry.title!r} at {link.address or 'no address'}: "
                + (link.refusal or "that is not below a series page of catalogue/publisher.yml"),
                "Look at the page: where it is a publication of these statistics, add its row by hand.",
            )
            return
        named = self._identify(series, link, {"title": entry.title})
        if named.problem:
            self._ask_what_it_publishes(link.address, named.problem)
            return
        if not is_newest and all(self._is_listed(publication) for publication in named.publications):
            return
        if self.since and all(publication.period.end < self.since.start for publication in named.publications):
            self.result.not_looked_at += 1
            return
        self._look_at_publication(replace(series, key=series_key), entry)

    def _find_series_of(self, series: _SeriesPage, link: Link) -> str | None:
        """Return the key of the series page below which a publication's page is: its own, or another that is listed."""
        if link.parent == _strip_address(series.address):
            return series.key
        return self.pages_by_address.get(link.parent)

    def _is_listed(self, named: NamedPublication) -> bool:
        """Whether a publication is listed with its file; where only a provisional one is, the definitive is not."""
        issues = self.publications.list_issues(named.series, named.period.label)
        return any(issue.file and named.status in (issue.status, "provisional") for issue in issues)

    def _ask_what_it_publishes(self, address: str, problem: str) -> None:
        self._ask(
            address,
            problem,
            "Look at the page, and add its row to catalogue/publications.yml by hand; where it publishes no figures of "
            "a period, list it under not_publications in catalogue/discovery.yml.",
        )

    def _look_at_publication(self, series: _SeriesPage, entry: ListedPublication) -> None:
        address = entry.link.address
        expected = f"the publication {entry.title!r}"
        read = self._read(address, expected)
        if read is None:
            return
        page, tree, kind = read
        if kind is PageKind.UPCOMING:
            self._add_upcoming(series, entry, self._identify(series, entry.link, {"title": entry.title}))
            return
        if kind is not PageKind.PUBLICATION:
            self._ask_where_it_is(address, expected, kind.value)
            return
        contents = self._parse(page, tree)
        named = self._identify(series, entry.link, {"title": entry.title, "heading": contents.title})
        if named.problem:
            self._ask_what_it_publishes(address, named.problem)
            return
        self._propose(series, entry, contents, named.publications)

    def _ask_where_it_is(self, address: str, expected: str, found: str) -> None:
        self._ask(
            address,
            f"expected {expected}; found {found}",
            "Look at it in a browser, and again with iapt discover when it is there.",
        )

    def _parse(self, page: Page, tree: LexborHTMLParser) -> PublicationPageContents:
        hosts = self.publisher.hosts
        return parse_publication_page(page, tree, hosts.pages, hosts.files)

    # Files

    def _propose(
        self,
        series: _SeriesPage,
        entry: ListedPublication,
        contents: PublicationPageContents,
        named: Sequence[NamedPublication],
    ) -> None:
        files = list(contents.files)
        known = describe_files(files, series.lists, self.rules)
        wanted = [publication for publication in named if not self._is_superseded(publication)]
        is_missing = any(
            select_main_file(known, publication.series, publication.period, self.rules).file is None
            for publication in wanted
        )
        asked: set[str] = set()
        chapters = [link for link in contents.chapters if link.address.startswith(f"{entry.link.address}/")]
        for link in (*chapters, *contents.data_sets):
            if is_missing or self._is_of_other_series(link, series, named):
                self._read_further(link, files, asked)
        if asked:
            known = describe_files(files, series.lists, self.rules)
        origin = Origin(series.key, entry, contents, series.awaits)
        for publication in wanted:
            self._propose_main_file(origin, publication, known)
        for name in series.lists:
            if name not in {publication.series for publication in named}:
                self._propose_further_file(origin, name, named, known)

    def _is_superseded(self, named: NamedPublication) -> bool:
        """Whether a provisional publication is named of which the definitive one is listed: it is not needed."""
        issues = self.publications.list_issues(named.series, named.period.label)
        return named.status == "provisional" and any(issue.file and issue.status == "definitive" for issue in issues)

    def _is_of_other_series(self, link: Link, series: _SeriesPage, named: Sequence[NamedPublication]) -> bool:
        """Whether a chapter is named for files of a further series, such as outcomes by therapy, not listed yet."""
        kinds = (
            self.rules.find_kind_by_display_name(link.text, series.lists),
            self.rules.find_kind_by_file_name(link.slug, series.lists),
        )
        further = {name for kind in kinds if kind is not None for name in kind.series}
        return bool(further - {publication.series for publication in named})

    def _read_further(self, link: Link, files: list[PublishedFile], asked: set[str]) -> None:
        """Add the files of a chapter or a data set to those of the page."""
        if link.refusal or link.address in asked or len(asked) >= MAX_FURTHER_PAGES:
            return
        if _EARLIER_VERSION.search(link.text) or _EARLIER_VERSION.search(link.slug):
            return
        asked.add(link.address)
        read = self._read(link.address, f"the page {link.text!r} of a publication")
        if read is not None and read[2] in (PageKind.PUBLICATION, PageKind.DATA_SET, PageKind.UNKNOWN):
            known = {file.link.address for file in files}
            files += [file for file in self._parse(read[0], read[1]).files if file.link.address not in known]

    def _propose_main_file(self, origin: Origin, named: NamedPublication, known: Sequence[KnownFile]) -> None:
        selection = select_main_file(known, named.series, named.period, self.rules)
        if selection.file is None:
            self._ask(
                origin.address,
                f"{selection.problem} of {named.series} {named.period.label}",
                "Look at the page, and add the row with the address of the file to catalogue/publications.yml by hand.",
                selection.candidates,
            )
            return
        self.proposals.add(origin, named, selection.file)

    def _propose_further_file(
        self, origin: Origin, series: str, named: Sequence[NamedPublication], known: Sequence[KnownFile]
    ) -> None:
        """Propose a file that the title does not speak of: a quarterly one, a time series, outcomes by therapy."""
        grain = self.publisher.series[series].grain
        candidates = [file for file in known if series in file.series and file.is_certain]
        for file in candidates:
            periods = sorted(
                {period for name in file.periods if name.grain == grain for period in list_exact_periods(name)}
            )
            if not periods:
                periods = sorted({publication.period for publication in named if publication.period.grain == grain})
            is_range = series == _TIME_SERIES
            if len(periods) != (2 if is_range else 1) or not _belong_together(periods[-1], named):
                self._ask(
                    origin.address,
                    f"the period of a file of {series} cannot be told",
                    "Look at the page, and add the row to catalogue/publications.yml by hand.",
                    [file.describe(named[0].period)],
                )
                continue
            publication = NamedPublication(series, periods[-1], named[0].status)
            self.proposals.add(origin, publication, file, first_period=periods[0].label if is_range else None)


#: The series of which one file publishes a range of months.
_TIME_SERIES = "timeseries"


def _belong_together(period: Period, named: Sequence[NamedPublication]) -> bool:
    """Whether a file of a period may stand on a page: one of the page's ends with it, or up to 3 months later."""
    gaps = [
        (publication.period.end.year - period.end.year) * 12 + publication.period.end.month - period.end.month
        for publication in named
    ]
    return any(0 <= gap <= 3 for gap in gaps)


def _strip_address(address: str) -> str:
    return address.partition("#")[0].partition("?")[0].rstrip("/")
