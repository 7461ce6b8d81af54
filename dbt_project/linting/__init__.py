"""What sqlfluff's jinja templater puts where a model calls a macro: enough to parse the SQL without dbt or a database.

Macro files are not linted; a macro that a model or test calls by name needs a stand-in here.
"""

from __future__ import annotations

from types import SimpleNamespace


def facts_at(grain: str, only: str = "true") -> str:
    """A whole query."""
    return "select * from facts"


def in_affected_periods(
    grain: str, period_start: str, period: str | None = None, organisations: object = None, labelled_rows: str = ""
) -> str:
    """A condition."""
    return f"{period_start} in (cast('2026-01-01' as date))"


def released_at(grain: str) -> str:
    """A whole query."""
    return "select * from facts"


def assess_against_standard(value: str, half_width: str, threshold: str, comparison: str) -> str:
    """An expression."""
    return value


def fact_columns() -> list[str]:
    """Some columns of a fact; the real list is in macros/facts.sql."""
    return ["period", "value", "value_status"]


def list_first(code: str, place: str, how_many: int = 5) -> str:
    """An expression."""
    return code


def lower_bound_of_published(level: str, status: str, value: str) -> str:
    """An expression."""
    return value


def upper_bound_of_published(level: str, status: str, value: str) -> str:
    """An expression."""
    return value


def open_ended_date() -> str:
    """An expression."""
    return "cast('9999-12-31' as date)"


def integer_divide(dividend: str, divisor: str) -> str:
    """An expression."""
    return f"(({dividend}) // ({divisor}))"


dbt = SimpleNamespace(
    date_spine=lambda grain, first, last: "select date_month from spine",
    dateadd=lambda grain, number, day: f"date_add({day}, {number})",
    listagg=lambda measure, delimiter, order: f"string_agg({measure}, {delimiter} {order})",
)


def sum_of_parts(parts: str, is_whole: str = "true") -> str:
    """Columns of a sum."""
    return f"sum({parts}.value) as value"


def count_to_release(value: str, value_status: str, policy: str) -> str:
    """Columns of a count."""
    return f"{value} as value"


def extract_current_boundaries(extract: str, grain: str) -> str:
    """A whole query."""
    return "select * from figures"


def topic_mart(topic: str) -> str:
    """A whole query."""
    return "select * from cells"


def topic_labels(relation: str) -> str:
    """Columns that label a row."""
    return f"{relation}.period"


def topic_joins(relation: str) -> str:
    """The joins that the labels need."""
    return (
        "inner join dim_period as periods\n    on\n"
        f"        {relation}.period_grain = periods.period_grain\n        and {relation}.period = periods.period"
    )


def same_population(left: str, right: str) -> str:
    """A condition."""
    return f"{left}.org_code = {right}.org_code"


def all_topic_measures() -> list[str]:
    """Some measures; the real list is in macros/topics.sql."""
    return ["count_recovery"]


def literals(words: list[str]) -> str:
    """A list of SQL literals."""
    return ", ".join(f"'{word}'" for word in words)


def value_marker(status: str) -> str:
    """A literal."""
    return "'[c]'"


def render_value_marker(column: str) -> str:
    """An expression."""
    return column


def cell_key(relation: str) -> str:
    """Columns; the real list is in macros/population_key.sql."""
    return f"{relation}.period, {relation}.measure"


def observation_key(relation: str) -> str:
    """Columns; the real list is in macros/population_key.sql."""
    return f"{relation}.period_grain, {relation}.measure"


def same_observation(left: str, right: str) -> str:
    """A condition."""
    return f"{left}.measure = {right}.measure"


def in_force_on(day: str, dated: str) -> str:
    """A condition."""
    return f"{day} >= {dated}.valid_from"


def same_cell(left: str, right: str) -> str:
    """A condition."""
    return f"{left}.measure = {right}.measure"


def same_population_of_grain(left: str, right: str) -> str:
    """A condition."""
    return f"{left}.org_code = {right}.org_code"


def lower_bound_of_rounded(rounded: str, suppress_counts_below: str, round_counts_to: str) -> str:
    """An expression."""
    return rounded


def upper_bound_of_rounded(rounded: str, round_counts_to: str) -> str:
    """An expression."""
    return rounded


def round_to_multiple(count: str, base: str) -> str:
    """An expression."""
    return count


def rounded_count(value: str, round_counts_to: str) -> str:
    """An expression."""
    return value


def steps_in_one(decimals: str) -> str:
    """An expression."""
    return decimals


def exact_percentage(numerator: str, denominator: str, steps: str) -> str:
    """An expression."""
    return f"{numerator} / {denominator}"


def round_half_away(value: str, steps: str) -> str:
    """An expression."""
    return value


def population_key(relation: str) -> str:
    """Columns; the real list is in macros/population_key.sql."""
    return f"{relation}.period, {relation}.org_code"


def org_type_of_row(relation: str) -> str:
    """An expression."""
    return f"{relation}.org_level"


def join_organisations(relation: str) -> str:
    """The joins that tell what the organisations of a row are."""
    return f"left join dim_organisation as organisations\n    on {relation}.org_code = organisations.org_code"
