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
#}
{% macro extract_of(fact) %}
with facts as (

    select * from {{ ref(fact) }}
    where
        statistic in ('count', 'percentage', 'mean', 'median')
        and value_status <> 'not_applicable'
        and is_reviewed

),

formulas as (

    select * from {{ ref('measure_formulas') }}

),

measures as (

    select * from {{ ref('measures') }}

),

counts as (

    select
        {{ population_key_columns() | join(',\n        ') }},
        measure,
        value,
        value_status,
        value_status = 'suppressed' or (value_status = 'published' and value < 5) as is_hidden
    from facts
    where
        statistic = 'count'
        and value_status in ('published', 'suppressed')

),

published_rates as (

    select * from facts
    where
        statistic = 'percentage'
        and value_status = 'published'

),

-- A rate is hidden when every part of its numerator that stands beside it is hidden.
rates_with_hidden_numerator as (

    select
        {% for column in population_key_columns() -%}
        published_rates.{{ column }},
        {% endfor -%}
        published_rates.measure
    from published_rates
    inner join formulas
        on
            published_rates.measure = formulas.measure
            and formulas.part = 'numerator'
    inner join counts
        on
            formulas.component = counts.measure
            and {{ same_population('published_rates', 'counts') }}
    group by
        {% for column in population_key_columns() -%}
        published_rates.{{ column }},
        {% endfor -%}
        published_rates.measure
    having min(case when counts.is_hidden then 1 else 0 end) = 1

),

-- England's counts are published exact, so its whole rates come from them, by integers alone.
england_parts as (

    select
        {% for column in population_key_columns() -%}
        published_rates.{{ column }},
        {% endfor -%}
        published_rates.measure,
        min(published_rates.value) as published_rate,
        sum(case when formulas.part = 'numerator' then formulas.sign * cast(counts.value as bigint) end) as numerator,
        sum(case when formulas.part = 'denominator' then formulas.sign * cast(counts.value as bigint) end) as denominator
    from published_rates
    inner join formulas
        on published_rates.measure = formulas.measure
    left join counts
        on
            formulas.component = counts.measure
            and counts.value_status = 'published'
            and {{ same_population('published_rates', 'counts') }}
    where published_rates.org_level = 'england'
    group by
        {% for column in population_key_columns() -%}
        published_rates.{{ column }},
        {% endfor -%}
        published_rates.measure
    having count(counts.value) = count(formulas.component)

),

-- Counts that do not reproduce the published one-decimal rate are not the ones it was made from: it is then carried.
england_rates as (

    select
        {{ population_key_columns() | join(',\n        ') }},
        measure,
        {{ whole_percentage('numerator', 'denominator') }} as whole_rate
    from england_parts
    where
        denominator > 0
        and numerator between 0 and denominator
        and 2000 * cast(numerator as bigint)
        between (2 * cast(round(published_rate * 10) as bigint) - 1) * denominator
        and (2 * cast(round(published_rate * 10) as bigint) + 1) * denominator

),

-- A mean is hidden when the count it rests on is hidden.
means_with_hidden_base as (

    select
        {% for column in population_key_columns() -%}
        means.{{ column }},
        {% endfor -%}
        means.measure
    from facts as means
    inner join measures
        on means.measure = measures.measure
    inner join counts
        on
            measures.base = counts.measure
            and {{ same_population('means', 'counts') }}
    where
        means.statistic in ('mean', 'median')
        and means.value_status = 'published'
        and counts.is_hidden

),

judged as (

    select
        facts.*,
        england_rates.whole_rate,
        case
            when facts.value_status <> 'published' then facts.value_status
            when facts.statistic = 'count' and facts.value < 5 then 'suppressed'
            when rates_with_hidden_numerator.measure is not null then 'suppressed'
            when means_with_hidden_base.measure is not null then 'suppressed'
            else 'published'
        end as status_that_leaves
    from facts
    left join rates_with_hidden_numerator
        on
            facts.measure = rates_with_hidden_numerator.measure
            and {{ same_population('facts', 'rates_with_hidden_numerator') }}
    left join means_with_hidden_base
        on
            facts.measure = means_with_hidden_base.measure
            and {{ same_population('facts', 'means_with_hidden_base') }}
    left join england_rates
        on
            facts.measure = england_rates.measure
            and {{ same_population('facts', 'england_rates') }}

),

disclosed as (

    select
        *,
        case
            when status_that_leaves <> 'published' then null
            when statistic = 'count' then {{ nearest_five('cast(value as bigint)') }}
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
    cast(value_that_leaves as double) as value,
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
