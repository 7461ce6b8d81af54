"""Periods: months, quarters and financial years, their labels, and the days the publisher writes them with."""

from __future__ import annotations

import datetime as dt
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iapt.periods import (
    CALENDAR_END,
    CALENDAR_START,
    Period,
    compute_financial_year,
    find_period_ending,
    find_period_starting,
    parse_day,
    parse_period_label,
    parse_period_name,
)
from tests.factories.drops import ROOT

ALL_STYLES = ["iso", "day_first", "excel_serial"]

# from the dataset's first year: before it, a month such as 2011-12 is written as a financial year is
days = st.dates(dt.date(2012, 1, 1), dt.date(2098, 3, 31))
months = days.map(lambda day: day.replace(day=1))
quarters = months.filter(lambda day: day.month in (1, 4, 7, 10))
years = months.map(lambda day: day.replace(month=4))


def starting(day: dt.date, grain: str) -> Period:
    period = find_period_starting(day, grain)
    assert period is not None
    return period


periods = st.one_of(
    months.map(lambda day: starting(day, "month")),
    quarters.map(lambda day: starting(day, "quarter")),
    years.map(lambda day: starting(day, "year")),
)


# labels


@given(periods)
def test_a_label_is_the_periods_alone_and_leads_back_to_it(period: Period) -> None:
    assert parse_period_label(period.label) == period


@pytest.mark.parametrize(
    "text",
    [
        *("", "2020", "2020-21 Q5", "2020-21 Q", "2020-21Q2", "2020-22", "2020-22 Q2", "2021-13", "2021-00"),
        *("2021-01 Q2", "21-22", "1999-00", "2021-1", "2021-01-01", " 2021-01"),
    ],
)
def test_a_text_that_is_no_label_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"2021-01, 2020-21 Q2 or 2020-21|neither"):
        parse_period_label(text)


@pytest.mark.parametrize(
    ("grain", "first_year", "quarter", "label"),
    [("year", 2020, None, "2020-21"), ("quarter", 2020, 1, "2020-21 Q1"), ("quarter", 2020, 4, "2020-21 Q4")],
)
def test_a_period_is_named_by_the_year_it_begins_in(
    grain: str, first_year: int, quarter: int | None, label: str
) -> None:
    assert parse_period_name(grain, first_year, quarter).label == label


@pytest.mark.parametrize(
    ("grain", "start", "label", "end"),
    [
        ("month", dt.date(2021, 1, 1), "2021-01", dt.date(2021, 1, 31)),
        ("month", dt.date(2020, 2, 1), "2020-02", dt.date(2020, 2, 29)),
        ("quarter", dt.date(2020, 4, 1), "2020-21 Q1", dt.date(2020, 6, 30)),
        ("quarter", dt.date(2020, 7, 1), "2020-21 Q2", dt.date(2020, 9, 30)),
        ("quarter", dt.date(2020, 10, 1), "2020-21 Q3", dt.date(2020, 12, 31)),
        ("quarter", dt.date(2021, 1, 1), "2020-21 Q4", dt.date(2021, 3, 31)),
        ("year", dt.date(2020, 4, 1), "2020-21", dt.date(2021, 3, 31)),
        ("year", dt.date(2099, 4, 1), "2099-00", dt.date(2100, 3, 31)),
    ],
)
def test_a_period_is_labelled_and_bounded_as_the_field_does(
    grain: str, start: dt.date, label: str, end: dt.date
) -> None:
    period = starting(start, grain)
    assert (period.label, period.end) == (label, end)


# the calendar


@given(periods)
def test_the_day_after_a_period_starts_the_next_of_its_grain(period: Period) -> None:
    after = starting(period.end + dt.timedelta(days=1), period.grain)
    assert after > period
    assert after.label != period.label


@given(days)
def test_every_day_lies_in_one_month_one_quarter_and_one_financial_year(day: dt.date) -> None:
    for grain, length in {"month": 1, "quarter": 3, "year": 12}.items():
        first_of_months = [(day.year * 12 + day.month - 1 - back) for back in range(length)]
        starts = [dt.date(number // 12, number % 12 + 1, 1) for number in first_of_months]
        holding = [period for start in starts if (period := find_period_starting(start, grain))]
        assert len(holding) == 1
        assert holding[0].start <= day <= holding[0].end
        assert holding[0].financial_year == compute_financial_year(day)


@given(years)
def test_the_quarters_of_a_year_follow_one_another_and_fill_it(start: dt.date) -> None:
    year = starting(start, "year")
    quarters_of_it = [parse_period_name("quarter", start.year, number) for number in (1, 2, 3, 4)]
    assert quarters_of_it[0].start == year.start
    assert quarters_of_it[-1].end == year.end
    assert [quarter.label for quarter in quarters_of_it] == [f"{year.label} Q{number}" for number in (1, 2, 3, 4)]
    for earlier, later in pairwise(quarters_of_it):
        assert later.start == earlier.end + dt.timedelta(days=1)


@given(days.filter(lambda day: day.day != 1), st.sampled_from(["month", "quarter", "year"]))
def test_nothing_starts_within_a_month(day: dt.date, grain: str) -> None:
    assert find_period_starting(day, grain) is None


@given(months)
def test_quarters_start_in_april_july_october_and_january_and_years_in_april(start: dt.date) -> None:
    assert (find_period_starting(start, "quarter") is not None) == (start.month in (1, 4, 7, 10))
    assert (find_period_starting(start, "year") is not None) == (start.month == 4)


@pytest.mark.parametrize("quarter", [None, 0, 5])
def test_a_quarter_that_is_none_of_four_is_an_error_not_another_year(quarter: int | None) -> None:
    with pytest.raises(ValueError, match="quarter"):
        parse_period_name("quarter", 2020, quarter)


@pytest.mark.parametrize("model", ["intermediate/int_calendar.sql", "marts/dim_date.sql"])
def test_the_calendar_of_the_marts_has_the_bounds_that_the_reader_holds_drops_to(model: str) -> None:
    text = (ROOT / "dbt_project" / "models" / model).read_text("utf-8")
    spans = re.findall(r"date_spine\('\w+', \"cast\('([^']+)' as date\)\", \"cast\('([^']+)' as date\)\"\)", text)
    after_last = CALENDAR_END + dt.timedelta(days=1)
    assert spans == [(CALENDAR_START.isoformat(), after_last.isoformat())]


# days as published


@given(days)
def test_a_day_reads_the_same_in_every_style(day: dt.date) -> None:
    serial = (day - dt.date(1899, 12, 30)).days
    for text in (
        day.isoformat(),
        f"{day.isoformat()} 00:00:00",
        f"{day.isoformat()}T00:00:00.000",
        f"{day.isoformat()} 00:00",
        f"{day:%d/%m/%Y}",
        f"{day:%d/%m/%Y} 00:00",
        f"{day:%d/%m/%Y} 00:00:00",
        f"{day.day}/{day.month}/{day.year}",
        f"{serial}",
        f"{serial}.0",
    ):
        assert parse_day(text, ALL_STYLES) == day, text


@given(days, st.sampled_from(ALL_STYLES))
def test_a_style_that_is_not_allowed_is_not_read(day: dt.date, style: str) -> None:
    texts = {
        "iso": day.isoformat(),
        "day_first": f"{day:%d/%m/%Y}",
        "excel_serial": str((day - dt.date(1899, 12, 30)).days),
    }
    assert parse_day(texts[style], [style]) == day
    assert parse_day(texts[style], [other for other in ALL_STYLES if other != style]) is None


def test_the_first_of_april_is_not_the_fourth_of_january() -> None:
    assert parse_day("01/04/2026", ALL_STYLES) == dt.date(2026, 4, 1)


@pytest.mark.parametrize(
    "text",
    [
        *("04/30/2026", "30/02/2021", "2021-02-30", "2021-13-01", "00/01/2021"),
        *("", " 2021-01-01", "2021-01-01 ", "2021-1-1", "20210101", "01-04-2026", "01/04/26", "1 April 2026"),
        *("01/04/2026 09:30", "01/04/2026 00:01", "01/04/2026 00", "01/04/2026  00:00"),
        *("2021-01-01 09:30:00", "0", "4", "44197.5", "-44197", "044197", "null", "*"),
    ],
)
def test_a_text_that_is_no_day_in_a_known_style_is_never_guessed_at(text: str) -> None:
    assert parse_day(text, ALL_STYLES) is None


@given(periods)
def test_a_period_is_found_by_its_last_day_too(period: Period) -> None:
    assert find_period_ending(period.end, period.grain) == period
    with pytest.raises(ValueError, match="ends on"):
        find_period_ending(period.end - dt.timedelta(days=1), period.grain)
