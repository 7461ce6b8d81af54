-- Detects: a period that catalogue/gaps.yml calls never published, and that a drop publishes.
-- Why: its figures would stand beside not_published rows of the same cells.
-- A returned row is such a period and drop: take the gap out of the catalogue, or the drop out of the folder.
{{ config(meta={'dagster': {'ref': {'name': 'int_calendar'}}}) }}
with gaps as (

    select
        known_gaps.period_grain,
        known_gaps.period,
        calendar.period_start
    from {{ ref('stg_gaps') }} as known_gaps
    inner join {{ ref('int_calendar') }} as calendar
        on
            known_gaps.period_grain = calendar.period_grain
            and known_gaps.period = calendar.period

),

drop_periods as (

    select * from {{ ref('stg_drop_periods') }}

),

drops as (

    select * from {{ ref('stg_drops') }}

)

select distinct
    gaps.period_grain,
    gaps.period,
    drops.file
from gaps
inner join drop_periods
    on
        gaps.period_grain = drop_periods.period_grain
        and gaps.period_start = drop_periods.period_start
inner join drops
    on drop_periods.drop_sha256 = drops.drop_sha256
