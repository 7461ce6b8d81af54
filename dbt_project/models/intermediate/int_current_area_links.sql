-- The current places that every organisation in force on the last day of a period went on to, or in part, by the
-- successions; and whether they state that the boundary is another now.
with places as (

    select * from {{ ref('int_places_in_force') }}

),

reachable_organisations as (

    select * from {{ ref('int_reachable_organisations') }}

)

select
    places.as_of,
    places.tier,
    places.org_level,
    places.org_code,
    current_places.org_level as current_level,
    current_places.org_code as current_code,
    coalesce(
        places.has_moved_since
        and places.current_level = current_places.org_level and places.current_code = current_places.org_code,
        false
    ) as is_stated_to_differ
from places
inner join reachable_organisations
    on
        places.org_level = reachable_organisations.org_level
        and places.org_code = reachable_organisations.org_code
inner join places as current_places
    on
        reachable_organisations.reached_level = current_places.org_level
        and reachable_organisations.reached_code = current_places.org_code
        and current_places.as_of = {{ open_ended_date() }}
where places.as_of <> {{ open_ended_date() }}
