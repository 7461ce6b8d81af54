{{ config(materialized='view') }}

-- What is released of every figure, in the columns of the extracts, from its status under the disclosure rule.
--   counts       to the nearest multiple of the policy's base, with the bounds that this leaves open
--   percentages  at the policy's decimals, never rebuilt from rounded counts; England's from their exact fraction
--   means        at the policy's decimals
with figures as (

    select
        statuses.*,
        {{ org_type_of_row('statuses') }} as org_type,
        case
            when statuses.released_status <> 'published' then null
            when statuses.statistic = 'count'
                then {{ rounded_count('statuses.value', 'statuses.round_counts_to') }}
            when fractions.denominator is not null
                then {{ exact_percentage('fractions.numerator', 'fractions.denominator', 'statuses.steps_in_one') }}
            else {{ round_half_away('statuses.value', 'statuses.steps_in_one') }}
        end as released_value
    from {{ ref('int_disclosure_status') }} as statuses
    left join {{ ref('int_england_fractions') }} as fractions
        on {{ same_cell('statuses', 'fractions') }}
    {{ join_organisations('statuses') }}

)

select
    period_grain,
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
    {{ render_value_marker('released_status') }} as value_marker,
    false as is_derived,
    case
        when statistic <> 'count' then null
        when released_status = 'suppressed' then 0
        when released_status = 'published' then {{ lower_bound_of_rounded(
            'cast(released_value as bigint)', 'suppress_counts_below', 'round_counts_to'
        ) }}
    end as lower_bound,
    case
        when statistic <> 'count' then null
        when released_status = 'suppressed' then suppress_counts_below - 1
        when released_status = 'published'
            then {{ upper_bound_of_rounded('cast(released_value as bigint)', 'round_counts_to') }}
    end as upper_bound,
    cast(null as integer) as suppressed_parts,
    drop_sha256
from figures
