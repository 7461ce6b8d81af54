-- England's whole percentages from its exact counts, where they reproduce the published one.
insert into exact_percentage by name
with england as (
    select hash({{ population_columns }}) as population, hash({{ row_key }}) as row_key, measure, statistic, value
    from {{ facts }}
    where org_level = 'england' and value_status = 'published' and is_reviewed
),

percentages as (
    select england.row_key, england.population, cast(round(england.value * 10) as bigint) as tenths, formula.*
    from england
    inner join formula on england.measure = formula.percentage
    where england.statistic = 'percentage'
),

counts as (
    select population, measure, cast(value as bigint) as exact_count
    from england
    where statistic = 'count'
),

fractions as (
    select
        percentages.row_key, percentages.tenths,
        firsts.exact_count + coalesce(seconds.exact_count, 0) as numerator,
        bases.exact_count - coalesce(excluded.exact_count, 0) as denominator
    from percentages
    inner join counts as bases
        on percentages.population = bases.population and percentages.base = bases.measure
    inner join counts as firsts
        on percentages.population = firsts.population and percentages.numerator = firsts.measure
    left join counts as excluded
        on percentages.population = excluded.population and percentages.excluded = excluded.measure
    left join counts as seconds
        on percentages.population = seconds.population and percentages.second_numerator = seconds.measure
    where
        (percentages.excluded is null or excluded.exact_count is not null)
        and (percentages.second_numerator is null or seconds.exact_count is not null)
)

select row_key, (200 * numerator + denominator) // (2 * denominator) as whole_percentage
from fractions
where
    denominator > 0
    and numerator between 0 and denominator
    and 2000 * numerator between (2 * tenths - 1) * denominator and (2 * tenths + 1) * denominator
