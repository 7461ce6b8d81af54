{{ config(materialized='incremental', incremental_strategy='replace_periods', on_schema_change='fail') }}

-- The annual figures of England and its regions, ICBs and sub-ICB locations, on current boundaries.
{{ extract_current_boundaries('extract_annual', 'year') }}
