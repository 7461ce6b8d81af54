-- Every known error of the publications: how many cells it is about here, whether its guard holds, and what was done.
with corrections as (

    select
        correction_id,
        series,
        action,
        reason,
        source,
        min(period) as first_period,
        max(period) as last_period
    from {{ ref('stg_corrections') }}
    group by correction_id, series, action, reason, source

),

cells as (

    select
        correction_id,
        count(*) as matched_cells,
        sum(case when is_as_expected then 0 else 1 end) as mended_cells,
        sum(case when is_applied then 1 else 0 end) as applied_cells
    from {{ ref('int_corrected_cells') }}
    group by correction_id

),

published_drops as (

    select drop_sha256
    from {{ ref('stg_drops') }}
    where origin = 'published'

),

calendar as (

    select * from {{ ref('int_calendar') }}

),

loaded as (

    select distinct known_errors.correction_id
    from {{ ref('stg_corrections') }} as known_errors
    inner join calendar
        on
            known_errors.period_grain = calendar.period_grain
            and known_errors.period = calendar.period
    inner join {{ ref('stg_drop_periods') }} as drop_periods
        on
            known_errors.series = drop_periods.series
            and known_errors.period_grain = drop_periods.period_grain
            and calendar.period_start = drop_periods.period_start
            and coalesce(known_errors.org_level, drop_periods.org_level) = drop_periods.org_level
    inner join published_drops
        on drop_periods.drop_sha256 = published_drops.drop_sha256

)

select
    corrections.correction_id,
    corrections.series,
    corrections.first_period,
    corrections.last_period,
    corrections.action,
    cast(coalesce(cells.matched_cells, 0) as bigint) as matched_cells,
    cast(coalesce(cells.mended_cells, 0) as bigint) as mended_cells,
    cast(coalesce(cells.applied_cells, 0) as bigint) as applied_cells,
    case
        when cells.mended_cells > 0 then 'mended'
        when cells.matched_cells > 0 then 'holds'
        when loaded.correction_id is not null then 'matches_nothing'
        else 'not_loaded'
    end as guard,
    corrections.reason,
    corrections.source
from corrections
left join cells
    on corrections.correction_id = cells.correction_id
left join loaded
    on corrections.correction_id = loaded.correction_id
