-- Current places that had their present locations on the last day of a period, none of them of another boundary, and
-- that no later succession names. A location whose parent is not listed is the same where it came of one parent on
-- both days, listed last: the lists leave out one parent then, not several.
with area_locations as (

    select * from {{ ref('int_area_locations') }}

),

current_area_locations as (

    select
        *,
        count(*) over (partition by area_level, area_code) as locations
    from area_locations
    where as_of = {{ open_ended_date() }}

),

past_area_locations as (

    select
        *,
        count(*) over (partition by as_of, area_level, area_code) as locations
    from area_locations
    where as_of <> {{ open_ended_date() }}

),

successions as (

    select * from {{ ref('organisation_successions') }}

),

changes as (

    select
        successor_level as org_level,
        successor_code as org_code,
        changed_on
    from successions

    union distinct

    select
        predecessor_level as org_level,
        predecessor_code as org_code,
        changed_on
    from successions

)

select
    past.as_of,
    past.area_level as current_level,
    past.area_code as current_code
from past_area_locations as past
inner join current_area_locations as present
    on
        past.area_level = present.area_level
        and past.area_code = present.area_code
        and past.org_level = present.org_level
        and past.org_code = present.org_code
        and (
            (past.is_certain and present.is_certain)
            or past.traced_from = present.traced_from
        )
inner join {{ ref('int_location_successors') }} as successors
    on
        past.as_of = successors.as_of
        and past.org_level = successors.org_level
        and past.org_code = successors.org_code
        and past.org_level = successors.location_level
        and past.org_code = successors.location_code
        and successors.is_exact
left join changes
    on
        past.area_level = changes.org_level
        and past.area_code = changes.org_code
        and past.as_of < changes.changed_on
where changes.org_code is null
group by past.as_of, past.area_level, past.area_code, past.locations, present.locations
having
    count(*) = past.locations
    and count(*) = present.locations
