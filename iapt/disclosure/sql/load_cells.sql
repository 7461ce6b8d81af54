-- One unknown whole number for each count, with the bounds that the publisher's rule gives it.
insert into cell by name
with counts as (
    select
        population, hash(population, parent_code) as place, measure, is_suppressed,
        cast(value as bigint) as shown,
        is_exact_level(org_level) or is_unrounded(cast(value as bigint)) as is_exact
    from published_value
    where statistic = 'count'
),

bounds as (
    select
        *,
        case when is_suppressed then 0 when is_exact then shown else lowest_count(shown) end as initial_lower,
        case when is_suppressed then {{ threshold }} - 1 when is_exact then shown else highest_count(shown) end
            as initial_upper
    from counts
)

select
    hash(population, measure) as cell, population, place, measure, is_suppressed,
    initial_lower, initial_upper, initial_lower as lower_bound, initial_upper as upper_bound
from bounds;

-- The populations of the counts, with the parents they stand under.
insert into place by name
select
    hash(population, parent_code) as place,
    {{ place_columns }}
from published_value
where statistic = 'count'
group by place
