{# A published count as it is released: to the nearest multiple of the policy's base. #}
{% macro rounded_count(value, round_counts_to) -%}
    cast({{ round_to_multiple('cast(' ~ value ~ ' as bigint)', round_counts_to) }} as double)
{%- endmacro %}

{# The least that a count shown rounded can have been: a lower one would be rounded down further, or suppressed. #}
{% macro lower_bound_of_rounded(rounded, suppress_counts_below, round_counts_to) -%}
    greatest({{ suppress_counts_below }}, {{ rounded }} - {{ integer_divide(round_counts_to, '2') }})
{%- endmacro %}

{# The most that a count shown rounded can have been. #}
{% macro upper_bound_of_rounded(rounded, round_counts_to) -%}
    {{ rounded }} + {{ integer_divide(round_counts_to ~ ' - 1', '2') }}
{%- endmacro %}

{# The extract of one grain: the columns of int_released_values, its grain apart. #}
{% macro released_at(grain) -%}
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
    value,
    value_status,
    value_marker,
    is_derived,
    lower_bound,
    upper_bound,
    suppressed_parts,
    drop_sha256
from {{ ref('int_released_values') }}
where period_grain = '{{ grain }}'
{%- endmacro %}
