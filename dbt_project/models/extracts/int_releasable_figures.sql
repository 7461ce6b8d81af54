{{ config(materialized='view') }}

-- The reviewed figures of every grain, before the disclosure rule: what does not apply and measures that nobody has
-- reviewed are not released.
{% for grain, fact in [('month', 'fct_monthly'), ('quarter', 'fct_quarterly'), ('year', 'fct_annual')] -%}
select
    '{{ grain }}' as period_grain,
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
    value,
    value_status,
    drop_sha256
from {{ ref(fact) }}
where
    value_status <> 'not_applicable'
    and is_reviewed

{{ 'union all' if not loop.last }}
{% endfor %}
