{{ config(materialized='view') }}

-- The numerator and denominator of England's percentages. Its counts are published exact, so that a percentage is made
-- whole from them, by integers alone. Counts that do not reproduce the published one-decimal percentage are not those
-- that it was made from: it has no fraction, and is rounded as published.
with figures as (

    select * from {{ ref('int_releasable_figures') }}
    where org_level = 'england'

),

percentages as (

    select * from figures
    where
        statistic = 'percentage'
        and value_status = 'published'

),

counts as (

    select
        *,
        cast(value as bigint) as exact_count
    from figures
    where
        statistic = 'count'
        and value_status in ('published', 'suppressed')

),

formulas as (

    select * from {{ ref('measure_formulas') }}

),

formula_sizes as (

    select
        measure,
        count(*) as parts
    from formulas
    group by measure

),

fractions as (

    select
        {{ cell_key('percentages') }},
        count(counts.exact_count) as exact_parts,
        min(cast(round(percentages.value * 10) as bigint)) as published_tenths,
        sum(case when formulas.part = 'numerator' then formulas.sign * counts.exact_count end) as numerator,
        sum(case when formulas.part = 'denominator' then formulas.sign * counts.exact_count end) as denominator
    from percentages
    inner join formulas
        on percentages.measure = formulas.measure
    inner join counts
        on
            formulas.component = counts.measure
            and {{ same_population_of_grain('percentages', 'counts') }}
    group by {{ cell_key('percentages') }}

)

select
    {{ cell_key('fractions') }},
    fractions.numerator,
    fractions.denominator
from fractions
inner join formula_sizes
    on fractions.measure = formula_sizes.measure
where
    fractions.exact_parts = formula_sizes.parts
    and fractions.denominator > 0
    and fractions.numerator between 0 and fractions.denominator
    and 2000 * fractions.numerator
    between (2 * fractions.published_tenths - 1) * fractions.denominator
    and (2 * fractions.published_tenths + 1) * fractions.denominator
