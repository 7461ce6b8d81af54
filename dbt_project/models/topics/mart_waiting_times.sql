{{ config(materialized='incremental', incremental_strategy='replace_periods', on_schema_change='fail') }}

-- Waits for treatment and between treatments, and the 6 and 18 week standards' figures.
{{ topic_mart('waiting_times') }}
