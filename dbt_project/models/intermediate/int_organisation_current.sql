{{ config(materialized='table') }}

-- What became of every listed place: the organisation that covers it today, following the successions to the end.
-- A split is not followed: what came of it belongs to several. A boundary that moved is followed and said.
{% set longest_way = 6 %}
with listed as (

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
redrawn as (

    select
        predecessor_level as org_level,
        predecessor_code as org_code,
        max(changed_on) as redrawn_on,
        max(doubt) as doubt
    from successions
    where is_itself
    group by predecessor_level, predecessor_code

),

endings as (

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

moves as (

    select * from endings
    where successors = 1

),

way_after_0 as (

    select
        listed.org_level,
        listed.org_code,
        listed.org_level as reached_level,
        listed.org_code as reached_code,
        0 as steps,
        0 as mergers,
        redrawn.redrawn_on as boundary_moved_on,
        coalesce(redrawn.doubt, 1) as doubt
    from listed
    left join redrawn
        on
            listed.org_level = redrawn.org_level
            and listed.org_code = redrawn.org_code

),

{% for step in range(1, longest_way + 1) %}
way_after_{{ step }} as (

    select
        way.org_level,
        way.org_code,
        coalesce(moves.successor_level, way.reached_level) as reached_level,
        coalesce(moves.successor_code, way.reached_code) as reached_code,
        way.steps + case when moves.org_code is null then 0 else 1 end as steps,
        case when moves.mergers > way.mergers then moves.mergers else way.mergers end as mergers,
        -- A way goes forward in time: what is met later is the later day.
        coalesce(
            case when moves.org_code is not null then redrawn.redrawn_on end,
            moves.boundary_moved_on,
            way.boundary_moved_on
        ) as boundary_moved_on,
        case
            when moves.org_code is null then way.doubt
            when coalesce(redrawn.doubt, 1) > moves.doubt and redrawn.doubt > way.doubt then redrawn.doubt
            when moves.doubt > way.doubt then moves.doubt
            else way.doubt
        end as doubt
    from way_after_{{ step - 1 }} as way
    left join moves
        on
            way.reached_level = moves.org_level
            and way.reached_code = moves.org_code
    left join redrawn
        on
            moves.successor_level = redrawn.org_level
            and moves.successor_code = redrawn.org_code

),

{% endfor %}
ends as (

    select
        way.org_level,
        way.org_code,
        way.reached_level,
        way.reached_code,
        way.steps,
        way.mergers,
        way.doubt,
        coalesce(splits.boundary_moved_on, way.boundary_moved_on) as boundary_moved_on,
        splits.org_code is not null as is_split,
        splits.org_code is null and reached.valid_to is null as is_open
    from way_after_{{ longest_way }} as way
    inner join listed as reached
        on
            way.reached_level = reached.org_level
            and way.reached_code = reached.org_code
    left join endings as splits
        on
            way.reached_level = splits.org_level
            and way.reached_code = splits.org_code
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
from ends
