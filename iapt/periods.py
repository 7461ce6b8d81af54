"""Periods: months, quarters and financial years as their publisher writes them, turned into date bounds."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from dataclasses import dataclass

_MIDNIGHT = r"(?:[ T]00:00(?::00(?:\.0+)?)?)?"
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})" + _MIDNIGHT)
_DAY_FIRST = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})" + _MIDNIGHT)
_EXCEL_SERIAL = re.compile(r"([1-9]\d{4})(?:\.0)?")
_EXCEL_EPOCH = dt.date(1899, 12, 30)
#: The calendar of the marts (int_calendar.sql), which a test holds to these days. A figure outside it would have no
#: place there, so a drop is held to it when it is read.
CALENDAR_START, CALENDAR_END = dt.date(2012, 4, 1), dt.date(2041, 3, 31)
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True, order=True)
class Period:
    """A month, quarter or financial year by its first and last day."""

    grain: str
    start: dt.date
    end: dt.date

    @property
    def financial_year(self) -> str:
        """The financial year the period lies in, April to March, such as `2020-21`."""
        return compute_financial_year(self.start)

    @property
    def is_in_calendar(self) -> bool:
        """Whether the marts have a place for it."""
        return self.start >= CALENDAR_START and self.end <= CALENDAR_END

    @property
    def following(self) -> Period:
        """The period of the same grain that begins on the day after its last."""
        period = find_period_starting(self.end + dt.timedelta(days=1), self.grain)
        assert period is not None
        return period

    @property
    def label(self) -> str:
        """`2021-01`, `2020-21 Q2` or `2020-21`."""
        if self.grain == "month":
            return f"{self.start:%Y-%m}"
        if self.grain == "quarter":
            return f"{self.financial_year} Q{(self.start.month - 4) % 12 // 3 + 1}"
        return self.financial_year


def format_day(day: dt.date) -> str:
    """Return a day as people write it: 30 June 2022."""
    return f"{day.day} {day:%B %Y}"


def compute_financial_year(day: dt.date) -> str:
    """Return the financial year of a day, such as `2020-21`."""
    first = day.year if day.month >= 4 else day.year - 1
    return f"{first}-{(first + 1) % 100:02d}"


def parse_day(text: str, styles: list[str]) -> dt.date | None:
    """Return a day in one of the styles `iso`, `day_first`, `month_first`, `excel_serial`; None in any other.

    Where both are allowed, a text is read day first.

    Styles are distinguished by pattern, never guessed: 01/04/2026 is 1 April
    (docs/sources.md#monthly-files-since-september-2020).
    """
    try:
        if "iso" in styles and (match := _ISO.fullmatch(text)):
            return dt.date(*map(int, match.groups()))
        if "day_first" in styles and (match := _DAY_FIRST.fullmatch(text)):
            day, month, year = map(int, match.groups())
            return dt.date(year, month, day)
        if "month_first" in styles and (match := _DAY_FIRST.fullmatch(text)):
            month, day, year = map(int, match.groups())
            return dt.date(year, month, day)
    except ValueError:
        return None
    if "excel_serial" in styles and (match := _EXCEL_SERIAL.fullmatch(text)):
        return _EXCEL_EPOCH + dt.timedelta(days=int(match.group(1)))
    return None


def find_period_starting(start: dt.date, grain: str) -> Period | None:
    """Return the month, quarter or financial year that starts on a day; None where none does."""
    months = _MONTHS[grain]
    if start.day != 1 or (start.month - 4) % months:
        return None
    last_month = start.month + months - 1
    year, month = start.year + (last_month - 1) // 12, (last_month - 1) % 12 + 1
    return Period(grain, start, dt.date(year, month, calendar.monthrange(year, month)[1]))


def find_period_ending(end: dt.date, grain: str) -> Period:
    """Return the month, quarter or financial year that ends on a day. Raises ValueError where none does."""
    months = end.year * 12 + end.month - _MONTHS[grain]
    start = dt.date(months // 12, months % 12 + 1, 1)
    period = find_period_starting(start, grain)
    if period is None or period.end != end:
        raise ValueError(f"no {grain} ends on {end}")
    return period


def parse_period_name(grain: str, first_year: int, quarter: int | None = None) -> Period:
    """Return the financial year that begins in `first_year`, or its quarter 1 to 4."""
    if grain == "year":
        start = dt.date(first_year, 4, 1)
    elif quarter is None:
        raise ValueError(f"a {grain} needs its quarter")
    elif not 1 <= quarter <= 4:
        raise ValueError(f"expected quarter 1 to 4, found {quarter}")
    else:
        month = 4 + 3 * (quarter - 1)
        start = dt.date(first_year + (month > 12), (month - 1) % 12 + 1, 1)
    period = find_period_starting(start, grain)
    if period is None:
        raise ValueError(f"no {grain} starts on {start}")
    return period


def parse_period_label(label: str) -> Period:
    """Return the period of a label such as `2021-01`, `2020-21 Q2` or `2020-21`; the inverse of `Period.label`.

    `2011-12` is a financial year: a month that looks like one is not a label anybody needs (the dataset began in 2012).
    Raises ValueError where the text is no label.
    """
    match = re.fullmatch(r"(20\d{2})-(\d{2})(?: Q([1-4]))?", label)
    if match is None:
        raise ValueError(f"expected a label such as 2021-01, 2020-21 Q2 or 2020-21; found {label!r}")
    first_year, second, quarter = int(match[1]), int(match[2]), match[3]
    if second == (first_year + 1) % 100:
        return parse_period_name("quarter" if quarter else "year", first_year, int(quarter) if quarter else None)
    is_month = not quarter and 1 <= second <= 12
    period = find_period_starting(dt.date(first_year, second, 1), "month") if is_month else None
    if period is None:
        raise ValueError(f"{label!r} is neither a month, nor a quarter, nor a financial year")
    return period
