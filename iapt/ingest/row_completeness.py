"""Completeness of rows: what rows, levels and columns a drop lacks that its other rows, or others of its layout, have.

Columns of another year are told too: of an annual pack nothing but names says the year.

Published files are rectangular: of 74 that were read 71 are, the others a damaged copy, an excerpt and one of items
that three providers lack (docs/sources.md#rectangular-files). What is missing is told and no reason to reject: nothing
wrong is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from iapt.catalogue.layouts import Layout, WideMeasures
from iapt.ingest.distinct_keys import MEASURES, ROWS
from iapt.ingest.notices import format_notice
from iapt.ingest.reading_context import ReadingContext
from iapt.periods import Period
from iapt.run_warnings import list_first

#: How many others must have a row for it to be missed.
FEWEST_OTHERS: Final = 2
#: A table of fewer organisations and of fewer rows is an extract, as anybody sees.
_FEWEST_ORGANISATIONS: Final = 3
_FEWEST_ROWS: Final = 20
#: How many missing rows the notices of a drop name.
_NAMED: Final = 3
_MISSING_ROW: Final = "a row that all other organisations have is missing; the file may have lost it"
_MISSING_PERIOD: Final = "an organisation has no rows of a period that others have; the file may have lost them"
_MISSING_MEASURE: Final = "a measure that all other organisations and populations have is missing; rows may be lost"
_MISSING_LEVEL: Final = "no rows of a level that files of this layout have; the file is an extract, or has lost them"
_MISSING_COLUMN: Final = "a column that files of this layout have is missing"
_OTHER_YEAR: Final = (
    "columns that files of this period do not have; the table may be of another year than its name says"
)
_ORGANISATION: Final = "concat_ws(' ', org_level, org_code, partner_code)"
_POPULATION: Final = "concat_ws(' ', variable_type, variable_a, variable_b)"
_MONTH: Final = "strftime(period_start, '%Y-%m')"


def find_missing_rows(
    context: ReadingContext, layout: Layout, table: str, keys: str, periods: Sequence[Period]
) -> tuple[str, ...]:
    """Return notices of the rows, levels and columns that a working table of these periods lacks.

    `keys` are the distinct keys of the rows.
    """
    notices = [
        *_name_missing(context, _MISSING_ROW, _build_missing_populations_sql(keys)),
        *_name_missing(context, _MISSING_PERIOD, _build_missing_periods_sql(keys, layout)),
    ]
    if isinstance(layout.measures, WideMeasures):
        notices += _find_missing_columns(context, layout.measures)
        notices += _find_columns_of_other_years(context, layout.measures, periods)
    elif _may_lack_measures(context, table, keys):
        notices += _name_missing(context, _MISSING_MEASURE, _build_missing_measures_sql(table))
    return (*notices, *_find_missing_levels(context, layout, keys))


def _name_missing(context: ReadingContext, what: str, query: str) -> list[str]:
    """Return a notice of the missing rows, named in a query's only column, if there are any."""
    missing = [text for (text,) in context.fetch(f"{query} order by all")]
    return [format_notice(what, list_first(missing[:_NAMED], len(missing)))] if missing else []


def _build_missing_populations_sql(keys: str) -> str:
    """Return SQL for the categories that all organisations which have a variable have, but one; of the total, all."""
    return f"""
        with rows as (
            select distinct period_start, variable_type, {_ORGANISATION} as organisation, {_POPULATION} as population
            from {keys}
        ),
        organisations as (
            select period_start, variable_type, organisation from rows
            union
            select rows.period_start, totals.variable_type, rows.organisation
            from rows
            inner join (select distinct period_start, variable_type from rows where variable_type = 'Total') as totals
                using (period_start)
        ),
        counted as (
            select period_start, variable_type, count(*) as organisations from organisations group by all
        ),
        missed as (
            select rows.period_start, rows.variable_type, rows.population
            from rows
            inner join counted using (period_start, variable_type)
            group by rows.period_start, rows.variable_type, rows.population, counted.organisations
            having count(*) = counted.organisations - 1 and count(*) >= {FEWEST_OTHERS}
        )
        select organisations.organisation || ', ' || missed.population || ' (' || {_MONTH} || ')'
        from missed
        inner join organisations using (period_start, variable_type)
        anti join rows using (period_start, variable_type, organisation, population)
    """


def _build_missing_periods_sql(keys: str, layout: Layout) -> str:
    """Return SQL for the periods that the other organisations of a level have, and one has before and after only.

    Where every organisation has every period, those before its first and after its last too, of any level.
    """
    periods = f"select org_level, period_start from rows group by all having count(*) >= {FEWEST_OTHERS}"
    if layout.has_every_period:
        periods = f"""
            select levels.org_level, others.period_start
            from (select distinct org_level from rows) as levels
            cross join (select period_start from rows group by all having count(*) >= {FEWEST_OTHERS}) as others
        """
    is_missed = "true" if layout.has_every_period else "period_start between first_start and last_start"
    return f"""
        with rows as (
            select distinct org_level, period_start, {_ORGANISATION} as organisation from {keys}
        ),
        ranges as (
            select org_level, organisation, min(period_start) as first_start, max(period_start) as last_start
            from rows group by all
        ),
        periods as (
            {periods}
        )
        select ranges.organisation || ', ' || {_MONTH}
        from ranges
        inner join periods
            on
                ranges.org_level = periods.org_level
                and {is_missed}
        anti join rows
            on
                ranges.organisation = rows.organisation
                and ranges.org_level = rows.org_level
                and periods.period_start = rows.period_start
    """


def _build_missing_measures_sql(table: str) -> str:
    """Return SQL for the measures that every organisation and population of a period has but one."""
    return f"""
        with rows as (
            select distinct
                period_start, variable_type, measure_id, {_ORGANISATION} || ', ' || {_POPULATION} as whose
            from {table}
        ),
        units as (
            select distinct period_start, variable_type, whose from rows
        ),
        counted as (
            select period_start, variable_type, count(*) as units from units group by all
        ),
        missed as (
            select rows.period_start, rows.variable_type, rows.measure_id
            from rows
            inner join counted using (period_start, variable_type)
            group by rows.period_start, rows.variable_type, rows.measure_id, counted.units
            having count(*) = counted.units - 1 and count(*) >= {FEWEST_OTHERS}
        )
        select missed.measure_id || ' of ' || units.whose || ' (' || {_MONTH} || ')'
        from missed
        inner join units using (period_start, variable_type)
        anti join rows using (period_start, variable_type, measure_id, whose)
    """


def _may_lack_measures(context: ReadingContext, table: str, keys: str) -> bool:
    """Whether an organisation may lack a measure that others of its period have: False only where none does."""
    of_rows = context.fetch(
        f"""
        select period_start, variable_type, count(distinct measure_id) as measures from {table}
        group by period_start, variable_type order by all
        """
    )
    of_keys = context.fetch(
        f"""
        select period_start, variable_type, min({MEASURES}) as measures from {keys}
        group by period_start, variable_type order by all
        """
    )
    return of_rows != of_keys


def _find_missing_levels(context: ReadingContext, layout: Layout, keys: str) -> list[str]:
    counts = context.fetch(
        f"select org_level, count(distinct {_ORGANISATION}), cast(sum({ROWS}) as bigint) from {keys} group by org_level"
    )
    organisations, rows = (sum(count[place] for count in counts) for place in (1, 2))
    if organisations < _FEWEST_ORGANISATIONS and rows < _FEWEST_ROWS:
        return []
    present = {level for level, *_ in counts}
    missing = [" or ".join(levels) for levels in layout.levels.expected if not present.intersection(levels)]
    return [format_notice(_MISSING_LEVEL, ", ".join(missing))] if missing else []


def _find_missing_columns(context: ReadingContext, measures: WideMeasures) -> list[str]:
    header = set(context.group.header)
    missing = [" or ".join(names) for names in measures.expected if not header.intersection(names)]
    return [format_notice(_MISSING_COLUMN, list_first(missing[:_NAMED], len(missing)))] if missing else []


def _find_columns_of_other_years(
    context: ReadingContext, measures: WideMeasures, periods: Sequence[Period]
) -> list[str]:
    others = [
        column
        for column in context.group.value_columns
        if any(years.excludes(column, period.label) for years in measures.years for period in periods)
    ]
    return [format_notice(_OTHER_YEAR, list_first(others[:_NAMED], len(others)))] if others else []
