{{ config(materialized='incremental', incremental_strategy='replace_periods', on_schema_change='fail') }}

-- What is released of the quarterly figures.
with figures as (

    {{ released_at('quarter') }}

)

select * from figures
where {{ in_affected_periods('quarter', 'period_start', 'period') }}
