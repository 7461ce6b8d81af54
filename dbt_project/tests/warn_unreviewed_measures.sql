-- Detects: measures in the facts that are not in seeds/measures.csv.
-- Why: what nobody has reviewed is not released; add a row to the seed to release it.
-- A returned row is such a measure.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'fct_monthly'}}}) }}
{% for fact in ['fct_monthly', 'fct_quarterly', 'int_annual_figures'] %}
select
    measure,
    measure_id,
    min(period) as first_period,
    count(*) as cells
from {{ ref(fact) }}
where not is_reviewed
group by measure, measure_id
{{ 'union all' if not loop.last }}
{% endfor %}
