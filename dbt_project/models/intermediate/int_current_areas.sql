{{ config(materialized='table') }}

-- What the area of every current place was made up of on the last day of every period: one organisation, several of
-- its level, or smaller ones. Where that is not known, or a boundary has moved since: the organisations of that day
-- that the area may have lain in, and the reason.
with compositions as (

    select * from {{ ref('int_area_compositions') }}

),

area_status as (

    select * from {{ ref('int_current_area_status') }}

),

possible_organisations as (

    select
        as_of,
        tier,
        current_level,
        current_code,
        org_level,
        org_code
    from {{ ref('int_current_area_overlaps') }}
    where tier = org_tier

    union distinct

    select
        as_of,
        tier,
        current_level,
        current_code,
        org_level,
        org_code
    from {{ ref('int_current_area_links') }}

),

not_made_up as (

    select
        possible_organisations.as_of,
        possible_organisations.tier,
        possible_organisations.current_level,
        possible_organisations.current_code,
        possible_organisations.tier as org_tier,
        possible_organisations.org_level,
        possible_organisations.org_code,
        count(*) over (
            partition by
                possible_organisations.as_of,
                possible_organisations.current_level,
                possible_organisations.current_code
        ) as organisations,
        case
            when area_status.is_known and possible_organisations.tier > 1 then 'parts_missing'
            when area_status.is_known then 'boundary_moved'
            else coalesce(area_status.reason_if_unknown, 'area_not_known')
        end as comparability
    from possible_organisations
    left join area_status
        on
            possible_organisations.as_of = area_status.as_of
            and possible_organisations.current_level = area_status.current_level
            and possible_organisations.current_code = area_status.current_code
    left join compositions
        on
            possible_organisations.as_of = compositions.as_of
            and possible_organisations.current_level = compositions.current_level
            and possible_organisations.current_code = compositions.current_code
            and compositions.tier = compositions.org_tier
    where compositions.as_of is null

),

all_areas as (

    select * from compositions
    union all
    select * from not_made_up

)

select
    as_of as period_end,
    current_level,
    current_code,
    org_level,
    org_code,
    org_tier - tier as tiers_below,
    organisations,
    comparability
from all_areas
