"""Stage 2 of reading: the period of every row, and the one layout that allows as many periods as there are."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from iapt.catalogue.layouts import Layout, PeriodFromColumns, PeriodFromLabel, PeriodFromNames, compile_period_pattern
from iapt.ingest.cell_conditions import blank_if_null
from iapt.ingest.loading import LoadedRows
from iapt.ingest.reading_context import EXTEND_LAYOUT, ReadingContext, describe_row
from iapt.ingest.tables import find_zip_member
from iapt.named_periods import is_named_for_a_series, parse_periods_in_name
from iapt.periods import (
    CALENDAR_END,
    CALENDAR_START,
    Period,
    find_period_starting,
    parse_day,
    parse_period_name,
)
from iapt.rejection import DropRejectedError
from iapt.sql import quote_literal

_MOST_DISTINCT = 2000


@dataclass(frozen=True)
class ResolvedPeriods:
    """The layout that fits, and the period of every row by `key`, an SQL expression over the loaded rows."""

    layout: Layout
    key: str
    by_key: Mapping[str, Period]

    @property
    def periods(self) -> list[Period]:
        """The distinct periods in order."""
        return sorted(set(self.by_key.values()))

    def build_bound_sql(self, bound: Literal["start", "end"]) -> str:
        """Return SQL for the first or last day of the period of a row that has its key in `period_key`.

        It is no join: a join would not keep the order of the file.
        """
        if len(self.by_key) == 1:
            return f"date '{getattr(self.periods[0], bound)}'"
        cases = " ".join(
            f"when {quote_literal(text)} then date '{getattr(period, bound)}'" for text, period in self.by_key.items()
        )
        return f"case period_key {cases} end"


def resolve_periods(context: ReadingContext, rows: LoadedRows) -> ResolvedPeriods:
    """Resolve the period of every row; choose, where the header allows several layouts, the one that fits.

    Raises DropRejectedError where a row has no period, or one outside the pipeline's calendar, and where not exactly
    one layout fits.
    """
    layout = context.group.layouts[0]
    rule = layout.period
    key = _build_key_sql(layout)
    first_rows = {"": ("", 0)}
    if not isinstance(rule, PeriodFromNames):
        first_rows = {text: (member, row) for text, member, row in find_distinct(context, rows.keys, key)}
    by_key = {text: _parse_period(context, layout, text, member, row) for text, (member, row) in first_rows.items()}
    for text, period in by_key.items():
        if not period.is_in_calendar:
            place = "its name" if isinstance(rule, PeriodFromNames) else describe_row(*first_rows[text])
            raise _make_calendar_rejection(context, place, period)
    return ResolvedPeriods(_choose_layout(context, len(set(by_key.values()))), key, by_key)


def find_distinct(context: ReadingContext, keys: str, expression: str) -> list[tuple[str, str, int]]:
    """Return the distinct values of an SQL expression over the keys of rows, each with the table and row of its first.

    Raises DropRejectedError where there are so many that the columns cannot be what the layout takes them for.
    """
    found = context.fetch(
        f"""
        select {expression}, arg_min(source_member, source_row), min(source_row)
        from {keys} group by 1 order by 3, 2 limit {_MOST_DISTINCT + 1}
        """
    )
    if len(found) > _MOST_DISTINCT:
        expected = f"at most {_MOST_DISTINCT:,} distinct periods or group types"
        raise DropRejectedError(context.drop.file, "the whole table", expected, "more", EXTEND_LAYOUT)
    return found


def _choose_layout(context: ReadingContext, periods: int) -> Layout:
    """Return the one of the group's layouts that allows so many periods."""
    candidates, file = context.group.layouts, context.drop.file
    # A time series that has come to one month is none the less no monthly file, whose figures it would replace.
    is_series = periods > 1 or _is_named_series(context)
    fitting = [
        layout
        for layout in candidates
        if layout.recognise.periods == "any" or (layout.recognise.periods == "several") == is_series
    ]
    if is_series and not fitting and periods == 1:
        raise DropRejectedError(
            file,
            "its name",
            f"the name of a file of one month, as layout {candidates[0].name} is of",
            "the name of a time series",
            "If it is the monthly file, offer it under the publisher's name; if it is a time series, write a "
            "layout for it in catalogue/layouts.",
        )
    if len(fitting) != 1:
        names = ", ".join(layout.name for layout in candidates)
        raise DropRejectedError(
            file,
            f"{context.group.tables[0].place}the period columns",
            f"as many periods as exactly one of the layouts {names} allows",
            f"{periods} periods",
            EXTEND_LAYOUT,
        )
    return fitting[0]


def _is_named_series(context: ReadingContext) -> bool:
    """Whether the name of the file, or of a member of its ZIP, says a time series."""
    members = (find_zip_member(table.member) for table in context.group.tables)
    return any(is_named_for_a_series(name) for name in (context.drop.file, *members) if name)


def _make_calendar_rejection(context: ReadingContext, place: str, period: Period) -> DropRejectedError:
    return DropRejectedError(
        context.drop.file,
        place,
        f"a period within {CALENDAR_START} to {CALENDAR_END}, the pipeline's calendar",
        period.label,
        "Look at the file's dates and name; where they are right, lengthen the calendar in "
        "iapt/periods.py and the models it names.",
    )


def _build_key_sql(layout: Layout) -> str:
    rule = layout.period
    if isinstance(rule, PeriodFromNames):
        return "''"
    if isinstance(rule, PeriodFromLabel):
        return blank_if_null(rule.column)
    if rule.end is None:
        return blank_if_null(rule.start)
    return f"{blank_if_null(rule.start)} || ' to ' || {blank_if_null(rule.end)}"


def _parse_period(context: ReadingContext, layout: Layout, text: str, member: str, row: int) -> Period:
    """Return the period of a key's text; raise DropRejectedError, naming the row, where it is none of the layout."""
    if isinstance(layout.period, PeriodFromNames):
        return _parse_period_from_names(context, layout)
    if isinstance(layout.period, PeriodFromLabel):
        return _parse_period_from_label(context, layout, text, member, row)
    return _parse_period_from_dates(context, layout, layout.period, text, member, row)


def _parse_period_from_dates(
    context: ReadingContext, layout: Layout, rule: PeriodFromColumns, text: str, member: str, row: int
) -> Period:
    start_text, _, end_text = text.partition(" to ")
    start = parse_day(start_text, list(rule.date_styles))
    period = find_period_starting(start, layout.period_grain) if start else None
    if period is None and "month_first" in rule.date_styles:
        period = _parse_month_first(context, layout, start_text, member, row)
    end: dt.date | None = period.end if period else None
    if rule.end:
        end = parse_day(end_text, list(rule.date_styles))
    if period is None or end != period.end:
        shown = f"{rule.start} {start_text!r}" + (f", {rule.end} {end_text!r}" if rule.end else "")
        raise context.make_row_rejection(member, row, f"the first and last day of a {_describe_grain(layout)}", shown)
    return period


def _parse_month_first(context: ReadingContext, layout: Layout, text: str, member: str, row: int) -> Period | None:
    """Return the month that a date such as 04/01/2016 begins where its month comes first; None where it begins none.

    Raises DropRejectedError where no name says a period that would show whether it is read rightly.
    """
    start = parse_day(text, ["month_first"])
    period = find_period_starting(start, layout.period_grain) if start else None
    names = [context.drop.file, *(table.member for table in context.group.tables)]
    if period is not None and not any(parse_periods_in_name(name) for name in names):
        expected = "the month in the file's name, where a date is written month first"
        raise context.make_row_rejection(member, row, expected, f"{text!r}")
    return period


def _parse_period_from_label(context: ReadingContext, layout: Layout, text: str, member: str, row: int) -> Period:
    pattern = compile_period_pattern(layout)
    match = pattern.fullmatch(text)
    if match is None or not _names_consecutive_years(match):
        raise context.make_row_rejection(member, row, f"a period like {pattern.pattern}", repr(text))
    groups = match.groupdict()
    quarter = int(groups["quarter"]) if groups.get("quarter") else None
    return parse_period_name(layout.period_grain, int(groups["first_year"]), quarter)


def _parse_period_from_names(context: ReadingContext, layout: Layout) -> Period:
    """Return the one financial year that the names of the file and its members agree on."""
    members = [table.member for table in context.group.tables]
    pattern = compile_period_pattern(layout)
    years = {
        int(match["first_year"])
        for name in (context.drop.file, *members)
        for match in pattern.finditer(name)
        if _names_consecutive_years(match)
    }
    if len(years) != 1:
        raise DropRejectedError(
            context.drop.file,
            "its name",
            "one financial year, such as 2020-21, in the names of the file and its member",
            f"{sorted(years) if years else 'none'} in {', '.join([context.drop.file, *members])}",
            "Offer the file under the publisher's own name.",
        )
    return parse_period_name(layout.period_grain, years.pop())


def _names_consecutive_years(match: re.Match[str]) -> bool:
    """Whether the second year of a period, of two digits or four, follows the first, where the pattern names both."""
    following, next_year = match.groupdict().get("next_year"), int(match["first_year"]) + 1
    return following is None or int(following) == (next_year if len(following) == 4 else next_year % 100)


def _describe_grain(layout: Layout) -> str:
    return {"month": "month", "quarter": "quarter (from April)", "year": "financial year"}[layout.period_grain]
