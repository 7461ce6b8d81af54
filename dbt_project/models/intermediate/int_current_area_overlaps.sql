{{ config(materialized='table') }}

-- How many of the locations of an organisation of the last day of a period lay in the area of a current place of its
-- tier, or of a larger one.
with current_area_locations as (

    select * from {{ ref('int_current_area_locations') }}

),

organisation_locations as (

    select
        *,
        count(*) over (partition by as_of, area_level, area_code) as locations,
        min(case when is_certain then 1 else 0 end) over (partition by as_of, area_level, area_code) = 1 as is_known
    from {{ ref('int_area_locations') }}
    where as_of <> {{ open_ended_date() }}

)

select
    areas.as_of,
    areas.tier,
    areas.current_level,
    areas.current_code,
    areas.locations_of_area,
    areas.is_area_certain,
    organisations.tier as org_tier,
    organisations.area_level as org_level,
    organisations.area_code as org_code,
    organisations.locations,
    organisations.is_known,
    count(*) as locations_shared
from current_area_locations as areas
inner join organisation_locations as organisations
    on
        areas.as_of = organisations.as_of
        and areas.org_level = organisations.org_level
        and areas.org_code = organisations.org_code
        and areas.tier <= organisations.tier
group by
    areas.as_of, areas.tier, areas.current_level, areas.current_code, areas.locations_of_area, areas.is_area_certain,
    organisations.tier, organisations.area_level, organisations.area_code,
    organisations.locations, organisations.is_known
