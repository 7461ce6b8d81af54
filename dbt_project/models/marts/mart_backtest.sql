-- Every published total of England that was written down by hand, beside what the facts hold for it.
with backtests as (

    select * from {{ ref('backtests') }}

),

drops as (

    select * from {{ ref('stg_drops') }}

),

england as (

    {% for grain, fact in [('month', 'fct_monthly'), ('quarter', 'fct_quarterly'), ('year', 'int_annual_figures')] %}
    select
        '{{ grain }}' as period_grain,
        period,
        measure,
        variable_type,
        variable_a,
        value,
        drop_sha256
    from {{ ref(fact) }}
    where
        org_level = 'england'
        and variable_b is null

    {{ 'union all' if not loop.last }}
    {% endfor %}

),

loaded_totals as (

    select
        england.*,
        drops.origin
    from england
    left join drops
        on england.drop_sha256 = drops.drop_sha256

)

select
    backtests.period_grain,
    backtests.period,
    backtests.measure,
    backtests.variable_type,
    backtests.variable_a,
    backtests.statistic,
    backtests.value as value_written_down,
    loaded_totals.value as value_found,
    case
        when loaded_totals.period is null then 'not_loaded'
        when loaded_totals.origin <> 'published' then 'not_compared'
        -- Both are decimals of one place read as doubles: apart by less than half a place, they are the same.
        when abs(loaded_totals.value - backtests.value) < 0.01 then 'agrees'
        else 'differs'
    end as result,
    backtests.source
from backtests
left join loaded_totals
    on
        backtests.period_grain = loaded_totals.period_grain
        and backtests.period = loaded_totals.period
        and backtests.measure = loaded_totals.measure
        and backtests.variable_type = loaded_totals.variable_type
        and coalesce(backtests.variable_a, '') = coalesce(loaded_totals.variable_a, '')
