{{ config(materialized='table') }}

-- Cells of periods and levels that more than one drop publishes, with which one is believed: `precedence` 1 wins.
-- Order: series (the monthly file before a time series), status, revision, then the order in which drops were kept.
with observations as (

    select * from {{ ref('int_measured_observations') }}
    where duplicate_of_row is null

),

contested_periods as (

    select * from {{ ref('int_contested_periods') }}

),

drops as (

    select * from {{ ref('stg_drops') }}

),

series_precedence as (

    select * from {{ ref('stg_series_precedence') }}

)

select
    observations.*,
    row_number() over most_believed_first as precedence,
    first_value(observations.drop_sha256) over most_believed_first as winning_drop_sha256
from observations
inner join contested_periods
    on
        observations.period_grain = contested_periods.period_grain
        and observations.period_start = contested_periods.period_start
        and observations.org_level = contested_periods.org_level
inner join drops
    on observations.drop_sha256 = drops.drop_sha256
inner join series_precedence
    on
        observations.period_grain = series_precedence.period_grain
        and observations.series = series_precedence.series
window most_believed_first as (
    partition by
        observations.period_grain,
        observations.period_start,
        observations.org_level,
        observations.org_code,
        observations.partner_code,
        observations.variable_type,
        observations.variable_a,
        observations.variable_b,
        observations.measure
    order by
        series_precedence.series_rank asc,
        drops.is_provisional asc,
        drops.revision desc,
        drops.sequence desc,
        observations.source_row asc
)
