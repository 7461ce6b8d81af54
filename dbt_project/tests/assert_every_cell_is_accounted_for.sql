-- Detects: cells lost or doubled between the observations and the marts.
-- Why: nothing is lost; every observation of a statistic is in a fact, superseded, or an identical duplicate.
-- A returned row is a grain whose counts differ.
with observed as (

    select
        period_grain,
        count(*) as cells,
        sum(case when duplicate_of_row is not null then 1 else 0 end) as duplicates
    from {{ ref('stg_observations') }}
    where series <> 'data_quality'
    group by period_grain

),

kept as (

    {% for grain, fact in [('month', 'fct_monthly'), ('quarter', 'fct_quarterly'), ('year', 'fct_annual')] %}
    select
        '{{ grain }}' as period_grain,
        count(*) as cells
    from {{ ref(fact) }}
    where drop_sha256 is not null

    {{ 'union all' if not loop.last }}
    {% endfor %}

),

superseded as (

    select
        period_grain,
        count(*) as cells
    from {{ ref('superseded_cells') }}
    group by period_grain

)

select
    kept.period_grain,
    coalesce(observed.cells, 0) as cells_observed,
    kept.cells + coalesce(superseded.cells, 0) + coalesce(observed.duplicates, 0) as cells_accounted_for
from kept
left join observed
    on kept.period_grain = observed.period_grain
left join superseded
    on kept.period_grain = superseded.period_grain
where
    coalesce(observed.cells, 0)
    <> kept.cells + coalesce(superseded.cells, 0) + coalesce(observed.duplicates, 0)
