{{ config(materialized='incremental', incremental_strategy='replace_periods', on_schema_change='fail') }}

-- What is released of the monthly figures, and the counts of ICBs and regions that are sums of it.
with figures as (

    {{ released_at('month') }}

    union all

    select * from {{ ref('int_derived_monthly_totals') }}

)

select * from figures
where
    {{ in_affected_periods(
        'month', 'period_start', 'period', organisations=ref('dim_organisation'), labelled_rows='is_derived'
    ) }}
