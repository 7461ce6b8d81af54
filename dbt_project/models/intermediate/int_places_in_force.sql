{{ config(materialized='table') }}

-- The listed places in force on the last day of every period, of known gaps too, and those in force now (as_of the
-- open-ended date), each with the current place that it became. Tier 1 is the regions, 2 the STPs and ICBs, 3 the
-- locations: CCGs and sub-ICBs.
with places as (

    select
        org_level,
        org_code,
        ons_code,
        case
            when org_level = 'region' then 1
            when org_level in ('stp', 'icb') then 2
            else 3
        end as tier,
        coalesce(valid_from, cast('1900-01-01' as date)) as first_day,
        coalesce(valid_to, {{ open_ended_date() }}) as last_day
    from {{ ref('organisations') }}
    where
        is_place
        and org_level in ('region', 'stp', 'icb', 'ccg', 'sub_icb')

),

days as (

    select period_end as as_of from {{ ref('int_calendar_in_scope') }}

    union distinct

    -- A gap before the first year held, or after the last, has rows where the period beside it is held.
    select calendar.period_end as as_of
    from {{ ref('int_calendar') }} as calendar
    inner join {{ ref('stg_gaps') }} as gaps
        on
            calendar.period_grain = gaps.period_grain
            and calendar.period = gaps.period

    union distinct

    select {{ open_ended_date() }} as as_of

),

current_organisations as (

    select * from {{ ref('int_organisation_current') }}

)

select
    days.as_of,
    places.tier,
    places.org_level,
    places.org_code,
    places.ons_code,
    current_organisations.current_level,
    current_organisations.current_code,
    coalesce(current_organisations.boundary_moved_on > days.as_of, false) as has_moved_since
from places
inner join days
    on days.as_of between places.first_day and places.last_day
left join current_organisations
    on
        places.org_level = current_organisations.org_level
        and places.org_code = current_organisations.org_code
