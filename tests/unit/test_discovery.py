"""What discovery proposes and asks, page by page: never a guess, never a page that is no publication."""

from __future__ import annotations

from pathlib import Path

import pytest

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.publications import Publication, PublicationPage, Publications
from iapt.discovery import discovery
from iapt.discovery.discovery import discover
from iapt.discovery.page_kinds import PageKind
from iapt.discovery.results import DiscoveryResult
from iapt.periods import parse_period_label
from iapt.sources.remote_files import RefusedError, TooLargeError, UnavailableError
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
    make_challenge_page,
    make_chapter_page,
    make_data_set_page,
    make_false_not_found_page,
    make_login_page,
    make_maintenance_page,
    make_publication_page,
    make_series_page,
    make_upcoming_page,
)

CATALOGUE = Catalogue(Path(__file__).parents[2] / "catalogue")
PUBLISHER = CATALOGUE.publisher
MONTHS = {"may": "05", "june": "06", "july": "07", "august": "08", "april": "04", "march": "03"}


def make_row(month: str = "05", name: str = "", **more: object) -> Publication:
    values: dict[str, object] = {
        "series": "monthly",
        "period": f"2026-{month}",
        "revision": 1,
        "status": "definitive",
        "page": PublicationPage(series="talking_therapies_monthly"),
        "file": make_card(month).address if not name else f"{FILES}/AA/000000/{name}",
        "format": "csv",
    }
    return Publication.model_validate(values | more)


def make_card(month: str = "05", suffix: str = "performance", hexes: str = "AA/BBCC00") -> Card:
    name = f"nhstalkingtherapies_month_2026_{month}_activity_{suffix}.csv"
    return Card("Monthly activity data file", f"{FILES}/{hexes}/{name}")


def make_entry(month: str = "may", slug: str = "", title: str = "", **more: str) -> Entry:
    slug = slug or f"performance-{month}-2026"
    return Entry(
        title or f"{MONTHLY_TITLE}, Performance {month.title()} 2026", f"{MONTHLY_SERIES}/{slug}", "9 July 2026", **more
    )


def make_site(*entries: Entry, pages: dict[str, str] | None = None, **more: object) -> PublisherPages:
    """Return a site with one monthly series, an empty annual one, and the pages given by slug."""
    site = PublisherPages(
        {
            MONTHLY_SERIES: make_series_page(MONTHLY_TITLE, previous=entries, **more),  # type: ignore[arg-type]
            ANNUAL_SERIES: make_series_page(ANNUAL_TITLE, previous=[]),
        }
    )
    site.pages |= {f"{MONTHLY_SERIES}/{slug}": html for slug, html in (pages or {}).items()}
    return site


def make_monthly_page(month: str = "may", *cards: Card, **more: object) -> str:
    title = f"{MONTHLY_TITLE}, Performance {month.title()} 2026"
    return make_publication_page(title, cards or [make_card(MONTHS[month])], **more)  # type: ignore[arg-type]


def run(site: PublisherPages, *rows: Publication, **options: object) -> DiscoveryResult:
    return discover(CATALOGUE, site.read_page, publications=Publications(rows, PUBLISHER), **options)  # type: ignore[arg-type]


def test_a_publication_that_is_not_listed_is_proposed_with_its_page_and_file() -> None:
    site = make_site(make_entry(), pages={"performance-may-2026": make_monthly_page()})
    (proposal,) = run(site).proposals
    assert proposal.publication == Publication(
        series="monthly",
        period="2026-05",
        revision=1,
        status="definitive",
        page=PublicationPage(
            series="talking_therapies_monthly",
            slug="performance-may-2026",
            title=f"{MONTHLY_TITLE}, Performance May 2026",
        ),
        file=make_card().address,
        format="csv",
    )
    assert (proposal.kind, proposal.awaits) == ("new", "")


def test_only_the_newest_pages_and_those_not_listed_are_read_one_after_another() -> None:
    months = ["july", "june", "may", "april"]
    site = make_site(
        *(make_entry(month) for month in months),
        pages={f"performance-{month}-2026": make_monthly_page(month) for month in months},
    )
    result = run(site, *(make_row(MONTHS[month]) for month in ("july", "june", "may")), rechecked=1)
    assert site.requests == [
        MONTHLY_SERIES,
        f"{MONTHLY_SERIES}/performance-july-2026",
        f"{MONTHLY_SERIES}/performance-april-2026",
        ANNUAL_SERIES,
    ]
    assert [page.address for page in result.pages_read] == site.requests
    assert [proposal.publication.period for proposal in result.proposals] == ["2026-04"]
    assert result.exit_status == 0


def test_pages_before_a_period_are_not_read() -> None:
    site = make_site(make_entry("june"), make_entry("may"), pages={"performance-june-2026": make_monthly_page("june")})
    result = run(site, since=parse_period_label("2026-06"), rechecked=0)
    assert len(result.proposals) == 1
    assert result.not_looked_at == 1
    assert not result.questions


def test_series_pages_that_ended_are_read_only_when_asked_for() -> None:
    site = make_site()
    run(site)
    assert site.requests == [MONTHLY_SERIES, ANNUAL_SERIES]
    for page in PUBLISHER.series_pages.values():
        site.pages.setdefault(page.address, make_series_page("Older", previous=[]))
    site.requests.clear()
    run(site, ended_too=True)
    assert len(site.requests) == 4


def test_a_page_that_names_a_month_and_a_quarter_gives_both_files() -> None:
    quarterly = Card(
        "Quarterly activity data", f"{FILES}/AA/BBCC01/nhstalkingtherapies_quarterly_data_q1_26_27.zip", "zip"
    )
    title = "Performance June 2026 and Quarter 1 2026-27"
    slug = "performance-june-2026-and-quarter-1-2026-27-data"
    site = make_site(
        make_entry(slug=slug, title=title), pages={slug: make_publication_page(title, [quarterly, make_card("06")])}
    )
    result = run(site)
    assert [(p.publication.id, p.publication.format) for p in result.proposals] == [
        ("monthly/2026-06/1", "csv"),
        ("quarterly/2026-27 Q1/1", "zip"),
    ]


def test_a_quarterly_file_and_a_time_series_are_proposed_though_the_title_does_not_name_them() -> None:
    quarterly = Card(
        "Quarterly activity data", f"{FILES}/AA/BBCC01/nhstalkingtherapies_quarterly_data_q1_26_27.zip", "zip"
    )
    series = Card(
        "Key measures", f"{FILES}/AA/BBCC02/nhstalkingtherapies_time_series_jun_2025_jun_2026_key_measures.csv"
    )
    site = make_site(
        make_entry("june"),
        pages={"performance-june-2026": make_monthly_page("june", make_card("06"), quarterly, series)},
    )
    result = run(site)
    assert {(p.publication.id, p.publication.first_period) for p in result.proposals} == {
        ("monthly/2026-06/1", None),
        ("quarterly/2026-27 Q1/1", None),
        ("timeseries/2026-06/1", "2025-06"),
    }
    assert not result.questions


def test_a_further_file_whose_period_does_not_go_with_the_page_is_a_question() -> None:
    series = Card("Key measures", f"{FILES}/AA/BBCC02/time_series_jun_2025_key_measures.csv")
    quarterly = Card(
        "Quarterly activity data", f"{FILES}/AA/BBCC01/nhstalkingtherapies_quarterly_data_q3_26_27.zip", "zip"
    )
    site = make_site(
        make_entry("june"),
        pages={"performance-june-2026": make_monthly_page("june", make_card("06"), quarterly, series)},
    )
    result = run(site)
    assert [p.publication.id for p in result.proposals] == ["monthly/2026-06/1"]
    assert [question.found for question in result.questions] == [
        "the period of a file of quarterly cannot be told",
        "the period of a file of timeseries cannot be told",
    ]


def test_another_file_on_a_listed_page_is_a_re_issue_with_the_notice_as_its_reason() -> None:
    notice = ChangeNotice("Correction", "Providers submitted again.", "24 June 2026 16:23 PM")
    page = make_monthly_page("may", make_card("05", "updated", "BB/000001"), notices=[notice])
    site = make_site(make_entry(), pages={"performance-may-2026": page})
    (proposal,) = run(site, make_row()).proposals
    assert (proposal.kind, proposal.publication.revision, proposal.publication.supersedes) == (
        "re-issued",
        2,
        make_card().address,
    )
    assert "Correction Providers submitted again. (24 June 2026 16:23 PM)" in proposal.reason


def test_the_revision_that_a_file_name_says_is_kept() -> None:
    page = make_monthly_page("may", make_card("05", "performance_v3", "BB/000001"))
    (proposal,) = run(make_site(make_entry(), pages={"performance-may-2026": page}), make_row()).proposals
    assert proposal.publication.revision == 3


@pytest.mark.parametrize("encoded", ["activity%20v2.csv", "activity%20%76%32.csv"])
def test_the_same_address_in_another_encoding_is_no_re_issue(encoded: str) -> None:
    row = make_row(name="iapt_month_may_2026_activity%20v2.csv")
    card = Card("Monthly activity data file", f"{FILES}/AA/000000/iapt_month_may_2026_{encoded}")
    result = run(make_site(make_entry(), pages={"performance-may-2026": make_monthly_page("may", card)}), row)
    assert not result.proposals
    assert not result.questions


def test_a_row_without_a_file_is_completed() -> None:
    row = make_row(file=None, format=None)
    (proposal,) = run(make_site(make_entry(), pages={"performance-may-2026": make_monthly_page()}), row).proposals
    assert (proposal.kind, proposal.publication.id) == ("completed", "monthly/2026-05/1")


def test_a_page_that_went_back_to_a_superseded_file_is_a_question() -> None:
    later = make_row(name="month_may_2026_activity_v2.csv", revision=2, supersedes=make_card().address)
    result = run(make_site(make_entry(), pages={"performance-may-2026": make_monthly_page()}), make_row(), later)
    assert not result.proposals
    (question,) = result.questions
    assert "is listed as that of monthly/2026-05/1, an earlier issue than monthly/2026-05/2" in question.found


def test_a_definitive_file_supersedes_the_provisional_one_and_not_the_other_way() -> None:
    pages = {
        "performance-may-2026": make_monthly_page("may", make_card("05", "performance", "BB/000001")),
        "provisional-may-2026": make_publication_page("Provisional May 2026", [make_card("05", "provisional")]),
    }
    provisional = make_entry(slug="provisional-may-2026", title="Provisional May 2026")
    row = make_row(status="provisional", file=make_card("05", "provisional").address)
    (proposal,) = run(make_site(make_entry(), provisional, pages=pages), row, rechecked=0).proposals
    assert (proposal.publication.id, proposal.publication.status) == ("monthly/2026-05/2", "definitive")
    for entries in ((make_entry(), provisional), (provisional, make_entry())):
        (proposal,) = run(make_site(*entries, pages=pages)).proposals
        assert (proposal.publication.id, proposal.publication.status) == ("monthly/2026-05/1", "definitive")
    listed = make_row(file=make_card("05", "performance", "BB/000001").address)
    assert not run(make_site(make_entry(), provisional, pages=pages), listed).proposals


def test_a_provisional_month_without_a_file_is_a_question_until_the_definitive_one_is_listed() -> None:
    title = "April 2026 final, May 2026 primary"
    slug = "april-2026-final-may-2026-primary"
    site = make_site(
        make_entry(slug=slug, title=title), pages={slug: make_publication_page(title, [make_card("04", "final")])}
    )
    result = run(site)
    assert [p.publication.id for p in result.proposals] == ["monthly/2026-04/1"]
    assert [question.found for question in result.questions] == ["no file may be the main one of monthly 2026-05"]
    assert not run(site, make_row()).questions


def test_one_publication_on_two_pages_with_different_files_is_a_question() -> None:
    other = make_entry(slug="performance-may-2026-again")
    pages = {
        "performance-may-2026": make_monthly_page(),
        "performance-may-2026-again": make_monthly_page("may", make_card("05", "performance", "BB/000001")),
    }
    result = run(make_site(make_entry(), other, pages=pages))
    assert not result.proposals
    assert "cannot both be listed: they are one publication" in result.questions[0].found


def test_one_file_for_two_publications_is_a_question() -> None:
    card = Card("Monthly activity", f"{FILES}/AA/BBCCDD/month_activity.csv")
    title = "May 2026 final, June 2026 final"
    slug = "may-2026-final-june-2026-final"
    result = run(make_site(make_entry(slug=slug, title=title), pages={slug: make_publication_page(title, [card])}))
    assert not result.proposals
    assert "they have one file" in result.questions[0].found


def test_no_main_file_or_several_is_a_question_that_lists_the_candidates() -> None:
    cards = [make_card(), Card("Monthly activity (all)", f"{FILES}/AA/BBCC09/month_may_2026_activity_all.csv")]
    site = make_site(
        make_entry(), make_entry("june"),
        pages={
            "performance-may-2026": make_monthly_page("may", *cards),
            "performance-june-2026": make_monthly_page("june", Card("Data quality", f"{FILES}/AA/BBCC08/dq.csv")),
        },
    )  # fmt: skip
    result = run(site)
    assert not result.proposals
    assert [question.found for question in result.questions] == [
        "2 files may be the main one of monthly 2026-05",
        "no file may be the main one of monthly 2026-06",
    ]
    assert str(result.questions[0]) == (
        f"{MONTHLY_SERIES}/performance-may-2026: 2 files may be the main one of monthly 2026-05.\n"
        "  - 'Monthly activity data file' (nhstalkingtherapies_month_2026_05_activity_performance.csv): monthly\n"
        "  - 'Monthly activity (all)' (month_may_2026_activity_all.csv): monthly\n"
        "  Look at the page, and add the row with the address of the file to catalogue/publications.yml by hand."
    )
    assert result.exit_status == 3


@pytest.mark.parametrize(
    ("html", "kind"),
    [
        (make_false_not_found_page(), PageKind.NOT_FOUND),
        (make_series_page("Another series", previous=[]), PageKind.SERIES),
        (make_data_set_page("Performance May 2026", [make_card()]), PageKind.DATA_SET),
        ("<html><h1>Performance May 2026</h1></html>", PageKind.UNKNOWN),
        ("", PageKind.UNKNOWN),
    ],
)
def test_what_is_no_publication_is_a_question_with_its_name(html: str, kind: PageKind) -> None:
    result = run(make_site(make_entry(), pages={"performance-may-2026": html}))
    assert not result.proposals
    assert result.pages_read[1].kind is kind
    assert f"found {kind.value}" in result.questions[0].found


@pytest.mark.parametrize("html", [make_login_page(), make_maintenance_page(), make_challenge_page()])
def test_nothing_more_is_asked_of_a_site_that_answers_with_something_else(html: str) -> None:
    site = make_site(make_entry(), make_entry("june"), pages={"performance-may-2026": html})
    result = run(site)
    assert result.exit_status == 1
    assert not result.proposals
    assert site.requests == [MONTHLY_SERIES, f"{MONTHLY_SERIES}/performance-may-2026"]
    assert "iapt discover --from FOLDER" in result.failures[0]


def test_a_placeholder_is_noted_as_not_yet_published() -> None:
    upcoming = [Entry("Performance July 2026", f"{MONTHLY_SERIES}/performance-july-2026", "10 Sept 2026")]
    site = make_site(make_entry("june"), pages={"performance-june-2026": make_upcoming_page("June")}, upcoming=upcoming)
    result = run(site)
    assert not result.proposals
    assert not result.questions
    assert [(item.periods, str(item.expected)) for item in result.not_yet_published] == [
        (("2026-07",), "2026-09-10"),
        (("2026-06",), "2026-07-09"),
    ]


def test_a_page_that_is_gone_is_a_question_and_the_others_are_read() -> None:
    site = make_site(make_entry(), make_entry("june"), pages={"performance-june-2026": make_monthly_page("june")})
    result = run(site)
    assert "found nothing" in result.questions[0].found
    assert [proposal.publication.period for proposal in result.proposals] == ["2026-06"]


@pytest.mark.parametrize("error", [RefusedError, UnavailableError])
def test_after_a_refusal_nothing_more_is_asked_and_what_was_found_stands(error: type[RefusedError]) -> None:
    pages = {"performance-june-2026": make_monthly_page("june")}
    site = make_site(make_entry("june"), make_entry(), make_entry("april"), pages=pages)
    address = f"{MONTHLY_SERIES}/performance-may-2026"
    site.failing = {address: lambda: error(address, "a page", "HTTP 403", "Save it by hand.")}
    result = run(site)
    assert site.requests[-1] == address
    assert [proposal.publication.period for proposal in result.proposals] == ["2026-06"]
    assert result.exit_status == 1


def test_one_page_that_is_too_large_does_not_end_the_discovery() -> None:
    address = f"{MONTHLY_SERIES}/performance-may-2026"
    site = make_site(
        make_entry(), make_entry("june"), make_entry("july"),
        pages={"performance-june-2026": make_monthly_page("june"), "performance-july-2026": "<b>" * 30_000},
    )  # fmt: skip
    site.failing = {address: lambda: TooLargeError(address, "a page", "a longer one", "See it in a browser.")}
    result = run(site)
    assert [proposal.publication.period for proposal in result.proposals] == ["2026-06"]
    assert len(result.failures) == 2
    assert result.exit_status == 1


def test_names_that_disagree_are_a_question_and_the_page_is_not_read() -> None:
    site = make_site(make_entry("may", slug="performance-april-2026"))
    result = run(site)
    assert site.requests == [MONTHLY_SERIES, ANNUAL_SERIES]
    assert "disagree on its month" in result.questions[0].found


def test_a_heading_that_disagrees_with_the_list_is_a_question() -> None:
    result = run(make_site(make_entry(), pages={"performance-may-2026": make_monthly_page("june")}))
    assert not result.proposals
    assert "disagree on its month" in result.questions[0].found


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("https://evil.example/performance-may-2026", "not on the list of hosts"),
        ("javascript:alert(1)", "no https address"),
        (f"{STATISTICAL}/other-series/performance-may-2026", "not below a series page"),
        (f"{MONTHLY_SERIES}/chapter/performance-may-2026", "not below a series page"),
        (f"{MONTHLY_SERIES}/Performance%20May%202026", "not below a series page"),
        ("/../performance-may-2026", "not below a series page"),
    ],
)
def test_a_publication_that_lies_elsewhere_is_a_question_and_not_read(address: str, found: str) -> None:
    site = make_site(Entry("Performance May 2026", address, "9 July 2026"))
    result = run(site)
    assert site.requests == [MONTHLY_SERIES, ANNUAL_SERIES]
    assert found in result.questions[0].found


def test_a_publication_below_another_listed_series_is_proposed_as_one_of_that() -> None:
    older = PUBLISHER.series_pages["iapt_reports"].address
    title = "April 2022 final including reports on the IAPT pilots"
    entry = Entry(title, f"{older}/april-2022-final", "9 July 2022")
    site = make_site(entry)
    card = Card("Monthly data", f"{FILES}/AA/BBCCDD/iapt_month_apr_2022_activity_updated.csv")
    site.pages[entry.address] = make_publication_page(title, [card])
    (proposal,) = run(site).proposals
    assert (proposal.publication.page.series, proposal.publication.status) == ("iapt_reports", "definitive")


def test_a_series_that_took_the_place_of_one_is_asked_about_and_followed() -> None:
    address = f"{STATISTICAL}/nhs-talking-therapies-performance"
    site = make_site(
        make_entry(),
        other_series=Entry("Performance", address, ""),
        pages={"performance-may-2026": make_monthly_page()},
    )
    site.pages[address] = make_series_page(
        "Performance", previous=[Entry("June 2026", f"{address}/june-2026", "9 July 2026")]
    )
    site.pages[f"{address}/june-2026"] = make_monthly_page("june")
    result = run(site)
    assert [(p.publication.period, bool(p.awaits)) for p in result.proposals] == [("2026-05", False), ("2026-06", True)]
    assert [row.period for row in result.writable] == ["2026-05"]
    assert len(result.questions) == 1
    assert f"nhs_talking_therapies_performance: {{address: {address}" in result.questions[0].remedy


@pytest.mark.parametrize(
    "address",
    ["https://evil.example/series", "https://digital.nhs.uk/services/series", f"{STATISTICAL}/a/b", "javascript:x()"],
)
def test_a_series_that_lies_elsewhere_is_asked_about_and_not_followed(address: str) -> None:
    site = make_site(other_series=Entry("Elsewhere", address, ""))
    result = run(site)
    assert site.requests == [MONTHLY_SERIES, ANNUAL_SERIES]
    assert "it links to another series, 'Elsewhere'" in result.questions[0].found


def test_the_link_to_a_series_that_is_listed_is_no_question() -> None:
    older = PUBLISHER.series_pages["iapt_reports"].address
    site = make_site(other_series=Entry("Psychological Therapies", older, ""))
    assert not run(site).questions
    assert site.requests == [MONTHLY_SERIES, ANNUAL_SERIES]


def test_series_that_link_to_one_another_without_end_are_not_followed_without_end() -> None:
    site = make_site(other_series=Entry("Series 0", f"{STATISTICAL}/series-0", ""))
    for number in range(9):
        link = Entry(f"Series {number + 1}", f"{STATISTICAL}/series-{number + 1}", "")
        site.pages[f"{STATISTICAL}/series-{number}"] = make_series_page("Series", previous=[], other_series=link)
    run(site)
    assert len(site.requests) == 4


def test_a_series_page_that_has_moved_is_one_question_and_its_publications_wait() -> None:
    address = f"{STATISTICAL}/nhs-talking-therapies-performance"
    site = make_site()
    entries = [Entry(f"{name} 2026", f"{address}/{name.lower()}-2026", "9 July 2026") for name in ("June", "May")]
    site.pages[address] = make_series_page("Performance", previous=entries)
    site.pages |= {entry.address: make_monthly_page(entry.title.split()[0].lower()) for entry in entries}
    site.moved = {MONTHLY_SERIES: address}
    result = run(site)
    assert [(p.publication.period, p.publication.page.series) for p in result.proposals] == [
        ("2026-06", "talking_therapies_monthly"),
        ("2026-05", "talking_therapies_monthly"),
    ]
    assert not result.writable
    (question,) = result.questions
    assert question.found == f"the series page has moved to {address}"
    assert f"correct the address of talking_therapies_monthly in catalogue/publisher.yml: {address}" in question.remedy


@pytest.mark.parametrize("address", [ANNUAL_SERIES, "https://digital.nhs.uk/services/performance"])
def test_a_series_page_that_leads_to_another_or_elsewhere_is_a_question_and_not_read(address: str) -> None:
    site = make_site()
    site.pages.setdefault(address, make_series_page("Elsewhere", previous=[make_entry()]))
    site.moved = {MONTHLY_SERIES: address}
    result = run(site)
    assert site.requests == [MONTHLY_SERIES, ANNUAL_SERIES], "what is listed is read all the same"
    assert f"the series page has moved to {address}" in result.questions[0].found
    assert not result.proposals


@pytest.mark.parametrize(
    "html", [make_false_not_found_page(), make_publication_page("May 2026", []), make_upcoming_page("Soon"), ""]
)
def test_a_series_page_that_is_none_is_a_question(html: str) -> None:
    site = make_site()
    site.pages[MONTHLY_SERIES] = html
    result = run(site)
    assert "expected a series page; found" in result.questions[0].found
    assert site.requests == [MONTHLY_SERIES, ANNUAL_SERIES]


def test_a_series_page_of_a_new_form_is_a_question_and_not_an_empty_series() -> None:
    site = make_site()
    site.pages[MONTHLY_SERIES] = site.pages[MONTHLY_SERIES].replace("publications-list.previous", "documents.previous")
    assert "without a list of publications" in run(site).questions[0].found


def test_a_main_file_that_only_a_chapter_or_a_data_set_offers_is_found_there() -> None:
    for make_further, option in ((make_chapter_page, "chapters"), (make_data_set_page, "data_sets")):
        address = f"{MONTHLY_SERIES}/performance-may-2026/activity"
        page = make_monthly_page("may", Card("Report", "/a.pdf", "pdf"), **{option: [("Activity", address)]})
        site = make_site(make_entry(), pages={"performance-may-2026": page})
        site.pages[address] = make_further("Performance May 2026", [make_card()])
        (proposal,) = run(site).proposals
        assert proposal.publication.file == make_card().address


def test_a_chapter_of_another_publication_is_not_read() -> None:
    page = make_monthly_page(
        "may",
        Card("Report", "/a.pdf", "pdf"),
        chapters=[("Activity", f"{MONTHLY_SERIES}/performance-may-2025/activity")],
    )
    site = make_site(make_entry(), pages={"performance-may-2026": page})
    assert "no file may be the main one" in run(site).questions[0].found
    assert site.requests == [MONTHLY_SERIES, f"{MONTHLY_SERIES}/performance-may-2026", ANNUAL_SERIES]


def test_a_series_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "MAX_PAGES", 5)
    names = [f"{month} {year}" for year in range(2020, 2024) for month in ("May", "June", "July")]
    site = make_site(*(make_entry(slug=f"performance-{name.lower().replace(' ', '-')}", title=name) for name in names))
    result = run(site)
    assert len(site.requests) == 5
    assert "expected at most 5 pages to read" in result.failures[0]
    assert result.exit_status == 1


def test_outcomes_by_therapy_are_found_in_their_chapter_and_the_previous_version_is_not() -> None:
    page = f"{ANNUAL_SERIES}/2024-25"
    main = Card("CSV data files", f"{FILES}/AA/BBCC01/psych-ther-ann-rep-csv-2024-25.zip", "zip")
    chapters = [
        ("Therapy-based outcomes - previous version", f"{page}/therapy-based-outcomes-previous-version"),
        ("Therapy-based outcomes", f"{page}/therapy-based-outcomes"),
        ("Background", f"{page}/background"),
    ]
    site = make_site()
    site.pages[ANNUAL_SERIES] = make_series_page(
        ANNUAL_TITLE, previous=[Entry("Annual report 2024-25", page, "16 January 2026")]
    )
    site.pages[page] = make_publication_page("Annual report 2024-25", [main], chapters=chapters)
    outcomes = Card("Therapy-based outcomes", f"{FILES}/AA/BBCC02/ther-based-outcomes2425.zip", "zip")
    site.pages[f"{page}/therapy-based-outcomes"] = make_chapter_page("Annual report 2024-25", [outcomes])
    result = run(site)
    assert [p.publication.id for p in result.proposals] == ["annual/2024-25/1", "therapy_outcomes/2024-25/1"]
    assert site.requests == [MONTHLY_SERIES, ANNUAL_SERIES, page, f"{page}/therapy-based-outcomes"]
    assert not result.questions


def test_a_page_listed_as_no_publication_is_passed_over() -> None:
    entry = Entry("Background", f"{MONTHLY_SERIES}/background", "9 July 2026")
    assert "no month, quarter or financial year is named" in run(make_site(entry)).questions[0].found
    catalogue = Catalogue(CATALOGUE.folder)
    ignored = [{"slug": "background", "reason": "It describes the data."}]
    rules = catalogue.discovery_rules
    catalogue.__dict__["discovery_rules"] = type(rules).model_validate(
        rules.model_dump() | {"not_publications": ignored}
    )
    result = discover(catalogue, make_site(entry).read_page, publications=Publications([], PUBLISHER))
    assert not result.questions
