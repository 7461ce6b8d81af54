-- Detects: cells lost or doubled between the observations and the marts.
-- Why: nothing is lost; every observation of a statistic is in a fact, superseded, or an identical duplicate.
-- A returned row is a grain whose counts differ (one that no fact holds included).
{{ config(meta={'dagster': {'ref': {'name': 'stg_observations'}}}) }}
with observed as (

    select
        period_grain,
        count(*) as cells_in,
        count(duplicate_of_row) as cells_out
    from {{ ref('stg_observations') }}
    where series <> 'data_quality'
    group by period_grain

),

kept as (

    {% for grain, fact in [('month', 'fct_monthly'), ('quarter', 'fct_quarterly'), ('year', 'fct_annual')] %}
    select
        '{{ grain }}' as period_grain,
        0 as cells_in,
        count(*) as cells_out
    from {{ ref(fact) }}
    where drop_sha256 is not null

    {{ 'union all' if not loop.last }}
    {% endfor %}

),

superseded as (

    select
        period_grain,
        0 as cells_in,
        count(*) as cells_out
    from {{ ref('mart_superseded_cells') }}
    group by period_grain

),

ledger as (

    select * from observed
    union all
    select * from kept
    union all
    select * from superseded

)

select
    period_grain,
    sum(cells_in) as cells_observed,
    sum(cells_out) as cells_accounted_for
from ledger
group by period_grain
having sum(cells_in) <> sum(cells_out)
