{{ config(materialized='incremental', incremental_strategy='replace_periods', on_schema_change='fail') }}

-- What is released of the annual figures.
with figures as (

    {{ released_at('year') }}

)

select * from figures
where {{ in_affected_periods('year', 'period_start', 'period') }}
