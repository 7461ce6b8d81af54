{{ config(materialized='table') }}

-- What became of every listed place: the organisation that covers it now, following the successions to the end.
-- A split is not followed: what came of it belongs to several. A boundary that moved is followed and recorded.
{% set longest_route = 6 %}
with places as (

    select
        org_level,
        org_code,
        valid_to
    from {{ ref('organisations') }}
    where is_place

),

successions as (

    select
        predecessor_level,
        predecessor_code,
        successor_level,
        successor_code,
        changed_on,
        change,
        is_comparable,
        predecessor_level = successor_level and predecessor_code = successor_code as is_itself,
        case certainty when 'stated' then 1 when 'inferred' then 2 else 3 end as doubt
    from {{ ref('organisation_successions') }}

),

-- A boundary can move under an organisation that keeps its code.
moved as (

    select
        predecessor_level as org_level,
        predecessor_code as org_code,
        max(changed_on) as moved_on,
        max(doubt) as doubt
    from successions
    where is_itself
    group by predecessor_level, predecessor_code

),

ended_places as (

    select
        predecessor_level as org_level,
        predecessor_code as org_code,
        count(*) as successors,
        min(successor_level) as successor_level,
        min(successor_code) as successor_code,
        max(case when change = 'merged' then 1 else 0 end) as mergers,
        max(case when not is_comparable then changed_on end) as boundary_moved_on,
        max(doubt) as doubt
    from successions
    where not is_itself
    group by predecessor_level, predecessor_code

),

successor as (

    select * from ended_places
    where successors = 1

),

route_after_0 as (

    select
        places.org_level,
        places.org_code,
        places.org_level as reached_level,
        places.org_code as reached_code,
        0 as steps,
        0 as mergers,
        moved.moved_on as boundary_moved_on,
        coalesce(moved.doubt, 1) as doubt
    from places
    left join moved
        on
            places.org_level = moved.org_level
            and places.org_code = moved.org_code

),

{% for step in range(1, longest_route + 1) %}
route_after_{{ step }} as (

    select
        route.org_level,
        route.org_code,
        coalesce(successor.successor_level, route.reached_level) as reached_level,
        coalesce(successor.successor_code, route.reached_code) as reached_code,
        route.steps + case when successor.org_code is null then 0 else 1 end as steps,
        case when successor.mergers > route.mergers then successor.mergers else route.mergers end as mergers,
        -- A route goes forward in time: what is met later has the later day.
        coalesce(
            case when successor.org_code is not null then moved.moved_on end,
            successor.boundary_moved_on,
            route.boundary_moved_on
        ) as boundary_moved_on,
        case
            when successor.org_code is null then route.doubt
            when coalesce(moved.doubt, 1) > successor.doubt and moved.doubt > route.doubt then moved.doubt
            when successor.doubt > route.doubt then successor.doubt
            else route.doubt
        end as doubt
    from route_after_{{ step - 1 }} as route
    left join successor
        on
            route.reached_level = successor.org_level
            and route.reached_code = successor.org_code
    left join moved
        on
            successor.successor_level = moved.org_level
            and successor.successor_code = moved.org_code

),

{% endfor %}
route_ends as (

    select
        route.org_level,
        route.org_code,
        route.reached_level,
        route.reached_code,
        route.steps,
        route.mergers,
        route.doubt,
        coalesce(splits.boundary_moved_on, route.boundary_moved_on) as boundary_moved_on,
        splits.org_code is not null as is_split,
        splits.org_code is null and reached.valid_to is null as is_open
    from route_after_{{ longest_route }} as route
    inner join places as reached
        on
            route.reached_level = reached.org_level
            and route.reached_code = reached.org_code
    left join ended_places as splits
        on
            route.reached_level = splits.org_level
            and route.reached_code = splits.org_code
            and splits.successors > 1

)

select
    org_level,
    org_code,
    case when is_open then reached_level end as current_level,
    case when is_open then reached_code end as current_code,
    case
        when not is_open and not is_split then 'not_known'
        when boundary_moved_on is not null then 'boundary_moved'
        when mergers > 0 then 'merged'
        when steps > 0 then 'recoded'
        else 'same'
    end as comparability,
    case when is_open or is_split then boundary_moved_on end as boundary_moved_on,
    case
        when not is_open then null
        when doubt = 1 then 'stated'
        when doubt = 2 then 'inferred'
        else 'background'
    end as certainty
from route_ends
