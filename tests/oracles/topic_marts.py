"""What each tier of tests asks of the topic marts and both geographies, as SQL on a warehouse: nothing is run here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: A question to a warehouse, for its rows.
Ask = Callable[[str], list[tuple[Any, ...]]]

TOPICS = ("mart_activity", "mart_waiting_times", "mart_outcomes")
#: The fact and the extract of each grain.
GRAINS = {
    "month": ("fct_monthly", "extract_monthly"),
    "quarter": ("fct_quarterly", "extract_quarterly"),
    "year": ("fct_annual", "extract_annual"),
}
#: Which cell a figure is, its measure apart.
KEY = "period_grain, period, org_level, org_code, partner_code, variable_type, variable_a, variable_b"

#: What may become of the status of a cell of a fact in its extract.
STATUS_CHANGES = {
    *{("published", "published"), ("published", "suppressed"), ("suppressed", "suppressed")},
    *{("not_published", "not_published"), ("not_applicable", None)},
}

NEVER_LEFT_OUT = ("suppressed", "not_published", "not_applicable")


def list_all_measures(ask: Ask) -> list[str]:
    """The measures of all topic marts."""
    return sorted({measure for mart in TOPICS for measure in list_measures(ask, mart)})


def list_measures(ask: Ask, mart: str) -> list[str]:
    """The measures that a topic mart has a column of."""
    columns = ask(
        "select column_name from information_schema.columns "
        f"where table_schema = 'marts' and table_name = '{mart}' order by ordinal_position"
    )
    names = [str(name) for (name,) in columns]
    return [name for name in names if f"{name}_status" in names and not name.endswith("_standard")]


def select_mart_cells(ask: Ask, mart: str) -> str:
    """The cells of a wide mart, one row each: key, measure, value, status and, of a count, its bounds."""
    return " union all ".join(
        f"select {KEY}, '{measure}' as measure, {measure} as value, {measure}_status as value_status, "
        + (
            f"{measure}_lower as lower_bound, {measure}_upper as upper_bound "
            if measure.startswith("count_")
            else "null as lower_bound, null as upper_bound "
        )
        + f"from marts.{mart} where {measure}_status is not null"
        for measure in list_measures(ask, mart)
    )


def select_released_cells(measures: list[str]) -> str:
    """The cells of the extracts of some measures, and those of the facts that do not apply, in the same columns."""
    listed = ", ".join(f"'{measure}'" for measure in measures)
    key = KEY.removeprefix("period_grain, ")
    return " union all ".join(
        f"select '{grain}' as period_grain, {key}, measure, value, value_status, lower_bound, upper_bound "
        f"from extracts.{extract} where measure in ({listed}) "
        f"union all select '{grain}', {key}, measure, null, value_status, null, null "
        f"from marts.{fact} where measure in ({listed}) and value_status = 'not_applicable'"
        for grain, (fact, extract) in GRAINS.items()
    )


def count_statuses(cells: str) -> str:
    """How many cells there are of each grain, measure and status."""
    return (
        f"select period_grain, measure, value_status, count(*), count(value) from ({cells}) "
        "group by period_grain, measure, value_status order by all"
    )


def count_status_changes(grain: str, measures: list[str]) -> str:
    """How many cells of each status in the fact have each status in the extract, or none."""
    fact, extract = GRAINS[grain]
    listed = ", ".join(f"'{measure}'" for measure in measures)
    return f"""
        select facts.value_status, leaves.value_status, count(*)
        from (select * from marts.{fact} where measure in ({listed}) and is_reviewed) as facts
        left join (select * from extracts.{extract} where not is_derived) as leaves
            on facts.period = leaves.period
            and facts.org_level = leaves.org_level
            and facts.org_code = leaves.org_code
            and coalesce(facts.partner_code, '') = coalesce(leaves.partner_code, '')
            and facts.variable_type = leaves.variable_type
            and coalesce(facts.variable_a, '') = coalesce(leaves.variable_a, '')
            and coalesce(facts.variable_b, '') = coalesce(leaves.variable_b, '')
            and facts.measure = leaves.measure
        group by all order by all
    """


def count_repeated_values(extract: str) -> str:
    """Count the figures on current boundaries that stand there more than once."""
    return (
        f"select count(*) from (select 1 from extracts.{extract}_current_boundaries group by period, org_level, "
        "org_code, variable_type, variable_a, variable_b, measure having count(*) > 1)"
    )


def count_values_without_a_current_row(extract: str) -> str:
    """Count the figures of places, those that no row on current boundaries names, and how many of these should be.

    A count of a closed organisation may be unnamed: where the organisations of today that it went on to have their own,
    added up from smaller ones. Every other figure has a row: carried, added up, under its own code, or named where the
    reason stands why it is none of today's organisation.
    """
    view = f"{extract}_current_boundaries"
    return f"""
        with additive as (select measure from seeds.measures where statistic = 'count' and is_additive),
        named as (
            select period, level_as_published, unnest(string_split(codes_as_published, '; ')) as code, variable_type,
                variable_a, variable_b, measure
            from extracts.{view}
        ),
        unnamed as (
            select figures.* from extracts.{extract} as figures
            anti join named
                on named.period = figures.period and named.level_as_published = figures.org_level
                and named.code = figures.org_code and named.measure = figures.measure
                and named.variable_type = figures.variable_type
                and named.variable_a is not distinct from figures.variable_a
                and named.variable_b is not distinct from figures.variable_b
            where figures.org_level in ('england', 'region', 'stp', 'icb', 'ccg', 'sub_icb')
        ),
        of_today as (
            select today.period, areas.org_level, areas.org_code, today.variable_type, today.variable_a,
                today.variable_b, today.measure, bool_and(today.value_status <> 'not_published') as have_figures
            from extracts.{view} as today
            inner join intermediate.int_current_areas as areas
                on areas.period_end = today.period_end and areas.tiers_below = 0
                and areas.current_level = today.org_level and areas.current_code = today.org_code
            group by all
        )
        select
            (select count(*) from extracts.{extract}
             where org_level in ('england', 'region', 'stp', 'icb', 'ccg', 'sub_icb')),
            count(*),
            count(*) filter (
                unnamed.measure not in (select measure from additive) or coalesce(not of_today.have_figures, true)
            )
        from unnamed left join of_today
            on of_today.period = unnamed.period and of_today.org_level = unnamed.org_level
            and of_today.org_code = unnamed.org_code and of_today.measure = unnamed.measure
            and of_today.variable_type = unnamed.variable_type
            and of_today.variable_a is not distinct from unnamed.variable_a
            and of_today.variable_b is not distinct from unnamed.variable_b
    """


#: Each derived month of an ICB or STP beside the sum of its locations' rows in the extract, by the history of parents.
SUMS_AND_THEIR_PARTS = """
    select
        bodies.value, bodies.lower_bound, bodies.upper_bound, bodies.suppressed_parts,
        sum(parts.value) as sum_of_values,
        sum(parts.lower_bound) as sum_of_lower,
        sum(parts.upper_bound) as sum_of_upper,
        count(*) filter (parts.value_status = 'suppressed') as hidden,
        count(*) filter (parts.value_status = 'not_published') as never
    from extracts.extract_monthly as bodies
    inner join marts.dim_organisation_history as history
        on history.parent_code = bodies.org_code
        and bodies.period_start between history.valid_from and coalesce(history.valid_to, date '9999-12-31')
    inner join extracts.extract_monthly as parts
        on parts.period = bodies.period
        and parts.org_code = history.org_code
        and parts.org_level = history.org_level
        and parts.measure = bodies.measure
        and parts.variable_type = bodies.variable_type
        and parts.variable_a is not distinct from bodies.variable_a
        and parts.variable_b is not distinct from bodies.variable_b
    where
        bodies.is_derived
        and bodies.org_level in ('icb', 'stp')
        and parts.org_level in ('sub_icb', 'ccg')
    group by
        bodies.period, bodies.org_level, bodies.org_code, bodies.measure,
        bodies.value, bodies.lower_bound, bodies.upper_bound, bodies.suppressed_parts
"""
WRONG_SUMS = f"""
    select
        count(*),
        count(*) filter (
            never = 0 and (
                value is distinct from sum_of_values
                or lower_bound <> sum_of_lower
                or upper_bound <> sum_of_upper
                or suppressed_parts <> hidden
            )
            or never > 0 and value is not null
        )
    from ({SUMS_AND_THEIR_PARTS})
"""
