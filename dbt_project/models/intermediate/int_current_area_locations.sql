{{ config(materialized='table') }}

-- The locations of the last day of every period that became the locations of every current place. A location without a
-- predecessor on that day leaves a row without one.
with area_locations as (

    select * from {{ ref('int_area_locations') }}

),

current_locations as (

    select * from area_locations
    where as_of = {{ open_ended_date() }}

),

days as (

    select distinct as_of from area_locations
    where as_of <> {{ open_ended_date() }}

),

predecessors as (

    select
        days.as_of,
        current_locations.tier,
        current_locations.area_level as current_level,
        current_locations.area_code as current_code,
        successors.org_level,
        successors.org_code,
        min(case when current_locations.is_certain and successors.org_code is not null then 1 else 0 end) as is_certain,
        min(case when successors.is_exact then 1 else 0 end) = 1 as is_exact
    from current_locations
    cross join days
    left join {{ ref('int_location_successors') }} as successors
        on
            days.as_of = successors.as_of
            and current_locations.org_level = successors.location_level
            and current_locations.org_code = successors.location_code
    group by
        days.as_of, current_locations.tier, current_locations.area_level, current_locations.area_code,
        successors.org_level, successors.org_code

)

select
    as_of,
    tier,
    current_level,
    current_code,
    count(org_code) over (partition by as_of, current_level, current_code) as locations_of_area,
    min(is_certain) over (partition by as_of, current_level, current_code) = 1 as is_area_certain,
    org_level,
    org_code,
    is_exact
from predecessors
