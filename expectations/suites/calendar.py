"""The calendar as SQL: what the text, last day and financial year of a period follow from. Holds no rule."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from iapt.contract import Grain


@dataclass(frozen=True)
class Calendar:
    """What one grain's period must be, each as an SQL expression over `period_start`."""

    period: str
    period_start: str
    period_end: str
    previous_period: str
    next_period: str


#: England's financial year runs from April to March: '2020-21'.
FINANCIAL_YEAR: Final = (
    "(strftime({start} - interval 3 month, '%Y') || '-' || strftime({start} + interval 9 month, '%y'))"
)
MONTH: Final = "strftime({start}, '%Y-%m')"
QUARTER: Final = f"({FINANCIAL_YEAR} || ' Q' || quarter({{start}} - interval 3 month))"


def _calendar(text: str, first_day: str, months: int) -> Calendar:
    return Calendar(
        period=text.format(start="period_start"),
        period_start=first_day,
        period_end=f"(period_start + interval {months} month - interval 1 day)",
        previous_period=text.format(start=f"(period_start - interval {months} month)"),
        next_period=text.format(start=f"(period_start + interval {months} month)"),
    )


CALENDARS: Final[Mapping[Grain, Calendar]] = MappingProxyType(
    {
        "month": _calendar(MONTH, "date_trunc('month', period_start)", 1),
        "quarter": _calendar(QUARTER, "date_trunc('quarter', period_start)", 3),
        "year": _calendar(
            FINANCIAL_YEAR,
            "(date_trunc('year', period_start - interval 3 month) + interval 3 month)",
            12,
        ),
    }
)

FINANCIAL_YEAR_OF_PERIOD_START: Final = FINANCIAL_YEAR.format(start="period_start")


def disagrees_with_calendar(grain: Grain) -> str:
    """Return the condition that a row's period, first day and last day are not one period of the grain."""
    calendar = CALENDARS[grain]
    return (
        f"(period is distinct from {calendar.period}"
        f" or period_start is distinct from {calendar.period_start}"
        f" or period_end is distinct from {calendar.period_end})"
    )
