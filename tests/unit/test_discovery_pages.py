"""What is read from the publisher's pages: lists, files, notices; and that nothing else is taken for a publication."""

from __future__ import annotations

import pytest
from selectolax.lexbor import LexborHTMLParser

from iapt.discovery.page_dates import PageDate, find_date
from iapt.discovery.page_kinds import PageKind, classify_page
from iapt.discovery.page_text import MAX_TAGS, PageTooLargeError, clean_text, parse_page, read_link
from iapt.discovery.publication_pages import Notice, PublicationPageContents, parse_publication_page
from iapt.discovery.saved_pages import SavedPage
from iapt.discovery.series_pages import SeriesPageContents, parse_series_page
from tests.factories.publisher_pages import (
    FILES,
    MONTHLY_SERIES,
    MONTHLY_TITLE,
    Card,
    ChangeNotice,
    Entry,
    make_challenge_page,
    make_chapter_page,
    make_data_set_page,
    make_false_not_found_page,
    make_inset,
    make_legacy_publication_page,
    make_login_page,
    make_maintenance_page,
    make_not_found_page,
    make_page,
    make_publication_page,
    make_series_page,
    make_upcoming_page,
)

HOSTS = ["digital.nhs.uk"]
FILE_HOSTS = ["files.digital.nhs.uk", "digital.nhs.uk"]
PAGE = f"{MONTHLY_SERIES}/performance-april-2026"
CARD = Card("Monthly activity data file", f"{FILES}/23/8B45A4/month_apr_2026_activity.csv", size="9 MB")


def read_series(html: str) -> SeriesPageContents:
    page = SavedPage(MONTHLY_SERIES, html)
    return parse_series_page(page, parse_page(page), HOSTS)


def read_publication(html: str) -> PublicationPageContents:
    page = SavedPage(PAGE, html)
    return parse_publication_page(page, parse_page(page), HOSTS, FILE_HOSTS)


def entry(title: str, slug: str, date: str = "16 January 2025", **more: str) -> Entry:
    return Entry(title, f"{MONTHLY_SERIES.removeprefix('https://digital.nhs.uk')}/{slug}", date, **more)


# Series pages


def test_a_series_page_lists_the_latest_publication_and_then_the_past_ones() -> None:
    contents = read_series(
        make_series_page(
            MONTHLY_TITLE,
            latest=entry("Performance May 2026", "performance-may-2026", "9 July 2026"),
            previous=[entry("Performance April 2026", "performance-april-2026", "11 June 2026")],
        )
    )
    assert [(listed.title, listed.link.slug, str(listed.date)) for listed in contents.published] == [
        ("Performance May 2026", "performance-may-2026", "2026-07-09"),
        ("Performance April 2026", "performance-april-2026", "2026-06-11"),
    ]
    assert all(listed.link.address.startswith(f"{MONTHLY_SERIES}/") for listed in contents.published)


def test_a_series_without_a_latest_list_is_read_from_its_past_ones() -> None:
    contents = read_series(make_series_page(MONTHLY_TITLE, previous=[entry("April 2026", "april-2026")]))
    assert [listed.title for listed in contents.published] == ["April 2026"]


def test_upcoming_publications_are_listed_apart_with_the_day_or_month_that_is_shown() -> None:
    upcoming = [entry("June 2026", "june-2026", "13 Aug 2026"), entry("August 2026", "august-2026", "Oct 2026")]
    contents = read_series(make_series_page(MONTHLY_TITLE, previous=[], upcoming=upcoming))
    assert [(listed.title, str(listed.date)) for listed in contents.upcoming] == [
        ("June 2026", "2026-08-13"),
        ("August 2026", "2026-10"),
    ]
    assert contents.published == ()


def test_the_link_to_a_replaced_series_is_none_of_the_publications() -> None:
    other = entry("Psychological Therapies: reports", "../older-series", "")
    contents = read_series(
        make_series_page(
            MONTHLY_TITLE,
            previous=[entry("May 2023", "may-2023"), entry("April 2023", "april-2023")],
            other_series=other,
            other_series_after=1,
        )
    )
    assert [listed.title for listed in contents.published] == ["May 2023", "April 2023"]
    assert [link.text for link in contents.other_series] == ["Psychological Therapies: reports"]


def test_links_within_an_inset_are_no_publications() -> None:
    contents = read_series(
        make_series_page(MONTHLY_TITLE, previous=[entry("May 2019", "may-2019", inset=make_inset())])
    )
    assert [listed.title for listed in contents.published] == ["May 2019"]
    assert contents.other_series == ()


def test_an_entry_of_another_form_is_told_and_not_dropped() -> None:
    html = make_series_page(MONTHLY_TITLE, previous=[entry("May 2019", "may-2019")])
    contents = read_series(html.replace("</ul></section>", "<li><a href='/x'>June 2019</a></li></ul></section>"))
    assert contents.unread == ("June 2019",)


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("Published: 16 January 2025", "2025-01-16"),
        ("13 Aug 2026", "2026-08-13"),
        ("Oct 2026", "2026-10"),
        ("5 Sep 2025", "2025-09-05"),
        ("5 Sept 2025", "2025-09-05"),
        ("31 June 2025", "None"),
        ("soon", "None"),
        ("12 Foo 2025", "None"),
    ],
)
def test_dates_are_read_in_every_form_of_the_pages(text: str, date: str) -> None:
    assert str(find_date(text)) == date


# Publication pages


def test_a_publication_page_gives_its_files_as_its_cards_show_them() -> None:
    metadata = Card("Metadata", "/binaries/content/assets/metadata-20260709.xlsx", "xlsx", "42.5 KB")
    contents = read_publication(make_publication_page("Performance April 2026", [CARD, metadata]))
    assert [(file.display_name, file.link.address, file.type, file.bytes) for file in contents.files] == [
        ("Monthly activity data file", CARD.address, "csv", 9_000_000),
        ("Metadata", "https://digital.nhs.uk/binaries/content/assets/metadata-20260709.xlsx", "xlsx", 42_500),
    ]
    assert contents.title == "Performance April 2026"
    assert contents.published == PageDate(2026, 1, 16)
    assert contents.coverage == "01 Apr 2025 to 30 Apr 2025"
    assert contents.last_edited == "16 January 2026 9:30 am"


def test_a_link_to_elsewhere_is_no_file_of_the_publishers() -> None:
    article = Card("Data explorer", "https://app.example.org/data.csv", is_link=True)
    (file,) = read_publication(make_publication_page("April", [article])).files
    assert file.is_external
    assert "not on the list of hosts" in file.link.refusal


def test_a_page_in_the_form_before_2021_gives_its_files() -> None:
    contents = read_publication(
        make_legacy_publication_page("Final Q4 2013-14", [Card("Data", "/data/q4.xlsx", "XLSX", "7.2 kB")])
    )
    assert [(file.display_name, file.link.address, file.type, file.bytes) for file in contents.files] == [
        ("Data", "https://digital.nhs.uk/data/q4.xlsx", "xlsx", 7_200)
    ]


def test_chapters_data_sets_and_notices_are_read() -> None:
    contents = read_publication(
        make_publication_page(
            "Annual report",
            [],
            chapters=[("Therapy-based outcomes", "/data/pub/therapy-based-outcomes"), ("This page", PAGE)],
            data_sets=[("Tables", "/data/tables")],
            notices=[ChangeNotice("Correction", "A figure was wrong.", "24 June 2020 16:23 PM")],
        )
    )
    assert [link.slug for link in contents.chapters] == ["therapy-based-outcomes"]
    assert [link.slug for link in contents.data_sets] == ["tables"]
    assert contents.notices == (Notice("Correction", "A figure was wrong.", "24 June 2020 16:23 PM"),)


def test_the_updates_of_an_older_page_are_notices_with_their_severity() -> None:
    update = '<div><h3 id="callout-box-heading-update-critical-1">Files withdrawn</h3><p>See below.</p></div>'
    contents = read_publication(make_page("April 2019", update))
    assert contents.notices == (Notice("Files withdrawn", "See below.", "critical"),)


def test_files_within_the_text_of_a_chapter_and_of_a_data_set_are_read() -> None:
    for html in (make_chapter_page("Outcomes", [CARD]), make_data_set_page("Tables", [CARD])):
        assert [(file.display_name, file.link.address) for file in read_publication(html).files] == [
            (CARD.name, CARD.address)
        ]


def test_the_same_file_on_two_cards_is_one_file() -> None:
    assert len(read_publication(make_publication_page("April", [CARD, CARD])).files) == 1


# Links and texts


@pytest.mark.parametrize(
    ("href", "address"),
    [
        ("/a/b", "https://digital.nhs.uk/a/b"),
        ("may-2026", f"{MONTHLY_SERIES}/may-2026"),
        ("../x/../y", f"{MONTHLY_SERIES.rsplit('/', 1)[0]}/y"),
        ("//digital.nhs.uk/a", "https://digital.nhs.uk/a"),
        (" https://digital.nhs.uk/a%20b#top ", "https://digital.nhs.uk/a%20b"),
        ("/a b/é", "https://digital.nhs.uk/a%20b/%C3%A9"),
        ("https://DIGITAL.nhs.uk:443/a", "https://digital.nhs.uk/a"),
        ("https://digital.nhs.uk./a", "https://digital.nhs.uk/a"),
    ],
)
def test_a_link_is_made_whole(href: str, address: str) -> None:
    link = read_link(f"{MONTHLY_SERIES}/", LexborHTMLParser(f'<a href="{href}">x</a>').css("a")[0], HOSTS)
    assert (link.address, link.refusal) == (address, "")


@pytest.mark.parametrize(
    "href",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "http://digital.nhs.uk/a",
        "ftp://digital.nhs.uk/a",
        "https://evil.example/a",
        "//evil.example/a",
        "https://digital.nhs.uk@evil.example/a",
        "https://digital.nhs.uk.evil.example/a",
        "https://user:word@digital.nhs.uk/a",
        "https://digital.nhs.uk:8443/a",
        "https://digital.nhs.uk:port/a",
        "https://127.0.0.1/a",
        "https://[::1]/a",
        "https://[broken/a",
        "/\\evil.example/a",
        "\\\\evil.example\\a",
        "/a\x00b",
        "/a%00b.csv",
        "/a%0Ab.csv",
        "/a/%2e%2e/b.csv",
        "/a%2Fb.csv",
        "/a%5Cb.csv",
        "/a%3Cscript%3E.csv",
        "/a%E2%80%AEb.csv",
        "/a%FFb*.csv",
        "https://digit\u0430l.nhs.uk/a",
        "/" + "a" * 2100,
        "",
    ],
)
def test_a_link_that_leads_elsewhere_may_not_be_followed(href: str) -> None:
    node = LexborHTMLParser("<a>x</a>").css("a")[0]
    node.attrs["href"] = href  # type: ignore[index]
    assert read_link(MONTHLY_SERIES, node, HOSTS).refusal


def test_entities_soft_hyphens_and_spaces_of_any_kind_leave_plain_text() -> None:
    assert (
        clean_text("Per\u00adfor\u200bmance\u00a0\n April\u2009 2026\u202e \u2013 it\u2019s")
        == "Performance April 2026 - it's"
    )
    assert clean_text("May \uff12\uff10\uff12\uff16 \ufb01nal") == "May 2026 final"
    html = make_publication_page("Per&shy;formance&nbsp;April &amp; May&#x202e; 2026", [])
    assert read_publication(html).title == "Performance April & May 2026"


def test_a_page_with_more_tags_than_any_of_the_publishers_is_not_parsed() -> None:
    with pytest.raises(PageTooLargeError, match=r"at most 20,000 tags; found 20,001"):
        parse_page(SavedPage(PAGE, "<div>" * (MAX_TAGS + 1)))


def test_a_page_larger_than_the_limit_is_not_parsed() -> None:
    with pytest.raises(PageTooLargeError, match="characters"):
        parse_page(SavedPage(PAGE, "x" * 6_000_001))


# Kinds of pages


@pytest.mark.parametrize(
    ("html", "kind"),
    [
        (make_series_page(MONTHLY_TITLE, previous=[]), PageKind.SERIES),
        (make_publication_page("Performance April 2026", [CARD]), PageKind.PUBLICATION),
        (make_chapter_page("Performance April 2026", [CARD]), PageKind.PUBLICATION),
        (make_legacy_publication_page("Final Q4 2013-14", [CARD]), PageKind.PUBLICATION),
        (make_data_set_page("Tables", [CARD]), PageKind.DATA_SET),
        (make_upcoming_page("Performance June 2026"), PageKind.UPCOMING),
        (make_not_found_page(), PageKind.NOT_FOUND),
        (make_false_not_found_page(), PageKind.NOT_FOUND),
        (make_login_page(), PageKind.LOGIN),
        (make_maintenance_page(), PageKind.MAINTENANCE),
        (make_challenge_page(), PageKind.CHALLENGE),
        (make_page("Attention Required! | Cloudflare", ""), PageKind.CHALLENGE),
        (make_page("Performance April 2026", "<p>Words alone.</p>"), PageKind.UNKNOWN),
        ("", PageKind.UNKNOWN),
        ("\x00\x01<<<>>>", PageKind.UNKNOWN),
        ("ORG_CODE1,MEASURE_ID\nE,M001\n", PageKind.UNKNOWN),
    ],
)
def test_every_page_is_named_as_what_it_is(html: str, kind: PageKind) -> None:
    assert classify_page(parse_page(SavedPage(PAGE, html))) is kind


@pytest.mark.parametrize("form", ['<div class="g-recaptcha"></div>', '<input type="password" name="staff">'])
def test_a_form_beside_a_publication_does_not_make_it_another_page(form: str) -> None:
    html = make_publication_page("Performance April 2026", [CARD]).replace("<footer>", f"<form>{form}</form><footer>")
    assert classify_page(parse_page(SavedPage(PAGE, html))) is PageKind.PUBLICATION
    bare = make_page("Performance April 2026", f"<form>{form}</form>")
    assert classify_page(parse_page(SavedPage(PAGE, bare))).is_no_answer


def test_a_publication_that_speaks_of_an_upcoming_one_is_still_one() -> None:
    notice = ChangeNotice("Note", "The next file is upcoming, not yet published", "24 June 2020 16:23 PM")
    html = make_publication_page("Performance April 2026", [CARD], notices=[notice])
    assert classify_page(parse_page(SavedPage(PAGE, html))) is PageKind.PUBLICATION
