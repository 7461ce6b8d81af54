{# The columns of every extract, in order. #}
{% macro extract_columns() -%}
    {{ return([
        'period', 'period_start', 'period_end', 'financial_year', 'org_level', 'org_code', 'org_name',
        'partner_code', 'partner_name', 'variable_type', 'variable_a', 'variable_b', 'measure', 'measure_id',
        'statistic', 'value', 'value_status', 'value_marker', 'is_derived', 'lower_bound', 'upper_bound',
        'suppressed_parts', 'drop_sha256',
    ]) }}
{%- endmacro %}

{#
  What may leave of a fact: the rules of the interactive report, at every level, England too.
    counts       nearest 5; 4 or lower (0 included) suppressed
    percentages  whole, never rebuilt from rounded counts; suppressed with their numerator
    means        one decimal; suppressed with the count they rest on
  Minima, maxima, sums, figures that do not apply and measures nobody has reviewed stay behind.

  Counts, rates and means are each read from the fact with the few columns they need: a common table that several of them
  shared would be held in memory whole.
#}
{% macro extract_of(fact) %}
with figures as (

    select * from {{ ref(fact) }}
    where
        statistic in ('count', 'percentage', 'mean', 'median')
        and value_status <> 'not_applicable'
        and is_reviewed

),

counts as (

    select
        {{ population_key_of('fact') }},
        fact.measure,
        fact.value_status = 'suppressed' or fact.value < 5 as is_hidden,
        cast(fact.value as bigint) as exact_count
    from {{ ref(fact) }} as fact
    where
        fact.statistic = 'count'
        and fact.value_status in ('published', 'suppressed')
        and fact.is_reviewed

),

rates as (

    select
        {{ population_key_of('fact') }},
        fact.measure,
        fact.value
    from {{ ref(fact) }} as fact
    where
        fact.statistic = 'percentage'
        and fact.value_status = 'published'
        and fact.is_reviewed

),

means as (

    select
        {{ population_key_of('fact') }},
        fact.measure
    from {{ ref(fact) }} as fact
    where
        fact.statistic in ('mean', 'median')
        and fact.value_status = 'published'
        and fact.is_reviewed

),

formulas as (

    select * from {{ ref('measure_formulas') }}

),

numerators as (

    select * from formulas
    where part = 'numerator'

),

measures as (

    select * from {{ ref('measures') }}

),

-- A rate is hidden when every part of its numerator that stands beside it is hidden.
rates_with_hidden_numerator as (

    select
        {{ population_key_of('rates') }},
        rates.measure
    from rates
    inner join numerators
        on rates.measure = numerators.measure
    inner join counts
        on
            numerators.component = counts.measure
            and {{ same_population('rates', 'counts') }}
    group by {{ population_key_of('rates') }}, rates.measure
    having min(case when counts.is_hidden then 1 else 0 end) = 1

),

-- England's counts are published exact, so its whole rates come from them, by integers alone.
england_rates as (

    select * from rates
    where org_level = 'england'

),

england_fractions as (

    select
        {{ population_key_of('england_rates') }},
        england_rates.measure,
        min(cast(round(england_rates.value * 10) as bigint)) as published_tenths,
        sum(case when formulas.part = 'numerator' then formulas.sign * counts.exact_count end) as numerator,
        sum(case when formulas.part = 'denominator' then formulas.sign * counts.exact_count end) as denominator
    from england_rates
    inner join formulas
        on england_rates.measure = formulas.measure
    left join counts
        on
            formulas.component = counts.measure
            and {{ same_population('england_rates', 'counts') }}
    group by {{ population_key_of('england_rates') }}, england_rates.measure
    having count(counts.exact_count) = count(formulas.component)

),

-- Counts that do not reproduce the published one-decimal rate are not the ones it was made from: it is then carried.
england_whole_rates as (

    select
        {{ population_key_of('england_fractions') }},
        measure,
        cast({{ whole_percentage('numerator', 'denominator') }} as double) as whole_rate
    from england_fractions
    where
        denominator > 0
        and numerator between 0 and denominator
        and 2000 * numerator between (2 * published_tenths - 1) * denominator and (2 * published_tenths + 1) * denominator

),

-- A mean is hidden when the count it rests on is hidden.
means_with_hidden_base as (

    select
        {{ population_key_of('means') }},
        means.measure
    from means
    inner join measures
        on means.measure = measures.measure
    inner join counts
        on
            measures.base = counts.measure
            and {{ same_population('means', 'counts') }}
    where counts.is_hidden

),

judged as (

    select
        figures.*,
        england_whole_rates.whole_rate,
        case
            when figures.value_status <> 'published' then figures.value_status
            when figures.statistic = 'count' and figures.value < 5 then 'suppressed'
            when rates_with_hidden_numerator.measure is not null then 'suppressed'
            when means_with_hidden_base.measure is not null then 'suppressed'
            else 'published'
        end as status_that_leaves
    from figures
    left join rates_with_hidden_numerator
        on
            figures.measure = rates_with_hidden_numerator.measure
            and {{ same_population('figures', 'rates_with_hidden_numerator') }}
    left join means_with_hidden_base
        on
            figures.measure = means_with_hidden_base.measure
            and {{ same_population('figures', 'means_with_hidden_base') }}
    left join england_whole_rates
        on
            figures.measure = england_whole_rates.measure
            and {{ same_population('figures', 'england_whole_rates') }}

),

disclosed as (

    select
        *,
        case
            when status_that_leaves <> 'published' then null
            when statistic = 'count' then cast({{ nearest_five('cast(value as bigint)') }} as double)
            when statistic = 'percentage' then coalesce(whole_rate, {{ round_half_away('value', 0) }})
            else {{ round_half_away('value', 1) }}
        end as value_that_leaves
    from judged

)

select
    period,
    period_start,
    period_end,
    financial_year,
    org_level,
    org_code,
    org_name,
    partner_code,
    partner_name,
    variable_type,
    variable_a,
    variable_b,
    measure,
    measure_id,
    statistic,
    value_that_leaves as value,
    status_that_leaves as value_status,
    case status_that_leaves
        when 'suppressed' then '[c]'
        when 'not_published' then '[x]'
    end as value_marker,
    false as is_derived,
    case
        when statistic <> 'count' then null
        when status_that_leaves = 'suppressed' then 0
        when status_that_leaves = 'published' then greatest(5, cast(value_that_leaves as bigint) - 2)
    end as lower_bound,
    case
        when statistic <> 'count' then null
        when status_that_leaves = 'suppressed' then 4
        when status_that_leaves = 'published' then cast(value_that_leaves as bigint) + 2
    end as upper_bound,
    cast(null as integer) as suppressed_parts,
    drop_sha256
from disclosed
{% endmacro %}
