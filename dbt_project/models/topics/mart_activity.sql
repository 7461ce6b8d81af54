{{ config(materialized='incremental', incremental_strategy='replace_periods', on_schema_change='fail') }}

-- Referrals, people who entered treatment, and courses that ended or were finished: one row a period, organisation and
-- population.
{{ topic_mart('activity') }}
