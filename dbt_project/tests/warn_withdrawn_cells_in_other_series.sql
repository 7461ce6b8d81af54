-- Detects: a drop of a series that is believed later, such as a time series, that publishes cells which a re-issue of
-- the monthly file withdrew.
-- Why: the two disagree on who has a figure. Believed beside one another, a corrected code and the wrong one would both
-- be released with the same figures; so what was withdrawn stays withdrawn, whichever was kept first.
-- A returned row is such a drop, a period and a level. See which of the two the publisher means: if it is the time
-- series, add a dated row to catalogue/precedence.yml. What is not believed stands in marts.mart_superseded_cells.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'int_conflicting_observations'}}}) }}
with withdrawn_observations as (

    select * from {{ ref('int_conflicting_observations') }}
    where withdrawn_by_drop_sha256 is not null

),

replacing_levels as (

    select distinct
        series,
        period_grain,
        period_start,
        org_level,
        replaced_by_drop_sha256
    from {{ ref('stg_replaced_levels') }}

),

repeated as (

    select
        withdrawn_observations.period,
        withdrawn_observations.org_level,
        withdrawn_observations.series,
        withdrawn_observations.drop_sha256,
        withdrawn_observations.withdrawn_by_drop_sha256,
        withdrawn_observations.org_code,
        count(*) as cells,
        row_number() over (
            partition by
                withdrawn_observations.period,
                withdrawn_observations.org_level,
                withdrawn_observations.series,
                withdrawn_observations.drop_sha256,
                withdrawn_observations.withdrawn_by_drop_sha256
            order by withdrawn_observations.org_code
        ) as place
    from withdrawn_observations
    inner join replacing_levels
        on
            withdrawn_observations.withdrawn_by_drop_sha256 = replacing_levels.replaced_by_drop_sha256
            and withdrawn_observations.period_grain = replacing_levels.period_grain
            and withdrawn_observations.period_start = replacing_levels.period_start
            and withdrawn_observations.org_level = replacing_levels.org_level
    where withdrawn_observations.series <> replacing_levels.series
    group by
        withdrawn_observations.period,
        withdrawn_observations.org_level,
        withdrawn_observations.series,
        withdrawn_observations.drop_sha256,
        withdrawn_observations.withdrawn_by_drop_sha256,
        withdrawn_observations.org_code

),

drops as (

    select * from {{ ref('stg_drops') }}

)

select
    repeated.period,
    repeated.org_level,
    repeated.series as other_series,
    other_drop.label as other_drop,
    withdrawing_drop.label as withdrawn_by,
    cast(sum(repeated.cells) as varchar)
    || case when sum(repeated.cells) = 1 then ' cell' else ' cells' end || ' not believed, organisations '
    || {{ list_first("repeated.org_code", "repeated.place") }} as what
from repeated
inner join drops as other_drop
    on repeated.drop_sha256 = other_drop.drop_sha256
inner join drops as withdrawing_drop
    on repeated.withdrawn_by_drop_sha256 = withdrawing_drop.drop_sha256
group by
    repeated.period, repeated.org_level, repeated.series, other_drop.label, withdrawing_drop.label
