"""Stars: every percentage of a row with the base it shares, worked out exactly by trying each possible base.

The base A and the part B that is taken from it are at most a few integers each: rounding leaves five. A percentage
rests on A or on A - B, and for each possible denominator it leaves its numerator an interval, perhaps an empty one. A
pair (A, B) under which some numerator has no value left cannot be the truth. The pairs that remain bound A, B and every
numerator. Numerators are independent given the pair, so for one row this is exact, but where two percentages share a
numerator: those are tried again until nothing changes, which may stay wider than need be.
"""

from __future__ import annotations

import duckdb

from iapt.disclosure.model import SCALE

#: A star with more possible pairs of base and part than this is left alone: its bounds stay wider, which is sound.
MOST_PAIRS = 64

# The numerator that a percentage leaves possible over a denominator d: never more than d, of which it is a part.
LEAST = f"((low * d + {SCALE - 1}) // {SCALE})"
MOST = f"least(high * d // {SCALE}, d)"


def build_stars(connection: duckdb.DuckDBPyConnection, rates: str = "rate", leaf: str = "leaf") -> None:
    """Make a table of leaves: each percentage in the stars of its row's base, one for each part taken from that base.

    A percentage whose base, part or numerator has no cell of its own says nothing that could be used, and is left out.
    """
    connection.execute(
        f"""
        create or replace temp table {leaf} as
        with parts_of_bases as (select distinct base, taken_away from formula where taken_away is not null),
        centres as (
            select formula.*, coalesce(formula.taken_away, parts_of_bases.taken_away) as part_of_base,
                formula.taken_away is not null as uses_part
            from formula left join parts_of_bases on formula.taken_away is null and formula.base = parts_of_bases.base
        ),
        leaves as (
            select
                hash(population, base, part_of_base) as star, population, rate, low, high, uses_part,
                hash(population, base) as base,
                hash(population, part_of_base) as part,
                hash(population, numerator) as numerator,
                if(second_numerator is null, null, hash(population, second_numerator)) as second_numerator
            from {rates} join centres using (rate)
        )
        select leaves.* replace (if(parts.cell is null, null, leaves.part) as part)
        from leaves
        semi join cell as bases on leaves.base = bases.cell
        semi join cell as numerators on leaves.numerator = numerators.cell
        left join cell as parts on leaves.part = parts.cell
        where (parts.cell is not null or not uses_part)
            and (second_numerator is null or second_numerator in (select cell from cell))
        """
    )


def star_bounds(connection: duckdb.DuckDBPyConnection, stars: str, leaf: str = "leaf") -> None:
    """Make the table `proposed` (cell, source, l, u) of the bounds that some stars give: `stars` names their relation.

    Also makes `contradicted_star`: those without any possible pair, whose facts cannot all be as the model says. What a
    percentage says depends on its denominator alone, so each is tried once a denominator, not once a pair.
    """
    _open_leaves(connection, stars, leaf)
    _weigh_denominators(connection)
    _pair_what_is_possible(connection)
    connection.execute(
        """
        create or replace temp table contradicted_star as
        select distinct star from open_leaf anti join possible_pair using (star);
        create or replace temp table proposed as
        with centre as (
            select star, any_value(base) as base, any_value(part) as part from open_leaf group by star
        ),
        ranges as (
            select star, min(a) as base_l, max(a) as base_u, min(b) as part_l, max(b) as part_u
            from possible_pair group by star
        ),
        left_over as (
            select distinct star, false as uses_part, a as d from possible_pair
            union all
            select distinct star, true, a - b from possible_pair
        ),
        numerators as (
            select star, rate, min(least_n) as least_n, max(most_n) as most_n
            from weighed join left_over using (star, uses_part, d)
            group by star, rate
        )
        select base as cell, star as source, base_l as l, base_u as u from ranges join centre using (star)
        union all
        select part, star, part_l, part_u from ranges join centre using (star) where part is not null
        union all
        select numerator, star, least_n - second_u, most_n - second_l from numerators join open_leaf using (star, rate)
        union all
        select second_numerator, star, least_n - first_u, most_n - first_l
        from numerators join open_leaf using (star, rate) where second_numerator is not null
        """
    )


def _open_leaves(connection: duckdb.DuckDBPyConnection, stars: str, leaf: str, *, silent_too: bool = False) -> None:
    """Make `open_leaf`: the leaves of some stars beside the bounds of their cells, but for those that can say nothing.

    A leaf that allows its numerator every value over every denominator says nothing; nor does a star of such leaves.
    """
    is_telling = f"""
        {LEAST.replace(" d ", " most_d ")} > first_l + second_l
        or {MOST.replace(" d ", " least_d ").replace(" d)", " least_d)")} < first_u + second_u
        or least_d > base_l - if(uses_part, part_u, 0)
    """
    connection.execute(
        f"""
        create or replace temp table due_leaf as from {leaf} where star in (select star from {stars});
        create or replace temp table due_cell as
        select cell, l, u from cell where cell in (
            select base from due_leaf union select part from due_leaf
            union select numerator from due_leaf union select second_numerator from due_leaf
        );
        create or replace temp table open_leaf as
        with known as (
            select
                due_leaf.*,
                part is not null and part = numerator as is_own_part,
                bases.l as base_l, bases.u as base_u,
                coalesce(parts.l, 0) as part_l, coalesce(parts.u, 0) as part_u,
                numerators.l as first_l, numerators.u as first_u,
                coalesce(seconds.l, 0) as second_l, coalesce(seconds.u, 0) as second_u
            from due_leaf
            join due_cell as bases on due_leaf.base = bases.cell
            join due_cell as numerators on due_leaf.numerator = numerators.cell
            left join due_cell as parts on due_leaf.part = parts.cell
            left join due_cell as seconds on due_leaf.second_numerator = seconds.cell
        ),
        ends as (
            select
                *,
                greatest(1, base_l - if(uses_part, part_u, 0)) as least_d,
                base_u - if(uses_part, part_l, 0) as most_d
            from known
            where (base_u - base_l + 1) * (part_u - part_l + 1) <= {MOST_PAIRS}
        )
        select * from ends where {"true" if silent_too else is_telling}
        """
    )


def _weigh_denominators(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `weighed`: what each leaf leaves its numerator over each denominator that its star could have."""
    connection.execute(
        f"""
        create or replace temp table weighed as
        with tried as (select *, unnest(range(least_d, most_d + 1)) as d from open_leaf where not is_own_part)
        select
            star, rate, uses_part, d, {LEAST} as least_n, {MOST} as most_n,
            greatest({LEAST}, first_l + second_l) <= least({MOST}, first_u + second_u) as is_possible
        from tried
        """
    )


def _pair_what_is_possible(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `possible_pair`: every base and part of a star over which all its leaves have a value left."""
    connection.execute(
        f"""
        create or replace temp table possible_base as
        select star, d from weighed where not uses_part group by star, d having bool_and(is_possible);
        create or replace temp table possible_rest as
        select star, d from weighed where uses_part group by star, d having bool_and(is_possible);
        create or replace temp table possible_pair as
        with centre as (
            select
                star, any_value(base_l) as base_l, any_value(base_u) as base_u,
                any_value(part_l) as part_l, any_value(part_u) as part_u,
                bool_or(not uses_part and not is_own_part) as asks_base, bool_or(uses_part) as asks_rest
            from open_leaf group by star
        ),
        bases as (select * exclude (base_l, base_u), unnest(range(base_l, base_u + 1)) as a from centre),
        bases_left as (
            select bases.* from bases left join possible_base on bases.star = possible_base.star and a = d
            where d is not null or not asks_base
        ),
        pairs as (select star, asks_rest, a, unnest(range(part_l, part_u + 1)) as b from bases_left)
        select pairs.star, a, b
        from pairs left join possible_rest on pairs.star = possible_rest.star and a - b = d
        where d is not null or not asks_rest;
        delete from possible_pair using open_leaf
        where open_leaf.is_own_part and possible_pair.star = open_leaf.star
            and (a < 1 or b < {LEAST.replace(" d ", " a ")} or b > {MOST.replace(" d ", " a ").replace(" d)", " a)")})
        """
    )


def complements(connection: duckdb.DuckDBPyConnection, most: int) -> None:
    """Make `complement` (star, rate, l, u): what is left of denominator less numerator, where it is `most` or less.

    The complement is never published, but everyone can take the numerator from the denominator.
    """
    connection.execute(
        f"""
        create or replace temp table due as
        select distinct star
        from leaf
        join cell as bases on leaf.base = bases.cell
        join cell as numerators on leaf.numerator = numerators.cell
        left join cell as parts on leaf.part = parts.cell
        where second_numerator is null and bases.l - if(uses_part, coalesce(parts.u, 0), 0) - numerators.u <= {most}
        """
    )
    _open_leaves(connection, "due", "leaf", silent_too=True)
    _weigh_denominators(connection)
    _pair_what_is_possible(connection)
    connection.execute(
        f"""
        create or replace temp table complement as
        with left_over as (
            select distinct star, false as uses_part, a as d from possible_pair
            union all
            select distinct star, true, a - b from possible_pair
        )
        select
            star, rate, any_value(base) as base, any_value(numerator) as numerator,
            min(d - least(most_n, first_u)) as l, max(d - greatest(least_n, first_l)) as u, min(d) as least_d
        from weighed join left_over using (star, uses_part, d) join open_leaf using (star, rate, uses_part)
        where second_numerator is null
        group by star, rate
        having max(d - greatest(least_n, first_l)) <= {most}
        union all
        select star, rate, any_value(base), any_value(numerator), min(a - b), max(a - b), min(a)
        from possible_pair join open_leaf using (star)
        where is_own_part
        group by star, rate
        having max(a - b) <= {most}
        """
    )
