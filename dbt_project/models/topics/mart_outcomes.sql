{{ config(materialized='incremental', incremental_strategy='replace_periods', on_schema_change='fail') }}

-- What became of those who finished a course: recovery, reliable improvement, reliable recovery, deterioration.
{{ topic_mart('outcomes') }}
