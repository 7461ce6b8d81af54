"""The non-amplification gate: a release must leave every bound where the published source left it, cell by cell.

Each figure of an extract is read as its most curious reader would: a multiple of five as a rounded count, any other
number as the count itself, a declared bound as a bound, a percentage as far as its decimals go. Put beside the source,
it may narrow nothing. The source's own constraints have done their work already, so one look at those that the extract
changes decides. Bounds that stopped short of the last sweeps are wider, so they can only make the gate stricter.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from iapt.contract import POPULATION
from iapt.disclosure.model import PUBLISHERS_ROUNDING, Rounding, load_rates
from iapt.disclosure.percentage_constraints import build_stars, star_bounds
from iapt.disclosure.propagation import narrow

KEY = ", ".join(POPULATION)


@dataclass(frozen=True)
class Leak:
    """How many cells of a measure an extract reveals more of than its source, and in what way. No cell is named."""

    measure: str
    kind: str
    cells: int


def find_residual_disclosures(
    connection: duckdb.DuckDBPyConnection, extract: str, where: str = "true", rounding: Rounding = PUBLISHERS_ROUNDING
) -> dict[str, list[Leak]]:
    """Say, by period, what an extract reveals that the source, whose narrowed bounds stand in `cell`, does not.

    Makes `leak` (cell, period, measure, kind) for an explanation; bounds in `cell` are left as they were.
    """
    _take_released(connection, extract, where)
    connection.execute("create or replace temp table source_bound as select cell, l, u from cell")
    _propose_counts(connection, rounding)
    connection.execute(
        """
        create or replace temp table leak as
        select distinct cell, period, measure, 'count' as kind
        from proposed join cell using (cell) where proposed.l > cell.l or proposed.u < cell.u
        union all
        select hash(population, measure), period, measure, 'unknown to the source'
        from released
        where statistic = 'count' and has_value and hash(population, measure) not in (select cell from cell)
        """
    )
    _narrow_by_counts(connection)
    load_rates(connection, "released_rate", "released_limit", rounding)
    _propose_percentages(connection)
    connection.execute(
        """
        insert into leak
        with narrower as (
            select cell from proposed join cell using (cell) left join known using (cell)
            where proposed.l > greatest(cell.l, coalesce(known.l, cell.l))
                or proposed.u < least(cell.u, coalesce(known.u, cell.u))
            union
            select numerator from news_leaf semi join contradicted_star using (star)
        )
        select cell, period, measure, 'percentage'
        from narrower join cell using (cell) where cell not in (select cell from leak);
        update cell set l = source_bound.l, u = source_bound.u from source_bound where cell.cell = source_bound.cell
        """
    )
    leaks: dict[str, list[Leak]] = {}
    for period, measure, kind, cells in connection.execute(
        "select period, measure, kind, count(*) from leak group by all order by all"
    ).fetchall():
        leaks.setdefault(str(period), []).append(Leak(str(measure), str(kind), int(cells)))
    return leaks


def _take_released(connection: duckdb.DuckDBPyConnection, extract: str, where: str) -> None:
    connection.execute(
        f"""
        create or replace temp table released as
        select
            hash({KEY}) as population, period, org_level, measure, statistic, value, lower_bound, upper_bound,
            value is not null or lower_bound is not null or upper_bound is not null as has_value
        from {extract} where {where};
        create or replace temp table released_rate as
        select population, org_level, measure, statistic, value, false as is_hidden from released
        where statistic = 'percentage' and value is not null and isfinite(value)
        """
    )


def _propose_counts(connection: duckdb.DuckDBPyConnection, rounding: Rounding) -> None:
    """Make `proposed` of what the counts of an extract, and the bounds it declares, say of the source's cells."""
    is_exact = rounding.is_exact("value")
    connection.execute(
        f"""
        create or replace temp table proposed as
        with counts as (
            select
                hash(population, measure) as cell, lower_bound, upper_bound,
                if(value is null, null, if({is_exact}, ceil(value), {rounding.lower("value")})) as shown_l,
                if(value is null, null, if({is_exact}, floor(value), {rounding.upper("value")})) as shown_u
            from released
            where statistic = 'count' and (value is null or isfinite(value)) and has_value
        )
        select
            counts.cell, counts.cell as source,
            cast(greatest(coalesce(shown_l, cell.l), coalesce(lower_bound, cell.l)) as bigint) as l,
            cast(least(coalesce(shown_u, cell.u), coalesce(upper_bound, cell.u)) as bigint) as u
        from counts join cell using (cell)
        """
    )


def _propose_percentages(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `proposed` of an extract's new percentages beside the source's, and `known` of the source's alone.

    A new percentage that narrows nothing by itself can rule out what the source's own left possible together. What it
    makes impossible is in `contradicted_star`, without what was so before.
    """
    connection.execute(
        """
        create or replace temp table news as
        with said as (
            select population, rate, max(low) as low, min(high) as high
            from released_limit anti join rate using (population, rate, low, high) group by population, rate
        )
        select
            said.population, said.rate,
            greatest(said.low, coalesce(rate.low, said.low)) as low,
            least(said.high, coalesce(rate.high, said.high)) as high
        from said left join rate using (population, rate)
        """
    )
    build_stars(connection, "news", "news_leaf")
    connection.execute(
        """
        create or replace temp table star_with_news as select distinct star from news_leaf;
        create or replace temp table leaf_with_news as
        from news_leaf
        union all by name
        from leaf semi join star_with_news using (star) anti join news_leaf using (star, rate)
        """
    )
    star_bounds(connection, "star_with_news")
    connection.execute(
        """
        create or replace temp table known as select cell, max(l) as l, min(u) as u from proposed group by cell;
        create or replace temp table known_contradiction as from contradicted_star
        """
    )
    star_bounds(connection, "star_with_news", "leaf_with_news")
    connection.execute("delete from contradicted_star where star in (from known_contradiction)")


def _narrow_by_counts(connection: duckdb.DuckDBPyConnection) -> None:
    """Take over what counts narrow, so that percentages are read beside them; a contradiction is no bound."""
    connection.execute(
        """
        create or replace temp table changed_for_sum (cell ubigint);
        create or replace temp table changed_for_star (population ubigint);
        create or replace temp table shared_population (population ubigint)
        """
    )
    narrow(connection, "sum", 0)
