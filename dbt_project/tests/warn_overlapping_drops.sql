-- Detects: two drops of one series and period that share cells at a level, and of which the less believed one has
-- others too that are released beside them: they are not taken for issues of one file.
-- Why: if one of them corrects the other under another name, what it withdrew is still released.
-- A returned row is such a pair and level: say in catalogue/re_issues.yml whether the believed one replaces the whole
-- of the other or adds to it.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'int_conflicting_observations'}}}) }}
with conflicting_observations as (

    select * from {{ ref('int_conflicting_observations') }}

),

shared as (

    select distinct
        drop_sha256,
        winning_drop_sha256,
        series,
        period_grain,
        period,
        period_start,
        org_level
    from conflicting_observations
    where
        precedence > 1
        and withdrawn_by_drop_sha256 is null
        and winning_drop_sha256 <> drop_sha256

),

replaced_levels as (

    select * from {{ ref('stg_replaced_levels') }}

),

narrower_issues as (

    select * from {{ ref('stg_narrower_issues') }}

),

drop_periods as (

    select distinct
        drop_sha256,
        series,
        period_grain,
        period_start,
        org_level
    from {{ ref('stg_drop_periods') }}

),

believed_cells as (

    select
        drop_sha256,
        series,
        period_grain,
        period_start,
        org_level,
        count(*) as cells_beside
    from conflicting_observations
    where precedence = 1
    group by drop_sha256, series, period_grain, period_start, org_level

),

drops as (

    select * from {{ ref('stg_drops') }}

)

select
    shared.series,
    shared.period,
    shared.org_level,
    believed_drop.label as believed_drop,
    other_drop.label as other_drop,
    cast(believed_cells.cells_beside as varchar) || ' cells' as what
from shared
inner join drop_periods as believed_drop_periods
    on
        shared.winning_drop_sha256 = believed_drop_periods.drop_sha256
        and shared.series = believed_drop_periods.series
        and shared.period_grain = believed_drop_periods.period_grain
        and shared.period_start = believed_drop_periods.period_start
        and shared.org_level = believed_drop_periods.org_level
inner join believed_cells
    on
        shared.drop_sha256 = believed_cells.drop_sha256
        and shared.series = believed_cells.series
        and shared.period_grain = believed_cells.period_grain
        and shared.period_start = believed_cells.period_start
        and shared.org_level = believed_cells.org_level
inner join drops as believed_drop
    on shared.winning_drop_sha256 = believed_drop.drop_sha256
inner join drops as other_drop
    on shared.drop_sha256 = other_drop.drop_sha256
left join replaced_levels
    on
        shared.drop_sha256 = replaced_levels.drop_sha256
        and shared.series = replaced_levels.series
        and shared.period_grain = replaced_levels.period_grain
        and shared.period_start = replaced_levels.period_start
        and shared.org_level = replaced_levels.org_level
left join narrower_issues
    on
        shared.drop_sha256 = narrower_issues.drop_sha256
        and shared.series = narrower_issues.series
        and shared.period_grain = narrower_issues.period_grain
        and shared.period_start = narrower_issues.period_start
        and shared.org_level = narrower_issues.org_level
where
    replaced_levels.drop_sha256 is null
    and narrower_issues.drop_sha256 is null
