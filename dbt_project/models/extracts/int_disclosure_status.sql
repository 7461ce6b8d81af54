{{ config(materialized='view') }}

-- The status that every figure is released with: the rules of the publisher's interactive report, at every level,
-- England too. Their numbers, and which kinds of statistic are released, are the disclosure policy's
-- (catalogue/disclosure.yml).
--   counts       suppressed below a threshold (0 included)
--   percentages  suppressed where all that is published of their numerator is
--   means        suppressed with the count that they rest on
-- Counts are read twice, with the few columns that are needed: a common table that several shared would be held in
-- memory whole, of every period. They meet the formulas before the figures: of each population there are many measures,
-- and a join on the population alone makes pairs of all of them.
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
formulas as (

    select * from {{ ref('measure_formulas') }}

),

-- By the measure and the population of the percentage, which need not be there. An empty category is an absent one.
hidden_percentages as (

    select
        numerators.period_grain,
        numerators.period,
        numerators.org_level,
        numerators.org_code,
        coalesce(numerators.partner_code, '') as partner_code,
        numerators.variable_type,
        coalesce(numerators.variable_a, '') as variable_a,
        coalesce(numerators.variable_b, '') as variable_b,
        formulas.measure
    from numerators
    inner join formulas
        on numerators.measure = formulas.component
    where formulas.part = 'numerator'
    group by
        numerators.period_grain, numerators.period, numerators.org_level, numerators.org_code,
        coalesce(numerators.partner_code, ''), numerators.variable_type,
        coalesce(numerators.variable_a, ''), coalesce(numerators.variable_b, ''), formulas.measure
    having min(case when numerators.is_hidden then 1 else 0 end) = 1

),

hidden_means as (

    select
        bases.period_grain,
        bases.period,
        bases.org_level,
        bases.org_code,
        bases.partner_code,
        bases.variable_type,
        bases.variable_a,
        bases.variable_b,
        measures.measure
    from bases
    inner join {{ ref('measures') }} as measures
        on bases.measure = measures.base
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
        when figures.statistic = 'percentage' and hidden_percentages.measure is not null then 'suppressed'
        when figures.statistic in ('mean', 'median') and hidden_means.measure is not null then 'suppressed'
        when not released_statistics.must_be_proven then 'published'
        when proven_percentages.measure is not null then 'published'
        -- No count of a percentage of England without a formula is published: nothing can be put together with it.
        when figures.org_level = 'england' and measures_with_formula.measure is null then 'published'
        else 'suppressed'
    end as released_status
from {{ ref('int_releasable_figures') }} as figures
inner join released_statistics
    on figures.statistic = released_statistics.statistic
left join hidden_percentages
    on {{ same_cell('figures', 'hidden_percentages') }}
left join hidden_means
    on {{ same_cell('figures', 'hidden_means') }}
left join proven_percentages
    on {{ same_cell('figures', 'proven_percentages') }}
left join measures_with_formula
    on figures.measure = measures_with_formula.measure
