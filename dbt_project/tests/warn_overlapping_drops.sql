-- Detects: two drops of one series and period that share cells at a level, and of which the less believed one has
-- others too that leave beside them: they are not taken for issues of one file.
-- Why: if one of them corrects the other under another name, what it withdrew still leaves.
-- A returned row is such a pair and level: say in catalogue/re_issues.yml whether the believed one replaces the whole
-- of the other or adds to it.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'int_conflicting_observations'}}}) }}
with contested as (

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
    from contested
    where
        precedence > 1
        and withdrawn_by_drop_sha256 is null
        and winning_drop_sha256 <> drop_sha256

),

told_elsewhere as (

    select * from {{ ref('stg_replaced_levels') }}

),

told_as_extract as (

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

standing as (

    select
        drop_sha256,
        series,
        period_grain,
        period_start,
        org_level,
        count(*) as cells_beside
    from contested
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
    cast(standing.cells_beside as varchar) || ' cells' as what
from shared
inner join drop_periods as of_believed
    on
        shared.winning_drop_sha256 = of_believed.drop_sha256
        and shared.series = of_believed.series
        and shared.period_grain = of_believed.period_grain
        and shared.period_start = of_believed.period_start
        and shared.org_level = of_believed.org_level
inner join standing
    on
        shared.drop_sha256 = standing.drop_sha256
        and shared.series = standing.series
        and shared.period_grain = standing.period_grain
        and shared.period_start = standing.period_start
        and shared.org_level = standing.org_level
inner join drops as believed_drop
    on shared.winning_drop_sha256 = believed_drop.drop_sha256
inner join drops as other_drop
    on shared.drop_sha256 = other_drop.drop_sha256
left join told_elsewhere
    on
        shared.drop_sha256 = told_elsewhere.drop_sha256
        and shared.series = told_elsewhere.series
        and shared.period_grain = told_elsewhere.period_grain
        and shared.period_start = told_elsewhere.period_start
        and shared.org_level = told_elsewhere.org_level
left join told_as_extract
    on
        shared.drop_sha256 = told_as_extract.drop_sha256
        and shared.series = told_as_extract.series
        and shared.period_grain = told_as_extract.period_grain
        and shared.period_start = told_as_extract.period_start
        and shared.org_level = told_as_extract.org_level
where
    told_elsewhere.drop_sha256 is null
    and told_as_extract.drop_sha256 is null
