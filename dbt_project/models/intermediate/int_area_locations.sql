{{ config(materialized='table') }}

-- The locations that the area of every place consisted of on every day: of a location itself, of an STP or ICB those
-- whose parent it is or may be, of a region those of its STPs or ICBs. A location of no known region may be any
-- region's.
with places as (

    select * from {{ ref('int_places_in_force') }}

),

location_parents as (

    select * from {{ ref('int_location_parents') }}

),

region_parents as (

    select
        *,
        coalesce(valid_to, {{ open_ended_date() }}) as last_day
    from {{ ref('organisation_parents') }}
    where parent_level = 'region'

),

location_regions as (

    select
        location_parents.as_of,
        location_parents.org_level,
        location_parents.org_code,
        min(region_parents.parent_code) as region_code,
        count(*) = count(region_parents.parent_code)
        and count(distinct region_parents.parent_code) = 1 as is_certain
    from location_parents
    left join region_parents
        on
            location_parents.parent_level = region_parents.org_level
            and location_parents.parent_code = region_parents.org_code
            and location_parents.as_of between region_parents.valid_from and region_parents.last_day
    group by location_parents.as_of, location_parents.org_level, location_parents.org_code

)

select
    as_of,
    2 as tier,
    parent_level as area_level,
    parent_code as area_code,
    org_level,
    org_code,
    is_certain,
    traced_from
from location_parents

union all

select
    locations.as_of,
    regions.tier,
    regions.org_level as area_level,
    regions.org_code as area_code,
    locations.org_level,
    locations.org_code,
    coalesce(location_regions.is_certain, false) as is_certain,
    cast(null as date) as traced_from
from places as locations
left join location_regions
    on
        locations.as_of = location_regions.as_of
        and locations.org_level = location_regions.org_level
        and locations.org_code = location_regions.org_code
inner join places as regions
    on
        locations.as_of = regions.as_of
        and regions.tier = 1
        and (
            not coalesce(location_regions.is_certain, false)
            or location_regions.region_code = regions.org_code
        )
where locations.tier = 3

union all

select
    as_of,
    tier,
    org_level as area_level,
    org_code as area_code,
    org_level,
    org_code,
    true as is_certain,
    cast(null as date) as traced_from
from places
where tier = 3
