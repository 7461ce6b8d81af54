{{ config(materialized='table') }}

-- Of what the area of every place of today was made on the last day of every period: of one organisation, of several
-- of its level, of smaller ones. Where that is not known, or a boundary has moved since: the organisations of that day
-- that the area may have lain in, and the reason.
--
-- An area is a set of locations: CCGs, and since July 2022 sub-ICB locations. A body of today is made of the locations
-- whose parent it is today, and each of these of the locations of that day which became it, whole.
{% set today = "cast('9999-12-31' as date)" %}
with places as (

    select
        org_level,
        org_code,
        ons_code,
        case
            when org_level = 'region' then 1
            when org_level in ('stp', 'icb') then 2
            else 3
        end as tier,
        coalesce(valid_from, cast('1900-01-01' as date)) as first_day,
        coalesce(valid_to, {{ today }}) as last_day
    from {{ ref('organisations') }}
    where
        is_place
        and org_level in ('region', 'stp', 'icb', 'ccg', 'sub_icb')

),

successions as (

    select * from {{ ref('organisation_successions') }}

),

ways as (

    select * from {{ ref('int_organisation_current') }}

),

reached as (

    select * from {{ ref('int_reachable_organisations') }}

),

moments as (

    select distinct period_end as moment from {{ ref('int_calendar_in_scope') }}

    union distinct

    select {{ today }} as moment

),

in_force as (

    select
        moments.moment,
        places.tier,
        places.org_level,
        places.org_code,
        places.ons_code,
        ways.current_level,
        ways.current_code,
        coalesce(ways.boundary_moved_on > moments.moment, false) as has_moved_since
    from places
    inner join moments
        on moments.moment between places.first_day and places.last_day
    left join ways
        on
            places.org_level = ways.org_level
            and places.org_code = ways.org_code

),

locations as (

    select * from in_force
    where tier = 3

),

parents as (

    select
        org_level,
        org_code,
        parent_level,
        parent_code,
        valid_from as first_day,
        coalesce(valid_to, {{ today }}) as last_day
    from {{ ref('organisation_parents') }}

),

-- -- whose each location is, of that day and of today

stated_bodies as (

    select
        locations.moment,
        locations.org_level,
        locations.org_code,
        parents.parent_level as body_level,
        parents.parent_code as body_code
    from locations
    inner join parents
        on
            locations.org_level = parents.org_level
            and locations.org_code = parents.org_code
            and locations.moment between parents.first_day and parents.last_day
    where parents.parent_level in ('stp', 'icb')

),

locations_of_no_stated_body as (

    select
        locations.moment,
        locations.org_level,
        locations.org_code
    from locations
    left join stated_bodies
        on
            locations.moment = stated_bodies.moment
            and locations.org_level = stated_bodies.org_level
            and locations.org_code = stated_bodies.org_code
    where stated_bodies.moment is null

),

former_bodies as (

    select
        orphans.moment,
        orphans.org_level,
        orphans.org_code,
        parents.parent_level,
        parents.parent_code,
        row_number() over (
            partition by orphans.moment, orphans.org_level, orphans.org_code
            order by parents.last_day desc
        ) as newness
    from locations_of_no_stated_body as orphans
    left join parents
        on
            orphans.org_level = parents.org_level
            and orphans.org_code = parents.org_code
            and orphans.moment > parents.last_day
            and parents.parent_level in ('stp', 'icb')

),

-- One whose parent no list names may belong to any that came of its last; with none, to any at all.
possible_bodies as (

    select
        former_bodies.moment,
        former_bodies.org_level,
        former_bodies.org_code,
        bodies.org_level as body_level,
        bodies.org_code as body_code
    from former_bodies
    inner join in_force as bodies
        on
            former_bodies.moment = bodies.moment
            and bodies.tier = 2
    left join reached
        on
            former_bodies.parent_level = reached.org_level
            and former_bodies.parent_code = reached.org_code
            and bodies.org_level = reached.reached_level
            and bodies.org_code = reached.reached_code
    where
        former_bodies.newness = 1
        and (former_bodies.parent_code is null or reached.org_code is not null)

),

bodies_of_locations as (

    select
        *,
        true as is_certain
    from stated_bodies

    union all

    select
        *,
        false as is_certain
    from possible_bodies

),

regions_of_locations as (

    select
        bodies.moment,
        bodies.org_level,
        bodies.org_code,
        min(parents.parent_code) as region_code,
        count(*) = count(parents.parent_code)
        and count(distinct parents.parent_code) = 1 as is_certain
    from bodies_of_locations as bodies
    left join parents
        on
            bodies.body_level = parents.org_level
            and bodies.body_code = parents.org_code
            and parents.parent_level = 'region'
            and bodies.moment between parents.first_day and parents.last_day
    group by bodies.moment, bodies.org_level, bodies.org_code

),

-- A location of no known region may be any region's.
members as (

    select
        moment,
        2 as tier,
        body_level as whole_level,
        body_code as whole_code,
        org_level,
        org_code,
        is_certain
    from bodies_of_locations

    union all

    select
        regions_of_locations.moment,
        1 as tier,
        regions.org_level as whole_level,
        regions.org_code as whole_code,
        regions_of_locations.org_level,
        regions_of_locations.org_code,
        regions_of_locations.is_certain
    from regions_of_locations
    inner join in_force as regions
        on
            regions_of_locations.moment = regions.moment
            and regions.tier = 1
            and (
                not regions_of_locations.is_certain
                or regions_of_locations.region_code = regions.org_code
            )

    union all

    select
        locations.moment,
        1 as tier,
        regions.org_level as whole_level,
        regions.org_code as whole_code,
        locations.org_level,
        locations.org_code,
        false as is_certain
    from locations
    inner join in_force as regions
        on
            locations.moment = regions.moment
            and regions.tier = 1
    left join regions_of_locations
        on
            locations.moment = regions_of_locations.moment
            and locations.org_level = regions_of_locations.org_level
            and locations.org_code = regions_of_locations.org_code
    where regions_of_locations.moment is null

    union all

    select
        moment,
        tier,
        org_level as whole_level,
        org_code as whole_code,
        org_level,
        org_code,
        true as is_certain
    from locations

),

members_today as (

    select * from members
    where moment = {{ today }}

),

wholes_today as (

    select * from in_force
    where moment = {{ today }}

),

days as (

    select moment as day_of_figures from moments
    where moment <> {{ today }}

),

-- -- what each place of today was made of on that day

-- The locations of that day which became one of today's, and whether they became it whole and are of its boundary.
contributors as (

    select
        locations.moment,
        locations.org_level,
        locations.org_code,
        reached.reached_level as location_level,
        reached.reached_code as location_code,
        not locations.has_moved_since
        and coalesce(
            locations.current_level = reached.reached_level and locations.current_code = reached.reached_code,
            false
        ) as is_exact
    from locations
    inner join reached
        on
            locations.org_level = reached.org_level
            and locations.org_code = reached.org_code
    inner join wholes_today
        on
            reached.reached_level = wholes_today.org_level
            and reached.reached_code = wholes_today.org_code

),

parts as (

    select
        days.day_of_figures as moment,
        members_today.tier,
        members_today.whole_level as current_level,
        members_today.whole_code as current_code,
        contributors.org_level,
        contributors.org_code,
        min(case when members_today.is_certain and contributors.org_code is not null then 1 else 0 end) as is_certain,
        min(case when contributors.is_exact then 1 else 0 end) as is_exact
    from members_today
    cross join days
    left join contributors
        on
            days.day_of_figures = contributors.moment
            and members_today.org_level = contributors.location_level
            and members_today.org_code = contributors.location_code
    group by
        days.day_of_figures, members_today.tier, members_today.whole_level, members_today.whole_code,
        contributors.org_level, contributors.org_code

),

areas as (

    select
        moment,
        tier,
        current_level,
        current_code,
        count(org_code) as locations,
        min(is_certain) = 1 as is_certain,
        min(is_exact) = 1 as is_exact
    from parts
    group by moment, tier, current_level, current_code

),

members_then as (

    select
        *,
        count(*) over (partition by moment, tier, whole_level, whole_code) as locations,
        min(case when is_certain then 1 else 0 end)
            over (partition by moment, tier, whole_level, whole_code)
        = 1 as is_known
    from members
    where moment <> {{ today }}

),

-- How much of an organisation of that day lay in what is a place of its tier, or of a larger one, today.
shares as (

    select
        parts.moment,
        parts.tier,
        parts.current_level,
        parts.current_code,
        members_then.tier as part_tier,
        members_then.whole_level as org_level,
        members_then.whole_code as org_code,
        members_then.locations,
        members_then.is_known,
        count(*) as locations_shared
    from parts
    inner join members_then
        on
            parts.moment = members_then.moment
            and parts.org_level = members_then.org_level
            and parts.org_code = members_then.org_code
            and parts.tier <= members_then.tier
    group by
        parts.moment, parts.tier, parts.current_level, parts.current_code,
        members_then.tier, members_then.whole_level, members_then.whole_code,
        members_then.locations, members_then.is_known

),

-- A body of the same locations and the same ONS code has the same outer boundary, whatever moved between its locations:
-- the Office for National Statistics gives another code to an area whose boundary moves.
bodies_of_the_same_ons_code as (

    select
        shares.moment,
        shares.current_level,
        shares.current_code
    from shares
    inner join areas
        on
            shares.moment = areas.moment
            and shares.current_level = areas.current_level
            and shares.current_code = areas.current_code
    inner join in_force
        on
            shares.moment = in_force.moment
            and shares.org_level = in_force.org_level
            and shares.org_code = in_force.org_code
    inner join wholes_today
        on
            shares.current_level = wholes_today.org_level
            and shares.current_code = wholes_today.org_code
    where
        shares.tier = 2
        and shares.part_tier = 2
        and shares.is_known
        and shares.locations = shares.locations_shared
        and areas.locations = shares.locations_shared
        and areas.is_certain
        and not in_force.has_moved_since
        and in_force.ons_code = wholes_today.ons_code

),

-- Of each tier, whether all that moved since lies within bodies of an unmoved outer boundary.
unsettled_areas as (

    select distinct
        parts.moment,
        parts.current_level,
        parts.current_code
    from parts
    inner join contributors
        on
            parts.moment = contributors.moment
            and parts.org_level = contributors.org_level
            and parts.org_code = contributors.org_code
    left join members_today as bodies
        on
            contributors.location_level = bodies.org_level
            and contributors.location_code = bodies.org_code
            and bodies.tier = 2
            and bodies.is_certain
    left join bodies_of_the_same_ons_code as settled
        on
            parts.moment = settled.moment
            and bodies.whole_level = settled.current_level
            and bodies.whole_code = settled.current_code
    where
        parts.is_exact = 0
        and (parts.tier = 3 or settled.moment is null)

),

-- Areas that organisations of their own tier make up exactly, by the locations.
covers as (

    select
        shares.moment,
        shares.current_level,
        shares.current_code
    from shares
    inner join areas
        on
            shares.moment = areas.moment
            and shares.current_level = areas.current_level
            and shares.current_code = areas.current_code
    where shares.tier = shares.part_tier
    group by shares.moment, shares.current_level, shares.current_code, areas.locations
    having
        sum(shares.locations_shared) = areas.locations
        and min(case when shares.is_known and shares.locations = shares.locations_shared then 1 else 0 end) = 1

),

-- What a succession says of a boundary must be seen in the locations: else they do not tell the area.
links as (

    select
        in_force.moment,
        in_force.tier,
        in_force.org_level,
        in_force.org_code,
        reached.reached_level as current_level,
        reached.reached_code as current_code,
        coalesce(
            in_force.has_moved_since
            and in_force.current_level = reached.reached_level and in_force.current_code = reached.reached_code,
            false
        ) as is_said_to_differ
    from in_force
    inner join reached
        on
            in_force.org_level = reached.org_level
            and in_force.org_code = reached.org_code
    inner join wholes_today
        on
            reached.reached_level = wholes_today.org_level
            and reached.reached_code = wholes_today.org_code
    where in_force.moment <> {{ today }}

),

unexplained_areas as (

    select distinct
        links.moment,
        links.current_level,
        links.current_code
    from links
    inner join areas
        on
            links.moment = areas.moment
            and links.current_level = areas.current_level
            and links.current_code = areas.current_code
    left join covers
        on
            links.moment = covers.moment
            and links.current_level = covers.current_level
            and links.current_code = covers.current_code
    left join shares
        on
            links.moment = shares.moment
            and links.org_level = shares.org_level
            and links.org_code = shares.org_code
            and links.current_level = shares.current_level
            and links.current_code = shares.current_code
    where
        links.tier < 3
        and (
            shares.moment is null
            or (links.is_said_to_differ and covers.moment is not null)
        )

),

-- A place of today in its present form: the same locations as now, and nothing said of it since.
said_since as (

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

),

unchanged_members as (

    select
        members_then.moment,
        members_then.whole_level,
        members_then.whole_code,
        members_then.locations,
        count(*) as locations_unchanged
    from members_then
    inner join members_today
        on
            members_then.tier = members_today.tier
            and members_then.whole_level = members_today.whole_level
            and members_then.whole_code = members_today.whole_code
            and members_then.org_level = members_today.org_level
            and members_then.org_code = members_today.org_code
            and members_then.is_certain = members_today.is_certain
    inner join contributors
        on
            members_then.moment = contributors.moment
            and members_then.org_level = contributors.org_level
            and members_then.org_code = contributors.org_code
            and members_then.org_level = contributors.location_level
            and members_then.org_code = contributors.location_code
    where contributors.is_exact
    group by members_then.moment, members_then.whole_level, members_then.whole_code, members_then.locations

),

sizes_today as (

    select
        whole_level,
        whole_code,
        count(*) as locations
    from members_today
    group by whole_level, whole_code

),

in_present_form as (

    select
        unchanged_members.moment,
        unchanged_members.whole_level as current_level,
        unchanged_members.whole_code as current_code
    from unchanged_members
    inner join sizes_today
        on
            unchanged_members.whole_level = sizes_today.whole_level
            and unchanged_members.whole_code = sizes_today.whole_code
    left join said_since
        on
            unchanged_members.whole_level = said_since.org_level
            and unchanged_members.whole_code = said_since.org_code
            and unchanged_members.moment < said_since.changed_on
    where
        unchanged_members.locations = unchanged_members.locations_unchanged
        and sizes_today.locations = unchanged_members.locations_unchanged
        and said_since.org_code is null

),

known_areas as (

    select
        areas.*,
        unsettled.moment is null and unexplained.moment is null and areas.is_certain as is_known,
        case
            when not areas.is_certain then 'area_not_known'
            else 'boundary_moved'
        end as reason
    from areas
    left join unsettled_areas as unsettled
        on
            areas.moment = unsettled.moment
            and areas.current_level = unsettled.current_level
            and areas.current_code = unsettled.current_code
    left join unexplained_areas as unexplained
        on
            areas.moment = unexplained.moment
            and areas.current_level = unexplained.current_level
            and areas.current_code = unexplained.current_code

),

-- -- the organisations that made up an area, tier by tier

tiles as (

    select
        shares.*,
        known_areas.is_known as is_known_area,
        known_areas.reason,
        known_areas.locations as locations_of_area,
        sum(shares.locations_shared) over (
            partition by shares.moment, shares.current_level, shares.current_code, shares.part_tier
        ) as locations_covered,
        count(*) over (
            partition by shares.moment, shares.current_level, shares.current_code, shares.part_tier
        ) as organisations,
        min(case when shares.is_known and shares.locations = shares.locations_shared then 1 else 0 end) over (
            partition by shares.moment, shares.current_level, shares.current_code, shares.part_tier
        ) = 1 as are_all_within
    from shares
    inner join known_areas
        on
            shares.moment = known_areas.moment
            and shares.current_level = known_areas.current_level
            and shares.current_code = known_areas.current_code

),

made_up as (

    select
        moment,
        tier,
        current_level,
        current_code,
        part_tier,
        org_level,
        org_code,
        organisations,
        case
            when part_tier > tier then 'summed'
            when organisations > 1 then 'merged'
            when org_level = current_level and org_code = current_code then 'same'
            else 'recoded'
        end as comparability
    from tiles
    where
        is_known_area
        and are_all_within
        -- A region's published counts hold patients of its commissioning hubs, who are in no STP, ICB or location.
        and (tier > 1 or part_tier = 1)
        and locations_covered = locations_of_area

),

same_by_form as (

    select
        in_present_form.moment,
        in_force.tier,
        in_present_form.current_level,
        in_present_form.current_code,
        in_force.tier as part_tier,
        in_present_form.current_level as org_level,
        in_present_form.current_code as org_code,
        1 as organisations,
        'same' as comparability
    from in_present_form
    inner join in_force
        on
            in_present_form.moment = in_force.moment
            and in_present_form.current_level = in_force.org_level
            and in_present_form.current_code = in_force.org_code
    left join made_up
        on
            in_present_form.moment = made_up.moment
            and in_present_form.current_level = made_up.current_level
            and in_present_form.current_code = made_up.current_code
            and made_up.tier = made_up.part_tier
    where made_up.moment is null

),

figures_of_areas as (

    select * from made_up

    union all

    select * from same_by_form

),

-- Where no organisations of its own tier make an area up: those that it may have lain in.
may_have_lain_in as (

    select
        moment,
        tier,
        current_level,
        current_code,
        org_level,
        org_code
    from shares
    where tier = part_tier

    union distinct

    select
        moment,
        tier,
        current_level,
        current_code,
        org_level,
        org_code
    from links

),

not_made_up as (

    select
        found.moment,
        found.tier,
        found.current_level,
        found.current_code,
        found.tier as part_tier,
        found.org_level,
        found.org_code,
        count(*) over (
            partition by found.moment, found.current_level, found.current_code
        ) as organisations,
        case
            when known_areas.is_known and found.tier > 1 then 'parts_missing'
            when known_areas.is_known then 'boundary_moved'
            else coalesce(known_areas.reason, 'area_not_known')
        end as comparability
    from may_have_lain_in as found
    left join known_areas
        on
            found.moment = known_areas.moment
            and found.current_level = known_areas.current_level
            and found.current_code = known_areas.current_code
    left join figures_of_areas
        on
            found.moment = figures_of_areas.moment
            and found.current_level = figures_of_areas.current_level
            and found.current_code = figures_of_areas.current_code
            and figures_of_areas.tier = figures_of_areas.part_tier
    where figures_of_areas.moment is null

),

every_area as (

    select * from figures_of_areas

    union all

    select * from not_made_up

)

select
    moment as period_end,
    current_level,
    current_code,
    org_level,
    org_code,
    part_tier - tier as tiers_below,
    organisations,
    comparability
from every_area
