{{ config(materialized='incremental', incremental_strategy='replace_periods', on_schema_change='fail') }}

-- The cells of every topic mart: the figures of the extracts, and the cells that do not apply, which no extract holds.
with figures as (

    {% for grain, extract in [
        ('month', 'extract_monthly'), ('quarter', 'extract_quarterly'), ('year', 'extract_annual'),
    ] -%}
    select
        '{{ grain }}' as period_grain,
        period,
        period_start,
        org_level,
        org_code,
        partner_code,
        variable_type,
        variable_a,
        variable_b,
        measure,
        value,
        value_status,
        lower_bound,
        upper_bound,
        is_derived
    from {{ ref(extract) }}
    where
        measure in ({{ literals(all_topic_measures()) }})
        and {{ in_affected_periods(grain, 'period_start') }}

    {{ 'union all' if not loop.last }}
    {% endfor %}

),

not_applicable as (

    {% for grain, fact in [('month', 'fct_monthly'), ('quarter', 'fct_quarterly'), ('year', 'fct_annual')] -%}
    select
        '{{ grain }}' as period_grain,
        period,
        period_start,
        org_level,
        org_code,
        partner_code,
        variable_type,
        variable_a,
        variable_b,
        measure,
        cast(null as double) as value,
        value_status,
        cast(null as bigint) as lower_bound,
        cast(null as bigint) as upper_bound,
        false as is_derived
    from {{ ref(fact) }}
    where
        value_status = 'not_applicable'
        and measure in ({{ literals(all_topic_measures()) }})
        and {{ in_affected_periods(grain, 'period_start') }}

    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select * from figures
union all
select * from not_applicable
