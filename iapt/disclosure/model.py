"""Facts: published figures as integer cells with bounds, and percentages as constraints on them. No propagation.

The rule of the publisher (docs/sources.md#rounding-and-suppression, docs/methodology/disclosure.md) gives every
count its first bounds:

    England                 exact
    below England, shown    v means max(5, v - 2) to v + 2; a number its rounding could not give is taken as exact
    below England, hidden   0 to 4

Cells are named by a hash of what the figure is of, so that a table of the same figures always gives the same cells,
and cells of constraints are found without joins. A clash of two hashes stops the audit: it would merge two cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from iapt.contract import POPULATION

#: Percentages are compared as 2000 n against a multiple of d: whole ones of p give 20 p -/+ 10, q tenths 2 q -/+ 1.
SCALE = 2000

KEY = ", ".join(POPULATION)


class AuditError(Exception):
    """Raised when figures cannot be audited; what cannot be audited has not passed."""


@dataclass(frozen=True)
class Rounding:
    """How the counts of a source were made: those below `threshold` hidden, the others rounded to `base`.

    The publisher shows England's counts as they are; figures that come to us unrounded are rounded for England too.
    """

    threshold: int = 5
    base: int = 5
    england_is_exact: bool = True

    def lower(self, value: str) -> str:
        """SQL of the least true count behind a shown one."""
        return f"greatest({self.threshold}, {value} - {self.base // 2})"

    def upper(self, value: str) -> str:
        """SQL of the greatest true count behind a shown one."""
        return f"{value} + {(self.base - 1) // 2}"

    def is_exact(self, value: str) -> str:
        """SQL of whether a shown count cannot have come from rounding, so that it must be the count itself."""
        return f"({self.upper(value)} < {self.threshold} or {value} % {self.base} <> 0)"

    def is_shown_exact(self) -> str:
        """SQL of whether a row is of a level whose counts are shown as they are."""
        return "org_level = 'england'" if self.england_is_exact else "false"


PUBLISHERS_ROUNDING = Rounding()


def load_values(connection: duckdb.DuckDBPyConnection, source: str, where: str = "true") -> None:
    """Make the table `figure` of the counts and percentages of a source that say anything, each with its population.

    `source` is a relation with the population's columns, parent_code, measure, statistic, value and value_status.
    """
    connection.execute(
        f"""
        create or replace temp table figure as
        select
            hash({KEY}) as population, {KEY}, parent_code, measure, statistic, value,
            value_status = 'suppressed' as is_hidden
        from {source}
        where statistic in ('count', 'percentage') and value_status in ('published', 'suppressed') and {where}
        """
    )


def load_facts(connection: duckdb.DuckDBPyConnection, rounding: Rounding = PUBLISHERS_ROUNDING) -> None:
    """Make the tables `cell` and `rate` from `figure`.

    Raises AuditError where two figures claim one cell, or a count is not a whole number.
    """
    (fractions,) = _one(
        connection,
        """
        select count(*) from figure
        where statistic = 'count' and not is_hidden and value is distinct from floor(value)
        """,
    )
    if fractions:
        raise AuditError(f"expected whole counts; found {fractions} without a whole number")
    is_exact = f"({rounding.is_shown_exact()} or {rounding.is_exact('count')})"
    connection.execute(
        f"""
        create or replace temp table cell as
        with counts as (
            select population, period, org_level, measure, is_hidden, cast(value as bigint) as count
            from figure where statistic = 'count'
        ),
        bounds as (
            select
                hash(population, measure) as cell, population, period, org_level, measure, is_hidden,
                if(is_hidden, 0, if({is_exact}, count, {rounding.lower("count")})) as first_l,
                if(is_hidden, {rounding.threshold - 1}, if({is_exact}, count, {rounding.upper("count")})) as first_u
            from counts
        )
        select *, first_l as l, first_u as u from bounds
        """
    )
    cells, names = _one(connection, "select count(*), count(distinct cell) from cell")
    if cells != names:
        raise AuditError(f"expected one figure for each cell; {cells - names} of {cells} figures claim a cell twice")
    load_rates(connection, "figure", "rate", rounding)


def load_rates(connection: duckdb.DuckDBPyConnection, figures: str, target: str, rounding: Rounding) -> None:
    """Make a table of what each published percentage says: its numerator lies between two multiples of its denominator.

    Percentages of exact counts are left out: they have nothing to add.
    """
    connection.execute(
        f"""
        create or replace temp table {target} as
        with rates as (
            select population, measure, value, cast(round(value) as bigint) as p, cast(round(value * 10) as bigint) as q
            from {figures}
            where statistic = 'percentage' and not is_hidden and value is not null and not ({rounding.is_shown_exact()})
        )
        select
            population, measure as rate,
            greatest(0, if(value = p, 20 * p - 10, 2 * q - 1)) as low,
            if(value = p, 20 * p + 10, 2 * q + 1) as high
        from rates
        """
    )


def load_formulas(connection: duckdb.DuckDBPyConnection, measures: str) -> None:
    """Make the table `formula` from dim_measure: a percentage's base, the part taken from it, and its numerators.

    Raises AuditError for a formula of another shape, which no part of the audit would then use.
    """
    connection.execute(
        f"""
        create or replace temp table formula as
        select
            measure as rate,
            split_part(denominator, ' - ', 1) as base,
            nullif(split_part(denominator, ' - ', 2), '') as taken_away,
            split_part(numerator, ' + ', 1) as numerator,
            nullif(split_part(numerator, ' + ', 2), '') as second_numerator
        from {measures}
        where statistic = 'percentage' and numerator is not null and denominator is not null
        """
    )
    odd = connection.execute(
        f"""
        select measure from {measures}
        where statistic = 'percentage' and (
            denominator like '% + %' or denominator like '% - % - %'
            or numerator like '% - %' or numerator like '% + % + %'
        )
        order by measure
        """
    ).fetchall()
    if odd:
        raise AuditError(
            "expected percentages of at most two numerators over a base that at most one count is taken from; "
            f"found others: {', '.join(str(measure) for (measure,) in odd)}"
        )


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[int, ...]:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row
