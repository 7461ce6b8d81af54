-- Current places of which some boundary moved since the last day of a period, so that the locations of that day do
-- not make up their area: unless all that moved lies within STPs or ICBs of an unmoved outer boundary. One of the
-- same locations and the same ONS code has the same outer boundary: the Office for National Statistics gives another
-- code to an area whose boundary moves.
with places as (

    select * from {{ ref('int_places_in_force') }}

),

area_overlaps as (

    select * from {{ ref('int_current_area_overlaps') }}

),

unmoved_bodies as (

    select
        area_overlaps.as_of,
        area_overlaps.current_level,
        area_overlaps.current_code
    from area_overlaps
    inner join places
        on
            area_overlaps.as_of = places.as_of
            and area_overlaps.org_level = places.org_level
            and area_overlaps.org_code = places.org_code
    inner join places as current_places
        on
            area_overlaps.current_level = current_places.org_level
            and area_overlaps.current_code = current_places.org_code
            and current_places.as_of = {{ open_ended_date() }}
    where
        area_overlaps.tier = 2
        and area_overlaps.org_tier = 2
        and area_overlaps.is_known
        and area_overlaps.locations = area_overlaps.locations_shared
        and area_overlaps.locations_of_area = area_overlaps.locations_shared
        and area_overlaps.is_area_certain
        and not places.has_moved_since
        and places.ons_code = current_places.ons_code

),

current_bodies as (

    select * from {{ ref('int_area_locations') }}
    where
        as_of = {{ open_ended_date() }}
        and tier = 2
        and is_certain

)

select distinct
    areas.as_of,
    areas.current_level,
    areas.current_code
from {{ ref('int_current_area_locations') }} as areas
inner join {{ ref('int_location_successors') }} as successors
    on
        areas.as_of = successors.as_of
        and areas.org_level = successors.org_level
        and areas.org_code = successors.org_code
left join current_bodies
    on
        successors.location_level = current_bodies.org_level
        and successors.location_code = current_bodies.org_code
left join unmoved_bodies
    on
        areas.as_of = unmoved_bodies.as_of
        and current_bodies.area_level = unmoved_bodies.current_level
        and current_bodies.area_code = unmoved_bodies.current_code
where
    not areas.is_exact
    and (areas.tier = 3 or unmoved_bodies.as_of is null)
