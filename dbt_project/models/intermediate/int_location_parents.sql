-- The STP or ICB of every location on every day: the one that the lists state, else each that it may have belonged
-- to. Where its last parent ended, that is one that came of it; where it left a parent that stayed, had none before, or
-- may have moved on since, it is any.
with places as (

    select * from {{ ref('int_places_in_force') }}

),

locations as (

    select * from places
    where tier = 3

),

parents as (

    select
        *,
        coalesce(valid_to, {{ open_ended_date() }}) as last_day
    from {{ ref('organisation_parents') }}
    where parent_level in ('stp', 'icb')

),

stated_parents as (

    select
        locations.as_of,
        locations.org_level,
        locations.org_code,
        parents.parent_level,
        parents.parent_code
    from locations
    inner join parents
        on
            locations.org_level = parents.org_level
            and locations.org_code = parents.org_code
            and locations.as_of between parents.valid_from and parents.last_day

),

last_listed_parents as (

    select
        locations.as_of,
        locations.org_level,
        locations.org_code,
        parents.parent_level,
        parents.parent_code,
        parents.last_day,
        row_number() over (
            partition by locations.as_of, locations.org_level, locations.org_code
            order by parents.last_day desc
        ) as recency
    from locations
    left join stated_parents
        on
            locations.as_of = stated_parents.as_of
            and locations.org_level = stated_parents.org_level
            and locations.org_code = stated_parents.org_code
    left join parents
        on
            locations.org_level = parents.org_level
            and locations.org_code = parents.org_code
            and locations.as_of > parents.last_day
    where stated_parents.as_of is null

),

unlisted_parents as (

    select
        as_of,
        org_level,
        org_code,
        parent_level as last_level,
        parent_code as last_code,
        last_day
    from last_listed_parents
    where recency = 1

),

successions as (

    select
        *,
        predecessor_level = successor_level and predecessor_code = successor_code as is_itself
    from {{ ref('organisation_successions') }}

),

ended_parents as (

    select
        organisations.org_level,
        organisations.org_code,
        organisations.valid_to as last_day,
        max(successions.changed_on) as changed_on
    from {{ ref('organisations') }} as organisations
    inner join successions
        on
            organisations.org_level = successions.predecessor_level
            and organisations.org_code = successions.predecessor_code
    where not successions.is_itself
    group by organisations.org_level, organisations.org_code, organisations.valid_to

),

-- A boundary that moved after the location came to what came of its last parent may have moved by that location.
came_of_last_parent as (

    select
        unlisted_parents.as_of,
        unlisted_parents.org_level,
        unlisted_parents.org_code,
        reachable.reached_level,
        reachable.reached_code,
        max(case when moves.changed_on is null then 0 else 1 end) over (
            partition by unlisted_parents.as_of, unlisted_parents.org_level, unlisted_parents.org_code
        ) = 1 as has_moved
    from unlisted_parents
    inner join ended_parents
        on
            unlisted_parents.last_level = ended_parents.org_level
            and unlisted_parents.last_code = ended_parents.org_code
            and unlisted_parents.last_day = ended_parents.last_day
    inner join {{ ref('int_reachable_organisations') }} as reachable
        on
            unlisted_parents.last_level = reachable.org_level
            and unlisted_parents.last_code = reachable.org_code
    left join successions as moves
        on
            moves.is_itself
            and reachable.reached_level = moves.predecessor_level
            and reachable.reached_code = moves.predecessor_code
            and ended_parents.changed_on < moves.changed_on
            and unlisted_parents.as_of >= moves.changed_on

),

likely_parents as (

    select distinct
        came_of_last_parent.as_of,
        came_of_last_parent.org_level,
        came_of_last_parent.org_code,
        candidates.org_level as parent_level,
        candidates.org_code as parent_code
    from came_of_last_parent
    inner join places as candidates
        on
            came_of_last_parent.as_of = candidates.as_of
            and came_of_last_parent.reached_level = candidates.org_level
            and came_of_last_parent.reached_code = candidates.org_code
            and candidates.tier = 2
    where not came_of_last_parent.has_moved

),

traced_locations as (

    select distinct
        as_of,
        org_level,
        org_code
    from likely_parents

),

possible_parents as (

    select
        unlisted_parents.as_of,
        unlisted_parents.org_level,
        unlisted_parents.org_code,
        candidates.org_level as parent_level,
        candidates.org_code as parent_code,
        case when traced_locations.as_of is not null then unlisted_parents.last_day end as traced_from
    from unlisted_parents
    inner join places as candidates
        on
            unlisted_parents.as_of = candidates.as_of
            and candidates.tier = 2
    left join traced_locations
        on
            unlisted_parents.as_of = traced_locations.as_of
            and unlisted_parents.org_level = traced_locations.org_level
            and unlisted_parents.org_code = traced_locations.org_code
    left join likely_parents
        on
            unlisted_parents.as_of = likely_parents.as_of
            and unlisted_parents.org_level = likely_parents.org_level
            and unlisted_parents.org_code = likely_parents.org_code
            and candidates.org_level = likely_parents.parent_level
            and candidates.org_code = likely_parents.parent_code
    where
        traced_locations.as_of is null
        or likely_parents.as_of is not null

)

select
    as_of,
    org_level,
    org_code,
    parent_level,
    parent_code,
    true as is_certain,
    cast(null as date) as traced_from
from stated_parents

union all

select
    as_of,
    org_level,
    org_code,
    parent_level,
    parent_code,
    false as is_certain,
    traced_from
from possible_parents
