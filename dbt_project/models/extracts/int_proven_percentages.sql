{{ config(materialized='view') }}

-- Under a profile that suppresses more than the publisher: the percentages that are safe whatever their counts can be.
-- In doubt a percentage is suppressed: all parts of its formula must be published, and even at the worst that their
-- bounds allow, the complement and the denominator must be large enough. Under the publisher's profile nothing is read.
with extra_suppression as (

    select * from {{ ref('stg_disclosure_policy') }}
    where
        hide_complement_at_most is not null
        or minimum_denominator is not null

),

percentages as (

    select
        {{ cell_key('figures') }},
        extra_suppression.hide_complement_at_most,
        extra_suppression.minimum_denominator
    from {{ ref('int_releasable_figures') }} as figures
    cross join extra_suppression
    where
        figures.statistic = 'percentage'
        and figures.value_status = 'published'

),

counts as (

    select
        {{ cell_key('figures') }},
        figures.value_status = 'suppressed' or figures.value < extra_suppression.suppress_counts_below as is_hidden,
        cast(figures.value as bigint) as exact_count,
        {{ round_to_multiple('cast(figures.value as bigint)', 'extra_suppression.round_counts_to') }} as rounded_count,
        extra_suppression.suppress_counts_below,
        extra_suppression.round_counts_to
    from {{ ref('int_releasable_figures') }} as figures
    cross join extra_suppression
    where
        figures.statistic = 'count'
        and figures.value_status in ('published', 'suppressed')

),

-- What is public of each count: England's exactly, elsewhere what its suppression or rounding leaves open.
count_bounds as (

    select
        {{ cell_key('counts') }},
        case
            when counts.org_level = 'england' and counts.exact_count is not null then counts.exact_count
            when counts.is_hidden then 0
            else {{ lower_bound_of_rounded(
                'counts.rounded_count', 'counts.suppress_counts_below', 'counts.round_counts_to'
            ) }}
        end as lower_bound,
        case
            when counts.org_level = 'england' and counts.exact_count is not null then counts.exact_count
            when counts.is_hidden then counts.suppress_counts_below - 1
            else {{ upper_bound_of_rounded('counts.rounded_count', 'counts.round_counts_to') }}
        end as upper_bound
    from counts

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

worst_cases as (

    select
        {{ cell_key('percentages') }},
        percentages.hide_complement_at_most,
        percentages.minimum_denominator,
        count(*) as parts_published,
        sum(
            case
                when formulas.part <> 'numerator' then null
                when formulas.sign > 0 then count_bounds.upper_bound
                else -count_bounds.lower_bound
            end
        ) as largest_numerator,
        sum(
            case
                when formulas.part <> 'denominator' then null
                when formulas.sign > 0 then count_bounds.lower_bound
                else -count_bounds.upper_bound
            end
        ) as smallest_denominator
    from percentages
    inner join formulas
        on percentages.measure = formulas.measure
    inner join count_bounds
        on
            formulas.component = count_bounds.measure
            and {{ same_population_of_grain('percentages', 'count_bounds') }}
    group by
        {{ cell_key('percentages') }},
        percentages.hide_complement_at_most, percentages.minimum_denominator

)

select
    {{ cell_key('worst_cases') }}
from worst_cases
inner join formula_sizes
    on worst_cases.measure = formula_sizes.measure
where
    worst_cases.parts_published = formula_sizes.parts
    and (
        worst_cases.hide_complement_at_most is null
        or worst_cases.smallest_denominator - worst_cases.largest_numerator > worst_cases.hide_complement_at_most
    )
    and (
        worst_cases.minimum_denominator is null
        or worst_cases.smallest_denominator >= worst_cases.minimum_denominator
    )
