-- The STP or ICB of every location on every day: the one that the lists state, else each that it may have belonged
-- to. A location whose parent no list names may belong to any that came of its last parent; with none before, to any
-- at all.
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

last_known_parents as (

    select
        locations.as_of,
        locations.org_level,
        locations.org_code,
        parents.parent_level,
        parents.parent_code,
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

possible_parents as (

    select
        last_known.as_of,
        last_known.org_level,
        last_known.org_code,
        candidates.org_level as parent_level,
        candidates.org_code as parent_code
    from last_known_parents as last_known
    inner join places as candidates
        on
            last_known.as_of = candidates.as_of
            and candidates.tier = 2
    left join {{ ref('int_reachable_organisations') }} as reachable
        on
            last_known.parent_level = reachable.org_level
            and last_known.parent_code = reachable.org_code
            and candidates.org_level = reachable.reached_level
            and candidates.org_code = reachable.reached_code
    where
        last_known.recency = 1
        and (last_known.parent_code is null or reachable.org_code is not null)

)

select
    as_of,
    org_level,
    org_code,
    parent_level,
    parent_code,
    true as is_certain
from stated_parents

union all

select
    as_of,
    org_level,
    org_code,
    parent_level,
    parent_code,
    false as is_certain
from possible_parents
