{# The least that a shown count can have been: rounding leaves so much open, and a lower one would be suppressed. #}
{% macro least_of_shown(rounded, suppress_counts_below, round_counts_to) -%}
    greatest({{ suppress_counts_below }}, {{ rounded }} - {{ integer_divide(round_counts_to, '2') }})
{%- endmacro %}

{# The most that a shown count can have been. #}
{% macro most_of_shown(rounded, round_counts_to) -%}
    {{ rounded }} + {{ integer_divide(round_counts_to ~ ' - 1', '2') }}
{%- endmacro %}

{#
  What may leave of a fact: the rules of the interactive report, at every level, England too. Their numbers are those of
  the disclosure policy (catalogue/disclosure.yml), and so is which kinds of statistic leave.
    counts       to the nearest multiple of a base; those below a threshold (0 included) suppressed
    percentages  at the policy's decimals, never rebuilt from rounded counts; suppressed with their numerator
    means        at the policy's decimals; suppressed with the count they rest on
  Figures that do not apply and measures nobody has reviewed stay behind. A profile may hide more percentages.

  Counts, rates and means are each read from the fact with the few columns they need: a common table that several of them
  shared would be held in memory whole.
#}
{% macro extract_of(fact) %}
with policy as (

    select
        *,
        hide_complement_at_most is not null or minimum_denominator is not null as hides_more
    from {{ ref('stg_disclosure_policy') }}

),

-- The numbers each kind of figure leaves by.
rules as (

    select
        statistics.statistic,
        {{ steps_in_one('statistics.decimals') }} as steps_in_one,
        policy.suppress_counts_below,
        policy.round_counts_to,
        statistics.statistic = 'percentage' and policy.hides_more as is_to_be_proven
    from {{ ref('stg_disclosure_statistics') }} as statistics
    cross join policy
    where statistics.is_released

),

-- What the profile hides beyond the publisher's rule: no row where it hides nothing more, and then nothing is looked for.
extra_suppression as (

    select * from policy
    where hides_more

),

figures as (

    select
        fact.*,
        {{ org_type_of('fact') }} as org_type,
        rules.steps_in_one,
        rules.suppress_counts_below,
        rules.round_counts_to,
        rules.is_to_be_proven
    from {{ ref(fact) }} as fact
    inner join rules
        on fact.statistic = rules.statistic
    {{ join_organisations('fact') }}
    where
        fact.value_status <> 'not_applicable'
        and fact.is_reviewed

),

counts as (

    select
        {{ population_key_of('fact') }},
        fact.measure,
        fact.value_status = 'suppressed' or fact.value < policy.suppress_counts_below as is_hidden,
        cast(fact.value as bigint) as exact_count
    from {{ ref(fact) }} as fact
    cross join policy
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

formula_sizes as (

    select
        measure,
        count(*) as parts
    from formulas
    group by measure

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

-- England's counts are published exact, so its rates come from them, by integers alone.
england_rates as (

    select * from rates
    where org_level = 'england'

),

england_fractions as (

    select
        {{ population_key_of('england_rates') }},
        england_rates.measure,
        count(counts.exact_count) as exact_parts,
        min(cast(round(england_rates.value * 10) as bigint)) as published_tenths,
        sum(case when formulas.part = 'numerator' then formulas.sign * counts.exact_count end) as numerator,
        sum(case when formulas.part = 'denominator' then formulas.sign * counts.exact_count end) as denominator
    from england_rates
    inner join formulas
        on england_rates.measure = formulas.measure
    inner join counts
        on
            formulas.component = counts.measure
            and {{ same_population('england_rates', 'counts') }}
    group by {{ population_key_of('england_rates') }}, england_rates.measure

),

-- Counts that do not reproduce the published one-decimal rate are not the ones it was made from: it is then carried.
england_fractions_of_the_rate as (

    select
        {{ population_key_of('england_fractions') }},
        england_fractions.measure,
        england_fractions.numerator,
        england_fractions.denominator
    from england_fractions
    inner join formula_sizes
        on england_fractions.measure = formula_sizes.measure
    where
        england_fractions.exact_parts = formula_sizes.parts
        and england_fractions.denominator > 0
        and england_fractions.numerator between 0 and england_fractions.denominator
        and 2000 * england_fractions.numerator
        between (2 * england_fractions.published_tenths - 1) * england_fractions.denominator
        and (2 * england_fractions.published_tenths + 1) * england_fractions.denominator

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

-- From here to proven_rates: what a profile that hides more asks of every rate, and no row under one that does not.
rates_to_check as (

    select
        {{ population_key_of('rates') }},
        rates.measure,
        extra_suppression.hide_complement_at_most,
        extra_suppression.minimum_denominator
    from rates
    cross join extra_suppression

),

formulas_to_prove as (

    select
        formula_sizes.measure,
        formula_sizes.parts
    from formula_sizes
    cross join extra_suppression

),

rounded_counts as (

    select
        {{ population_key_of('counts') }},
        counts.measure,
        counts.is_hidden,
        counts.exact_count,
        {{ nearest_multiple('counts.exact_count', 'extra_suppression.round_counts_to') }} as rounded_count,
        extra_suppression.suppress_counts_below,
        extra_suppression.round_counts_to
    from counts
    cross join extra_suppression

),

-- What is known of each count: England's exactly, elsewhere what its suppression or rounding leaves open.
declared_counts as (

    select
        {{ population_key_of('rounded_counts') }},
        measure,
        case
            when org_level = 'england' and exact_count is not null then exact_count
            when is_hidden then 0
            else {{ least_of_shown('rounded_count', 'suppress_counts_below', 'round_counts_to') }}
        end as least,
        case
            when org_level = 'england' and exact_count is not null then exact_count
            when is_hidden then suppress_counts_below - 1
            else {{ most_of_shown('rounded_count', 'round_counts_to') }}
        end as most
    from rounded_counts

),

rate_margins as (

    select
        {{ population_key_of('rates_to_check') }},
        rates_to_check.measure,
        rates_to_check.hide_complement_at_most,
        rates_to_check.minimum_denominator,
        count(*) as parts_published,
        sum(
            case when formulas.part = 'numerator' then
                case when formulas.sign > 0 then declared_counts.most else -declared_counts.least end
            end
        ) as most_of_numerator,
        sum(
            case when formulas.part = 'denominator' then
                case when formulas.sign > 0 then declared_counts.least else -declared_counts.most end
            end
        ) as least_of_denominator
    from rates_to_check
    inner join formulas
        on rates_to_check.measure = formulas.measure
    inner join declared_counts
        on
            formulas.component = declared_counts.measure
            and {{ same_population('rates_to_check', 'declared_counts') }}
    group by
        {{ population_key_of('rates_to_check') }}, rates_to_check.measure,
        rates_to_check.hide_complement_at_most, rates_to_check.minimum_denominator

),

-- In doubt, hide: a rate is proven when all its parts stand beside it, and even at the worst that they allow it is safe.
proven_rates as (

    select
        {{ population_key_of('rate_margins') }},
        rate_margins.measure
    from rate_margins
    inner join formulas_to_prove
        on rate_margins.measure = formulas_to_prove.measure
    where
        rate_margins.parts_published = formulas_to_prove.parts
        and (
            rate_margins.hide_complement_at_most is null
            or rate_margins.least_of_denominator - rate_margins.most_of_numerator > rate_margins.hide_complement_at_most
        )
        and (
            rate_margins.minimum_denominator is null
            or rate_margins.least_of_denominator >= rate_margins.minimum_denominator
        )

),

-- Of the rates that must be proven and are not, those of England that have no formula leave: none of their counts is
-- published anywhere, so that nothing beside them can be put together with them.
judged as (

    select
        figures.*,
        england_fractions_of_the_rate.numerator,
        england_fractions_of_the_rate.denominator,
        case
            when figures.value_status <> 'published' then figures.value_status
            when figures.statistic = 'count' and figures.value < figures.suppress_counts_below then 'suppressed'
            when rates_with_hidden_numerator.measure is not null then 'suppressed'
            when means_with_hidden_base.measure is not null then 'suppressed'
            when proven_rates.measure is not null then 'published'
            when figures.is_to_be_proven and figures.org_level <> 'england' then 'suppressed'
            when formulas_to_prove.measure is not null then 'suppressed'
            else 'published'
        end as released_status
    from figures
    left join rates_with_hidden_numerator
        on
            figures.measure = rates_with_hidden_numerator.measure
            and {{ same_population('figures', 'rates_with_hidden_numerator') }}
    left join proven_rates
        on
            figures.measure = proven_rates.measure
            and {{ same_population('figures', 'proven_rates') }}
    left join formulas_to_prove
        on figures.measure = formulas_to_prove.measure
    left join means_with_hidden_base
        on
            figures.measure = means_with_hidden_base.measure
            and {{ same_population('figures', 'means_with_hidden_base') }}
    left join england_fractions_of_the_rate
        on
            figures.measure = england_fractions_of_the_rate.measure
            and {{ same_population('figures', 'england_fractions_of_the_rate') }}

),

disclosed as (

    select
        *,
        case
            when released_status <> 'published' then null
            when statistic = 'count' then cast({{ nearest_multiple('cast(value as bigint)', 'round_counts_to') }} as double)
            when denominator is not null then {{ exact_percentage('numerator', 'denominator', 'steps_in_one') }}
            else {{ round_half_away('value', 'steps_in_one') }}
        end as released_value
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
    org_type,
    partner_code,
    partner_name,
    variable_type,
    variable_a,
    variable_b,
    measure,
    measure_id,
    statistic,
    released_value as value,
    released_status as value_status,
    {{ value_marker_of('released_status') }} as value_marker,
    false as is_derived,
    case
        when statistic <> 'count' then null
        when released_status = 'suppressed' then 0
        when released_status = 'published'
            then {{ least_of_shown('cast(released_value as bigint)', 'suppress_counts_below', 'round_counts_to') }}
    end as lower_bound,
    case
        when statistic <> 'count' then null
        when released_status = 'suppressed' then suppress_counts_below - 1
        when released_status = 'published'
            then {{ most_of_shown('cast(released_value as bigint)', 'round_counts_to') }}
    end as upper_bound,
    cast(null as integer) as suppressed_parts,
    drop_sha256
from disclosed
{% endmacro %}
