{{ config(materialized='incremental', incremental_strategy='replace_periods', on_schema_change='fail') }}

-- Every figure published for a quarter, at source precision, current vintage, with the line it came from.
{{ facts_at('quarter') }}
