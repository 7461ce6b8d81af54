{{ config(materialized='incremental', incremental_strategy='replace_periods', on_schema_change='fail') }}

-- The figures of the annual reports that apply. Three annual cells in four say that a measure does not apply to a
-- population: those are read from the observations when asked for (see fct_annual), not stored again.
{{ facts_at('year', only="value_status <> 'not_applicable'") }}
