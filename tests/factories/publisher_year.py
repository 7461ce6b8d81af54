"""A year of the publisher's pages: what comes out on each day, what stands in its way, and what discovery finds."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from iapt.catalogue.catalogue import Catalogue
from iapt.discovery.catalogue_edit import write_rows
from iapt.discovery.discovery import discover
from iapt.discovery.results import DiscoveryResult
from iapt.workspace import CATALOGUE
from tests.factories.publisher_pages import (
    ANNUAL_SERIES,
    ANNUAL_TITLE,
    FILES,
    MONTHLY_SERIES,
    MONTHLY_TITLE,
    STATISTICAL,
    Card,
    ChangeNotice,
    Entry,
    PublisherPages,
    make_chapter_page,
    make_false_not_found_page,
    make_inset,
    make_login_page,
    make_maintenance_page,
    make_publication_page,
    make_series_page,
    make_upcoming_page,
)

RENAMED_SERIES = f"{STATISTICAL}/nhs-talking-therapies-performance-statistics"
RENAMED_TITLE = "NHS Talking Therapies Performance Statistics"
#: The list as it stands when the year begins.
LIST = """# What is listed when the year begins.
- series: monthly
  period: "2026-05"
  revision: 1
  status: definitive
  page: {series: talking_therapies_monthly, slug: performance-may-2026}
  file: "https://files.digital.nhs.uk/AA/000001/nhstalkingtherapies_month_may_2026_activity_performance.csv"
  format: csv
- series: annual
  period: "2024-25"
  revision: 1
  status: definitive
  page: {series: talking_therapies_annual, slug: 2024-25}
  file: "https://files.digital.nhs.uk/AA/000002/psych-ther-ann-rep-csv-2024-25.zip"
  format: zip
"""


@dataclass(frozen=True)
class Issue:
    """One file that the publisher issues, as it is in truth. `display` is the name it is shown under."""

    series: str
    period: str
    status: Literal["provisional", "definitive"]
    revision: int
    name: str
    display: str

    @property
    def address(self) -> str:
        digits = f"{random.Random(self.name).randrange(16**8):08X}"
        return f"{FILES}/{digits[:2]}/{digits[2:]}/{self.name.replace(' ', '%20')}"

    @property
    def card(self) -> Card:
        return Card(self.display, self.address, self.name.rsplit(".", 1)[1].lower())

    @property
    def row(self) -> tuple[str, str, str, int, str]:
        return self.series, self.period, self.status, self.revision, self.address


@dataclass(frozen=True)
class PublishedPage:
    """A page of the year: its series, title and slug, and what it offers."""

    title: str
    slug: str
    issues: tuple[Issue, ...]
    series: str = MONTHLY_SERIES
    notices: tuple[ChangeNotice, ...] = ()

    @property
    def address(self) -> str:
        return f"{self.series}/{self.slug}"


@dataclass(frozen=True)
class PublicationDay:
    """A day on which something is published. `replaced` are slugs that the pages take the place of.

    `noise` changes the site as it is at first: what is there is not to be seen, until it is taken away.
    """

    day: str
    pages: tuple[PublishedPage, ...]
    noise: str = ""


def _monthly(period: str, name: str, display: str = "Monthly activity data file", revision: int = 1) -> Issue:
    return Issue("monthly", period, "definitive", revision, name, display)


def _quarterly(period: str, name: str, display: str = "Quarterly activity data files", revision: int = 1) -> Issue:
    return Issue("quarterly", period, "definitive", revision, name, display)


_SEPTEMBER = _monthly("2026-09", "nhstalkingtherapies_month_sep_2026_activity_performance.csv")
_QUARTER_2 = "Performance September 2026 and Quarter 2 2026-27 data"
#: Titles and slugs drift as the publisher's do: words of the quarter in three orders, a whole title, a dash more.
YEAR: tuple[PublicationDay, ...] = (
    PublicationDay("2026-08-13", (
        PublishedPage(
            "Performance June 2026 and Quarter 1 2026-27 data", "performance-june-2026-and-quarter-1-2026-27-data",
            (_monthly("2026-06", "nhstalkingtherapies_month_jun_2026_activity_performance.csv"),
             _quarterly("2026-27 Q1", "nhstalkingtherapies_quarterly_data_q1_26_27.zip")),
        ),
    ), noise="placeholder"),
    PublicationDay("2026-09-10", (
        PublishedPage("Performance, July 2026", "performance-july-2026",
                      (_monthly("2026-07", "nhstalkingtherapies_month_jul_2026_activity_final.csv"),)),
    )),
    PublicationDay("2026-10-08", (
        PublishedPage("Performance August\u00a02026", "performance-august-2026",
                      (_monthly("2026-08", "NHSTalkingTherapies-month-August-2026-final-data.CSV", "Monthly data"),)),
    ), noise="false 404"),
    PublicationDay("2026-11-12", (
        PublishedPage(_QUARTER_2, "performance-september-2026-and-quarter-2-data-2026-27",
                      (_SEPTEMBER, _quarterly("2026-27 Q2", "nhstalkingtherapies_quarterly_data_q2_26_27.zip"))),
    )),
    PublicationDay("2026-12-10", (
        PublishedPage("Performance October 2026", "nhs-talking-therapies-monthly-statistics-performance-october-2026",
                      (_monthly("2026-10", "nhstalkingtherapies_month_oct_26_activity v2.csv", revision=2),)),
        PublishedPage(
            _QUARTER_2, "performance-september-2026-and-quarter-2-data-2026-27",
            (_SEPTEMBER,
             _quarterly("2026-27 Q2", "nhstalkingtherapies_quarterly_data_q2_26_27_updated.zip", revision=2)),
            notices=(ChangeNotice("Change notice", "Nine organisations were left out.", "10 December 2026 09:40 AM"),),
        ),
    ), noise="login"),
    PublicationDay("2027-01-14", (
        PublishedPage(
            "Provisional statistics, November 2026", "provisional-november-2026",
            (Issue("monthly", "2026-11", "provisional", 1,
                   "nhstalkingtherapies_month_nov_2026_activity_provisional.csv",
                   "Monthly activity data file (provisional)"),),
        ),
        PublishedPage("Annual report 2025\u201326", "2025---26", (
            Issue("annual", "2025-26", "definitive", 1, "psych-ther-ann-rep-csvs-2025-26.zip", "CSV data files"),
        ), series=ANNUAL_SERIES),
    )),
    PublicationDay("2027-02-11", (
        PublishedPage(
            "Quarter 3 2026/27 and performance December 2026", "quarter-3-2026-27-and-performance-december-2026",
            (_monthly("2026-12", "nhstalkingtherapies_month_dec_2026_activity.zip"),
             _quarterly("2026-27 Q3", "nhstalkingtherapies_quarterly_data_q3_2627.zip")),
        ),
        PublishedPage(
            "Performance November 2026", "performance-november-2026",
            (_monthly("2026-11", "nhstalkingtherapies_month_nov_2026_activity_performance.csv", revision=2),),
        ),
    ), noise="maintenance"),
    PublicationDay("2027-03-11", (
        PublishedPage("Performance Jan 2027", "performance-january-2027",
                      (_monthly("2027-01", "nhstalkingtherapies_month_Jan_2027_activity_performance.xlsx"),)),
    )),
    PublicationDay("2027-04-08", (
        PublishedPage("Performance February 2027", "performance-february-2027",
                      (_monthly("2027-02", "nhstalkingtherapies_month_feb_27_activity_updated.csv"),)),
    )),
    PublicationDay("2027-05-13", (
        PublishedPage(
            "March 2027 and Quarter 4 2026-27", "march-2027-and-quarter-4-2026-27",
            (_monthly("2027-03", "nhstalkingtherapies_month_mar_2027_activity_performance.csv"),
             _quarterly("2026-27 Q4", "nhstalkingtherapies_quarterly_data_q4_26_27.zip")),
            series=RENAMED_SERIES,
        ),
    )),
    PublicationDay("2027-06-10", (
        PublishedPage("April 2027", "april-2027", (
            _monthly("2027-04", "nhstalkingtherapies_month_apr_2027_activity_performance.csv"),
        ), series=RENAMED_SERIES),
    )),
    PublicationDay("2027-07-08", (
        PublishedPage("May 2027", "may-2027", (
            _monthly("2027-05", "nhstalkingtherapies_month_may_2027_activity_performance.csv"),
        ), series=RENAMED_SERIES),
    ), noise="placeholder"),
)  # fmt: skip


def make_other_cards(issue: Issue) -> list[Card]:
    """Return what stands beside the main files of a page, under names that are nearly theirs."""
    token = issue.period.replace(" ", "_")
    title = f"{MONTHLY_TITLE}: "
    names = (
        ("Employment Advisor monthly activity data file", f"month_{token}_employment_advisors.csv"),
        (f"{title}data quality", f"nhstalkingtherapies_month_{token}_data_quality.csv"),
        ("Long term conditions, monthly activity", f"nhstalkingtherapies_month_{token}_ltc_activity.csv"),
        ("Metadata for the monthly activity data file", "nhstalkingtherapies-monthly-metadata-20260709.xlsx"),
        ("Monthly activity: executive summary", f"month_{token}_activity_exec_sum.pdf"),
    )
    cards = [
        Card(name, f"{FILES}/0F/{index:06X}/{file}", file.rsplit(".", 1)[1]) for index, (name, file) in enumerate(names)
    ]
    return [*cards, Card("Monthly activity dashboard", "https://app.example.org/monthly-activity", is_link=True)]


@dataclass
class PublisherYear:
    """The site as it stands on a day, and the catalogue beside it that a person reviews."""

    folder: Path
    seed: int = 1
    site: PublisherPages = field(default_factory=PublisherPages)
    pages: dict[str, PublishedPage] = field(default_factory=dict)
    order: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def begin(cls, folder: Path, seed: int = 1) -> PublisherYear:
        """Return the site on the day before the first publication, with a catalogue in a folder."""
        shutil.copytree(CATALOGUE, folder)
        (folder / "publications.yml").write_text(LIST, encoding="utf-8")
        year = cls(folder, seed)
        may = _monthly("2026-05", "nhstalkingtherapies_month_may_2026_activity_performance.csv")
        pack = Issue("annual", "2024-25", "definitive", 1, "psych-ther-ann-rep-csv-2024-25.zip", "CSV data files")
        year._publish("2026-07-09", PublishedPage("Performance May 2026", "performance-may-2026", (may,)))
        year._publish("2026-01-15", PublishedPage("Annual report 2024-25", "2024-25", (pack,), ANNUAL_SERIES))
        # The addresses of these two are those of the list.
        for address, known in ((may.address, "AA/000001"), (pack.address, "AA/000002")):
            for page, html in year.site.pages.items():
                year.site.pages[page] = html.replace(address, f"{FILES}/{known}/{address.rsplit('/', 1)[1]}")
        return year

    def _publish(self, day: str, page: PublishedPage) -> None:
        if page.address not in self.pages:
            self.order.insert(0, (day, page.address))
        self.pages[page.address] = page
        cards = [issue.card for issue in page.issues] + make_other_cards(page.issues[0])
        random.Random(f"{self.seed} {page.address}").shuffle(cards)
        chapter = f"{page.address}/introduction"
        self.site.pages[page.address] = make_publication_page(
            page.title, cards, published=day, chapters=[("Introduction", chapter)], notices=page.notices
        )
        self.site.pages[chapter] = make_chapter_page(page.title, [])

    def publish(self, day: PublicationDay, upcoming: list[PublicationDay]) -> None:
        """Put what is published on a day on the site, with the series pages as they are then."""
        for page in day.pages:
            self._publish(day.day, page)
        announced = [page for later in upcoming[:4] for page in later.pages if page.address not in self.pages]
        for page in announced:
            self.site.pages[page.address] = make_upcoming_page(page.title)
        for series, title in (
            (MONTHLY_SERIES, MONTHLY_TITLE),
            (ANNUAL_SERIES, ANNUAL_TITLE),
            (RENAMED_SERIES, RENAMED_TITLE),
        ):
            self.site.pages[series] = self._make_series(series, title, announced)

    def _make_series(self, series: str, title: str, announced: list[PublishedPage]) -> str:
        entries = [
            Entry(self.pages[address].title, address.removeprefix("https://digital.nhs.uk"), day, inset=make_inset())
            for day, address in self.order
            if self.pages[address].series == series
        ]
        is_renamed = any(page.series == RENAMED_SERIES for page in self.pages.values())
        other = None
        if series == MONTHLY_SERIES and is_renamed:
            other = Entry(RENAMED_TITLE, RENAMED_SERIES, "")
        elif series == RENAMED_SERIES:
            other = Entry(MONTHLY_TITLE, MONTHLY_SERIES, "")
        return make_series_page(
            title,
            latest=entries[0] if entries else None,
            previous=entries[1:],
            upcoming=[Entry(page.title, page.address, "Oct 2027") for page in announced if page.series == series],
            other_series=other,
            other_series_after=len(entries),
        )

    def disturb(self, day: PublicationDay) -> Callable[[], None]:
        """Let something else stand where a page should be; return what takes it away again."""
        replaced = {
            "placeholder": {day.pages[0].address: make_upcoming_page(day.pages[0].title)},
            "false 404": {day.pages[0].address: make_false_not_found_page()},
            "login": {day.pages[0].address: make_login_page()},
            "maintenance": {MONTHLY_SERIES: make_maintenance_page()},
        }.get(day.noise, {})
        before = {address: self.site.pages[address] for address in replaced}
        self.site.pages |= replaced
        return lambda: self.site.pages.update(before)

    def discover(self) -> DiscoveryResult:
        """Read the site as it is, with the catalogue as it is reviewed by now."""
        return discover(Catalogue(self.folder), self.site.read_page)

    def accept(self, result: DiscoveryResult) -> None:
        """Do as a person would: write the rows that nothing stands against."""
        if result.writable:
            write_rows(self.folder / "publications.yml", result.writable, Catalogue(self.folder).publisher)

    def list_renamed_series(self) -> None:
        """Do as the question about the renamed series asks."""
        path = self.folder / "publisher.yml"
        line = (
            f"  nhs_talking_therapies_performance_statistics:\n    address: {RENAMED_SERIES}\n"
            "    lists: [monthly, quarterly, timeseries]\n"
        )
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("series_pages:\n", "series_pages:\n" + line, 1), encoding="utf-8")


@dataclass(frozen=True)
class YearRun:
    """One discovery in the year: the day, what stood in its way, and what came of it."""

    day: str
    noise: str
    published: tuple[Issue, ...]
    result: DiscoveryResult
    requests: int


def run_year(folder: Path, seed: int = 1) -> list[YearRun]:
    """Run a year day by day: a discovery with what stands in its way, one without, rows accepted, and one more.

    The question about the renamed series is answered on the day it is asked.
    """
    year = PublisherYear.begin(folder, seed)
    runs: list[YearRun] = []

    def run(day: PublicationDay, noise: str) -> DiscoveryResult:
        before = len(year.site.requests)
        result = year.discover()
        issues = tuple(issue for page in day.pages for issue in page.issues)
        runs.append(YearRun(day.day, noise, issues, result, len(year.site.requests) - before))
        year.accept(result)
        return result

    for number, day in enumerate(YEAR):
        year.publish(day, list(YEAR[number + 1 :]))
        if day.noise:
            restore = year.disturb(day)
            run(day, day.noise)
            restore()
        if any(proposal.awaits for proposal in run(day, "").proposals):
            year.list_renamed_series()
            run(day, "renamed series listed")
        run(day, "again")
    return runs


def list_issues() -> list[Issue]:
    """Return every issue of the year once, in the order in which they come out."""
    issues = {issue: None for day in YEAR for page in day.pages for issue in page.issues}
    return list(issues)
