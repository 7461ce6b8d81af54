"""What the titles and slugs of the publisher's pages say: series, period and status, or a problem that is told."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from iapt.catalogue.catalogue import Catalogue
from iapt.discovery.named_publications import Identification, identify_publications
from iapt.periods import Period, find_period_starting, parse_period_name
from tests.case_files import CASES

CATALOGUE = Catalogue(Path(__file__).parents[2] / "catalogue")
SLUGS = yaml.safe_load((CASES / "page_slugs.yml").read_text(encoding="utf-8"))
MONTHLY = ["monthly", "quarterly", "timeseries"]


def identify(lists: list[str] | None = None, /, **names: str) -> Identification:
    return identify_publications(names, lists or MONTHLY, CATALOGUE.publisher, CATALOGUE.precedence)


def describe(identification: Identification) -> list[str]:
    return [f"{named.series} {named.period.label} {named.status}" for named in identification.publications]


@pytest.mark.parametrize("case", SLUGS["publications"], ids=lambda case: case["slug"][:60])
def test_every_known_slug_names_its_publications(case: Mapping[str, object]) -> None:
    page = CATALOGUE.publisher.series_pages[str(case["page"])]
    identification = identify(list(page.lists), slug=str(case["slug"]))
    assert (describe(identification), identification.problem) == (case["names"], "")


@pytest.mark.parametrize("slug", SLUGS["no_publications"])
def test_the_address_of_a_series_names_no_publication(slug: str) -> None:
    identification = identify(slug=slug)
    assert not identification.publications
    assert "no month, quarter or financial year is named" in identification.problem


def test_the_cases_are_the_31_known_pages() -> None:
    assert len(SLUGS["publications"]) + len(SLUGS["no_publications"]) == 31


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (
            {"title": "Performance, quarter 4 of 2025/26 and March 2026"},
            ["monthly 2026-03 definitive", "quarterly 2025-26 Q4 definitive"],
        ),
        ({"title": "2025-26 quarter 4"}, ["quarterly 2025-26 Q4 definitive"]),
        (
            {"slug": "quarter-4-2025-26-march-2026"},
            ["monthly 2026-03 definitive", "quarterly 2025-26 Q4 definitive"],
        ),
        (
            {"title": "2025-26 quarter 4, March 2026"},
            ["monthly 2026-03 definitive", "quarterly 2025-26 Q4 definitive"],
        ),
        ({"title": "Performance Sept 2025"}, ["monthly 2025-09 definitive"]),
        ({"title": "Performance Sep\u00adtember\u00a02025"}, ["monthly 2025-09 definitive"]),
        ({"title": "Provisional statistics, May 2025"}, ["monthly 2025-05 provisional"]),
        ({"title": "November 2015 primary, October 2015 final"},
         ["monthly 2015-10 definitive", "monthly 2015-11 provisional"]),
        ({"title": "April 2025, published 12 June 2025"}, ["monthly 2025-04 definitive"]),
        ({"title": "Performance May, 2025", "slug": "performance-may"}, ["monthly 2025-05 definitive"]),
        ({"title": "Performance June 2026 (2026-27)"}, ["monthly 2026-06 definitive"]),
        ({"title": "Performance March 2026", "slug": "performance-march-2026-and-quarter-4-2025-26-data"},
         ["monthly 2026-03 definitive", "quarterly 2025-26 Q4 definitive"]),
    ],
)  # fmt: skip
def test_a_title_names_its_publications(names: Mapping[str, str], expected: list[str]) -> None:
    identification = identify(**names)
    assert (describe(identification), identification.problem) == (expected, "")


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        ({"title": "Performance May 2026", "slug": "performance-may-2025"}, "disagree on its month"),
        ({"title": "Performance May 2026", "slug": "performance-april-2026"}, "disagree on its month"),
        ({"title": "May 2026 and June 2026", "slug": "performance-may-2026"}, "disagree on its month"),
        ({"title": "Quarter 1 2026-27", "slug": "quarter-2-2026-27"}, "disagree on its quarter"),
        ({"title": "May 2026, June 2026", "slug": "may-2026-june-2026-and-july"}, "disagree on its month"),
        ({"title": "Performance February", "slug": "performance"}, "without its year"),
        ({"title": "Performance May 2026 provisional", "slug": "performance-may-2026-final"}, "disagree on the status"),
        ({"title": "Performance March 2026 and Quarter 3 2026-27"}, "not published together"),
        ({"title": "Performance March 2026 and Quarter 4 2024-25"}, "not published together"),
        ({"title": "Annual report 2024-25"}, "of no series it is listed for"),
        ({"title": "Performance June 2026 (2025-26)"}, "of no series it is listed for"),
        ({"title": "Supplementary information"}, "no month, quarter or financial year is named"),
        ({"title": "Performance May 2009"}, "outside the calendar"),
    ],
)
def test_names_that_do_not_say_it_are_a_problem_and_never_a_guess(names: Mapping[str, str], problem: str) -> None:
    identification = identify(**names)
    assert problem in identification.problem
    assert not identification.publications


def test_a_month_on_a_page_of_years_is_a_problem() -> None:
    assert "of no series it is listed for" in identify(["annual"], title="Annual report, May 2025").problem


months = st.builds(
    lambda year, month: find_period_starting(dt.date(year, month, 1), "month"),
    st.integers(2013, 2040),
    st.integers(1, 12),
)


def write_month(period: Period, form: int) -> str:
    number = period.start.month
    name = (calendar.month_name[number], calendar.month_abbr[number], calendar.month_name[number].lower())[form % 3]
    name = "Sept" if form == 4 and number == 9 else name
    year = str(period.start.year) if form != 3 else f"{period.start.year % 100:02d}" if period.start.year > 2012 else ""
    return f"{name}-{year}"


def write_quarter(period: Period, form: int) -> str:
    first, number = period.financial_year[:4], period.label[-1]
    year = f"{first}-{(int(first) + 1) % 100:02d}"
    return (
        f"quarter-{number}-{year}",
        f"quarter-{number}-data-{year}",
        f"{year}-quarter-{number}",
        f"Q{number}-{first}/{(int(first) + 1) % 100:02d}",
        f"Quarter {number} of {year}",
        f"quarter-{number}-{year}-data",
    )[form]


@given(
    month=months,
    has_quarter=st.booleans(),
    forms=st.tuples(st.integers(0, 4), st.integers(0, 5)),
    word=st.sampled_from(["performance", "final", "refresh", "", "provisional", "primary"]),
    month_first=st.booleans(),
    glue=st.sampled_from(["-and-", "-including-reports-on-the-iapt-pilots-and-", ", ", " ", "---"]),
    separator=st.sampled_from(["-", " ", "\u00a0", "\u2013"]),
)
def test_a_name_built_of_month_quarter_and_words_in_any_order_says_them(
    month: Period,
    has_quarter: bool,
    forms: tuple[int, int],
    word: str,
    month_first: bool,
    glue: str,
    separator: str,
) -> None:
    quarter_number = (month.start.month - 4) % 12 // 3 + 1
    first_year = month.start.year - (month.start.month < 4)
    quarter = parse_period_name("quarter", first_year, quarter_number)
    with_quarter = has_quarter and quarter.end == month.end
    parts = [f"{word}-{write_month(month, forms[0])}".strip("-")]
    if with_quarter:
        parts.append(write_quarter(quarter, forms[1]))
    name = glue.join(parts if month_first else parts[::-1])
    name = re.sub("-(?![0-9]{2}(?![0-9]))", separator, name)
    identification = identify(title=name)
    status = "provisional" if word in ("provisional", "primary") else "definitive"
    expected = [f"monthly {month.label} {status}"]
    assert identification.problem == "", name
    assert describe(identification)[:1] == expected, name
    assert [named.period for named in identification.publications[1:]] == ([quarter] if with_quarter else []), name
