{{ config(materialized='table') }}

-- Cells of periods and levels that more than one drop publishes, with which one is believed: `precedence` 1 wins.
-- Order: series (the monthly file before a time series), status, revision, then the order in which drops were kept.
-- Each grain is asked for by itself: where nothing of a grain is contested, its observations are not read at all.
with contested_periods as (

    select * from {{ ref('int_contested_periods') }}

),

observations as (

    {% for grain in ['month', 'quarter', 'year'] -%}
    select measured.*
    from {{ ref('int_measured_observations') }} as measured
    inner join contested_periods
        on
            measured.period_start = contested_periods.period_start
            and measured.org_level = contested_periods.org_level
    where
        measured.period_grain = '{{ grain }}'
        and contested_periods.period_grain = '{{ grain }}'
        and measured.duplicate_of_row is null

    {{ 'union all' if not loop.last }}
    {% endfor %}

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
