{{ config(materialized='table') }}

-- Whether the area of every current place is known by the locations of the last day of every period, and if not, why
-- not. What a succession states of a boundary must be seen in the locations: else they do not determine the area.
with areas as (

    select distinct
        as_of,
        tier,
        current_level,
        current_code,
        locations_of_area,
        is_area_certain
    from {{ ref('int_current_area_locations') }}

),

area_overlaps as (

    select * from {{ ref('int_current_area_overlaps') }}

),

areas_made_up_by_their_tier as (

    select
        as_of,
        current_level,
        current_code
    from area_overlaps
    where tier = org_tier
    group by as_of, current_level, current_code, locations_of_area
    having
        sum(locations_shared) = locations_of_area
        and min(case when is_known and locations = locations_shared then 1 else 0 end) = 1

),

contradicted_areas as (

    select distinct
        links.as_of,
        links.current_level,
        links.current_code
    from {{ ref('int_current_area_links') }} as links
    left join areas_made_up_by_their_tier as made_up
        on
            links.as_of = made_up.as_of
            and links.current_level = made_up.current_level
            and links.current_code = made_up.current_code
    left join area_overlaps
        on
            links.as_of = area_overlaps.as_of
            and links.org_level = area_overlaps.org_level
            and links.org_code = area_overlaps.org_code
            and links.current_level = area_overlaps.current_level
            and links.current_code = area_overlaps.current_code
    where
        links.tier < 3
        and (area_overlaps.as_of is null or (links.is_stated_to_differ and made_up.as_of is not null))

),

moved_areas as (

    select * from {{ ref('int_current_area_moves') }}

)

select
    areas.as_of,
    areas.tier,
    areas.current_level,
    areas.current_code,
    moved_areas.as_of is null and contradicted_areas.as_of is null and areas.is_area_certain as is_known,
    case when areas.is_area_certain then 'boundary_moved' else 'area_not_known' end as reason_if_unknown
from areas
left join moved_areas
    on
        areas.as_of = moved_areas.as_of
        and areas.current_level = moved_areas.current_level
        and areas.current_code = moved_areas.current_code
left join contradicted_areas
    on
        areas.as_of = contradicted_areas.as_of
        and areas.current_level = contradicted_areas.current_level
        and areas.current_code = contradicted_areas.current_code
