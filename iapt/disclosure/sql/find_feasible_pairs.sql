-- The terms of some groups with the bounds of their cells. A term that allows its numerator every value over every
-- denominator says nothing, nor does a group of such terms: they are left out unless asked for.
insert into bounded_term by name
with due_term as materialized (
    from {{ terms }}
    where constraint_group in (select constraint_group from due_group)
),

due_cell as materialized (
    select cell, lower_bound, upper_bound
    from cell
    where
        cell in (
            select due_term.base from due_term
            union distinct
            select due_term.excluded from due_term
            union distinct
            select due_term.numerator from due_term
            union distinct
            select due_term.second_numerator from due_term
        )
),

bounded as (
    select
        due_term.*,
        due_term.excluded is not null and due_term.excluded = due_term.numerator as numerator_is_excluded,
        bases.lower_bound as base_lower, bases.upper_bound as base_upper,
        coalesce(excluded_cells.lower_bound, 0) as excluded_lower,
        coalesce(excluded_cells.upper_bound, 0) as excluded_upper,
        numerators.lower_bound as first_lower, numerators.upper_bound as first_upper,
        coalesce(seconds.lower_bound, 0) as second_lower, coalesce(seconds.upper_bound, 0) as second_upper
    from due_term
    inner join due_cell as bases on due_term.base = bases.cell
    inner join due_cell as numerators on due_term.numerator = numerators.cell
    left join due_cell as excluded_cells on due_term.excluded = excluded_cells.cell
    left join due_cell as seconds on due_term.second_numerator = seconds.cell
),

ranges as (
    select
        *,
        greatest(1, base_lower - if(uses_excluded, excluded_upper, 0)) as denominator_lower,
        base_upper - if(uses_excluded, excluded_lower, 0) as denominator_upper
    from bounded
    where (base_upper - base_lower + 1) * (excluded_upper - excluded_lower + 1) <= {{ max_pairs }}
)

from ranges
where
    not {{ is_informative }}
    or lowest_numerator(lower_factor, denominator_upper) > first_lower + second_lower
    or highest_numerator(upper_factor, denominator_lower) < first_upper + second_upper
    or denominator_lower > base_lower - if(uses_excluded, excluded_upper, 0);

-- What each term leaves its numerator over each denominator that its group could have.
insert into denominator_trial by name
with trials as (
    select *, unnest(range(denominator_lower, denominator_upper + 1)) as denominator
    from bounded_term
    where not numerator_is_excluded
),

numerators as (
    select
        *,
        lowest_numerator(lower_factor, denominator) as numerator_lower,
        highest_numerator(upper_factor, denominator) as numerator_upper
    from trials
)

select
    constraint_group, percentage, uses_excluded, denominator, numerator_lower, numerator_upper,
    greatest(numerator_lower, first_lower + second_lower) <= least(numerator_upper, first_upper + second_upper)
        as is_feasible
from numerators;

-- Every base and excluded count of a group over which all its terms have a value left.
insert into feasible_pair by name
with feasible_denominators as (
    select constraint_group, uses_excluded, denominator
    from denominator_trial
    group by constraint_group, uses_excluded, denominator
    having bool_and(is_feasible)
),

groups as (
    select
        constraint_group, any_value(base_lower) as base_lower, any_value(base_upper) as base_upper,
        any_value(excluded_lower) as excluded_lower, any_value(excluded_upper) as excluded_upper,
        bool_or(not uses_excluded and not numerator_is_excluded) as needs_base,
        bool_or(uses_excluded) as needs_rest
    from bounded_term
    group by constraint_group
),

bases as (
    select *, unnest(range(base_lower, base_upper + 1)) as base_count
    from groups
),

feasible_bases as (
    select bases.*
    from bases
    left join feasible_denominators as feasible
        on
            bases.constraint_group = feasible.constraint_group
            and not feasible.uses_excluded
            and bases.base_count = feasible.denominator
    where feasible.denominator is not null or not bases.needs_base
),

pairs as (
    select
        constraint_group, needs_rest, base_count,
        unnest(range(excluded_lower, excluded_upper + 1)) as excluded_count
    from feasible_bases
)

select pairs.constraint_group, pairs.base_count, pairs.excluded_count
from pairs
left join feasible_denominators as feasible
    on
        pairs.constraint_group = feasible.constraint_group
        and feasible.uses_excluded
        and pairs.base_count - pairs.excluded_count = feasible.denominator
where feasible.denominator is not null or not pairs.needs_rest;

delete from feasible_pair
using bounded_term as term
where
    term.numerator_is_excluded
    and feasible_pair.constraint_group = term.constraint_group
    and (
        feasible_pair.base_count < 1
        or feasible_pair.excluded_count < lowest_numerator(term.lower_factor, feasible_pair.base_count)
        or feasible_pair.excluded_count > highest_numerator(term.upper_factor, feasible_pair.base_count)
    )
