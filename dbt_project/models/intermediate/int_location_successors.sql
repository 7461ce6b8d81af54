{{ config(materialized='table') }}

-- The current locations that every location of a day became, or went into, and whether it became that one whole and is
-- of its boundary.
with places as (

    select * from {{ ref('int_places_in_force') }}

),

reachable_organisations as (

    select * from {{ ref('int_reachable_organisations') }}

)

select
    locations.as_of,
    locations.org_level,
    locations.org_code,
    current_places.org_level as location_level,
    current_places.org_code as location_code,
    not locations.has_moved_since
    and coalesce(
        locations.current_level = current_places.org_level and locations.current_code = current_places.org_code,
        false
    ) as is_exact
from places as locations
inner join reachable_organisations
    on
        locations.org_level = reachable_organisations.org_level
        and locations.org_code = reachable_organisations.org_code
inner join places as current_places
    on
        reachable_organisations.reached_level = current_places.org_level
        and reachable_organisations.reached_code = current_places.org_code
        and current_places.as_of = {{ open_ended_date() }}
where locations.tier = 3
