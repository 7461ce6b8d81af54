-- Detects: a published count that is not a whole number, or is negative.
-- Why: counts are of referrals, appointments and people; a fraction means a column was read as something it is not.
-- A returned row is such a cell.
{{ config(meta={'dagster': {'ref': {'name': 'fct_monthly'}}}) }}
{% for fact in ['fct_monthly', 'fct_quarterly', 'int_annual_figures'] %}
select
    period,
    org_level,
    org_code,
    measure
from {{ ref(fact) }}
where
    statistic = 'count'
    and value_status = 'published'
    and (value < 0 or value <> floor(value))
{{ 'union all' if not loop.last }}
{% endfor %}
