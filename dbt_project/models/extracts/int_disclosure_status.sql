{{ config(materialized='view') }}

-- The status that every figure is released with: the rules of the publisher's interactive report, at every level,
-- England too. Their numbers, and which kinds of statistic are released, are the disclosure policy's
-- (catalogue/disclosure.yml).
--   counts       suppressed below a threshold (0 included)
--   percentages  suppressed where all that is published of their numerator is
--   means        suppressed with the count that they rest on
-- Counts, percentages and means are each read with the few columns that they need, counts twice: a common table that
-- several of them shared would be held in memory whole, of every period.
with policy as (

    select
        *,
        hide_complement_at_most is not null or minimum_denominator is not null as has_extra_suppression
    from {{ ref('stg_disclosure_policy') }}

),

released_statistics as (

    select
        disclosure_statistics.statistic,
        {{ steps_in_one('disclosure_statistics.decimals') }} as steps_in_one,
        policy.suppress_counts_below,
        policy.round_counts_to,
        disclosure_statistics.statistic = 'percentage' and policy.has_extra_suppression as must_be_proven
    from {{ ref('stg_disclosure_statistics') }} as disclosure_statistics
    cross join policy
    where disclosure_statistics.is_released

),

{% for counts in ['numerators', 'bases'] -%}
{{ counts }} as (

    select
        {{ cell_key('figures') }},
        figures.value_status = 'suppressed' or figures.value < policy.suppress_counts_below as is_hidden
    from {{ ref('int_releasable_figures') }} as figures
    cross join policy
    where
        figures.statistic = 'count'
        and figures.value_status in ('published', 'suppressed')

),

{% endfor -%}
percentages as (

    select
        {{ cell_key('figures') }}
    from {{ ref('int_releasable_figures') }} as figures
    where
        figures.statistic = 'percentage'
        and figures.value_status = 'published'

),

means as (

    select
        {{ cell_key('figures') }}
    from {{ ref('int_releasable_figures') }} as figures
    where
        figures.statistic in ('mean', 'median')
        and figures.value_status = 'published'

),

formulas as (

    select * from {{ ref('measure_formulas') }}

),

percentages_with_hidden_numerator as (

    select
        {{ cell_key('percentages') }}
    from percentages
    inner join formulas
        on
            percentages.measure = formulas.measure
            and formulas.part = 'numerator'
    inner join numerators
        on
            formulas.component = numerators.measure
            and {{ same_population_of_grain('percentages', 'numerators') }}
    group by {{ cell_key('percentages') }}
    having min(case when numerators.is_hidden then 1 else 0 end) = 1

),

means_with_hidden_base as (

    select
        {{ cell_key('means') }}
    from means
    inner join {{ ref('measures') }} as measures
        on means.measure = measures.measure
    inner join bases
        on
            measures.base = bases.measure
            and {{ same_population_of_grain('means', 'bases') }}
    where bases.is_hidden

),

proven_percentages as (

    select * from {{ ref('int_proven_percentages') }}

),

measures_with_formula as (

    select distinct measure from formulas

)

select
    figures.*,
    released_statistics.steps_in_one,
    released_statistics.suppress_counts_below,
    released_statistics.round_counts_to,
    case
        when figures.value_status <> 'published' then figures.value_status
        when figures.statistic = 'count' and figures.value < released_statistics.suppress_counts_below then 'suppressed'
        when percentages_with_hidden_numerator.measure is not null then 'suppressed'
        when means_with_hidden_base.measure is not null then 'suppressed'
        when not released_statistics.must_be_proven then 'published'
        when proven_percentages.measure is not null then 'published'
        -- No count of a percentage of England without a formula is published: nothing can be put together with it.
        when figures.org_level = 'england' and measures_with_formula.measure is null then 'published'
        else 'suppressed'
    end as released_status
from {{ ref('int_releasable_figures') }} as figures
inner join released_statistics
    on figures.statistic = released_statistics.statistic
left join percentages_with_hidden_numerator
    on {{ same_cell('figures', 'percentages_with_hidden_numerator') }}
left join means_with_hidden_base
    on {{ same_cell('figures', 'means_with_hidden_base') }}
left join proven_percentages
    on {{ same_cell('figures', 'proven_percentages') }}
left join measures_with_formula
    on figures.measure = measures_with_formula.measure
