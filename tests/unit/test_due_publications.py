"""What is due on a day: rest until the next expected day, look daily from it on, late past the tolerance."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.publications import Publications
from iapt.ingest.due_publications import (
    AWAITED_FOR_DAYS,
    PublicationOutlook,
    find_outlook,
    is_to_be_tried,
    iterate_expected,
    list_series_pages,
)
from iapt.workspace import CATALOGUE
from tests.factories.publisher_home import make_row

PUBLISHER = Catalogue(CATALOGUE).publisher
#: Every period that the calendar knows of up to June 2026, but for these.
_KNOWN_UNTIL = dt.date(2026, 6, 30)


def make_publications(*absent: tuple[str, str], until: dt.date = _KNOWN_UNTIL) -> Publications:
    """A list with a file for every period that was expected by a day, but for those that are absent."""
    rows = []
    for name, series in PUBLISHER.series.items():
        for expected in iterate_expected(name, series):
            if expected.expected_on > until:
                break
            if expected.key not in absent:
                rows.append(make_row(*expected.key))
    return Publications(rows, PUBLISHER)


def look(publications: Publications, today: dt.date, **known: Any) -> PublicationOutlook:
    return find_outlook(PUBLISHER, publications, today, **known)


def keys(outlook: PublicationOutlook) -> list[tuple[str, str]]:
    return [expected.key for expected in outlook.awaited]


def test_nothing_is_due_before_the_next_expected_day_which_is_named() -> None:
    outlook = look(make_publications(), dt.date(2026, 7, 8))
    assert outlook.awaited == ()
    assert outlook.next is not None
    assert outlook.next.expected_on == dt.date(2026, 7, 9)
    assert "Monthly activity of 2026-05 is expected on 9 July 2026" in outlook.describe_rest()


def test_on_the_expected_day_it_is_awaited_and_until_the_tolerance_it_is_not_late() -> None:
    publications = make_publications()
    first, last = dt.date(2026, 7, 9), dt.date(2026, 7, 23)
    for today in (first, last):
        outlook = look(publications, today)
        assert keys(outlook) == [("monthly", "2026-05")]
        assert outlook.late == ()
        assert outlook.describe_awaited() == "Monthly activity of 2026-05 was expected on 9 July 2026"


def test_past_the_tolerance_it_is_late_by_the_days_since_it_was_expected() -> None:
    outlook = look(make_publications(), dt.date(2026, 7, 24))
    assert [expected.key for expected in outlook.late] == [("monthly", "2026-05")]
    assert "was expected on 9 July 2026, and is 15 days late" in outlook.describe_awaited()


def test_once_it_is_listed_with_its_file_it_rests_again() -> None:
    until_july = make_publications(until=dt.date(2026, 7, 9))
    outlook = look(until_july, dt.date(2026, 7, 9))
    assert outlook.awaited == ()
    assert outlook.next is not None
    assert outlook.next.expected_on == dt.date(2026, 8, 13)


def test_a_page_whose_file_is_not_known_is_still_awaited_and_a_file_got_otherwise_is_not() -> None:
    listed = make_publications()
    rows = [*listed.rows, make_row("monthly", "2026-05", file=None, format=None)]
    publications = Publications(rows, PUBLISHER)
    assert keys(look(publications, dt.date(2026, 7, 9))) == [("monthly", "2026-05")]
    assert keys(look(publications, dt.date(2026, 7, 9), present={("monthly", "2026-05")})) == []


def test_a_quarter_that_was_never_published_is_not_awaited() -> None:
    gap = ("quarterly", "2020-21 Q2")
    publications, today = make_publications(gap), dt.date(2020, 12, 1)
    assert gap in keys(look(publications, today))
    assert gap not in keys(look(publications, today, gaps={gap}))


def test_an_earlier_publication_is_awaited_although_a_later_one_is_there() -> None:
    publications = make_publications(("monthly", "2026-03"))
    assert keys(look(publications, dt.date(2026, 7, 8))) == [("monthly", "2026-03")]


def test_what_was_expected_more_than_a_year_ago_is_not_awaited_any_more() -> None:
    absent = ("monthly", "2024-05")
    publications = make_publications(absent)
    (expected_on,) = [
        expected.expected_on
        for expected in look(make_publications(absent, until=dt.date(2024, 7, 11)), dt.date(2024, 7, 11)).awaited
        if expected.key == absent
    ]
    last = expected_on + dt.timedelta(days=AWAITED_FOR_DAYS)
    assert absent in keys(look(publications, last))
    assert absent not in keys(look(publications, last + dt.timedelta(days=1)))


def test_pages_are_those_of_the_awaited_series_that_still_list_new_periods() -> None:
    monthly = look(make_publications(), dt.date(2026, 7, 9)).awaited
    assert list_series_pages(PUBLISHER, monthly) == ["talking_therapies_monthly"]
    annual = look(make_publications(until=dt.date(2027, 1, 20)), dt.date(2027, 1, 21)).awaited
    assert list_series_pages(PUBLISHER, annual) == ["talking_therapies_annual"]


def test_what_has_failed_is_tried_every_day_for_a_week_and_then_once_a_week() -> None:
    first = last_tried = dt.date(2026, 7, 9)
    tried = []
    for days in range(1, 24):
        today = first + dt.timedelta(days=days)
        if is_to_be_tried(first, last_tried, today):
            tried.append(days)
            last_tried = today
    assert tried == [1, 2, 3, 4, 5, 6, 7, 14, 21]
    assert is_to_be_tried(None, None, first)
    assert not is_to_be_tried(first, first, first)


@pytest.mark.parametrize(("late", "days"), [("monthly", 14), ("quarterly", 14), ("annual", 90)])
def test_tolerances_are_those_of_the_calendar(late: str, days: int) -> None:
    series = PUBLISHER.series[late]
    expected = next(iterate_expected(late, series))
    assert expected.late_after == expected.expected_on + dt.timedelta(days=days)


@given(day=st.dates(dt.date(2020, 1, 1), dt.date(2040, 1, 1)), known=st.dates(dt.date(2020, 1, 1), dt.date(2040, 1, 1)))
def test_what_is_due_is_never_in_the_future_and_what_is_next_always_is(day: dt.date, known: dt.date) -> None:
    outlook = look(make_publications(until=known), day)
    assert all(known < expected.expected_on <= day for expected in outlook.awaited)
    assert set(outlook.late) <= set(outlook.awaited)
    assert outlook.next is not None
    assert outlook.next.expected_on > max(day, known)
    assert bool(outlook.awaited) or known >= day or not _expected_between(known, day)


def _expected_between(known: dt.date, day: dt.date) -> bool:
    since = max(known, day - dt.timedelta(days=AWAITED_FOR_DAYS + 1))
    return any(
        since < expected.expected_on <= day
        for name, series in PUBLISHER.series.items()
        for expected in _until(name, day)
        if series.publication
    )


def _until(name: str, day: dt.date) -> list[Any]:
    found = []
    for expected in iterate_expected(name, PUBLISHER.series[name]):
        if expected.expected_on > day:
            break
        found.append(expected)
    return found


@given(day=st.dates(dt.date(2021, 1, 1), dt.date(2030, 1, 1)))
def test_from_the_expected_day_it_is_awaited_every_day_until_it_is_there(day: dt.date) -> None:
    publications = make_publications(until=day - dt.timedelta(days=1))
    was_awaited: set[tuple[str, str]] = set()
    for after in range(40):
        awaited = set(keys(look(publications, day + dt.timedelta(days=after))))
        assert was_awaited <= awaited
        was_awaited = awaited
