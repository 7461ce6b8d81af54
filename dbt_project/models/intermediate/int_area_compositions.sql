-- The organisations that made the area of a current place up exactly, on the last day of a period, tier by tier. A
-- region's published counts hold patients of its commissioning hubs, who are in no STP, ICB or location: only regions
-- make one up.
with area_overlaps as (

    select
        pairs.*,
        area_status.is_known as is_area_known,
        sum(pairs.locations_shared) over (
            partition by pairs.as_of, pairs.current_level, pairs.current_code, pairs.org_tier
        ) as locations_covered,
        count(*) over (
            partition by pairs.as_of, pairs.current_level, pairs.current_code, pairs.org_tier
        ) as organisations,
        min(case when pairs.is_known and pairs.locations = pairs.locations_shared then 1 else 0 end) over (
            partition by pairs.as_of, pairs.current_level, pairs.current_code, pairs.org_tier
        ) = 1 as are_all_within
    from {{ ref('int_current_area_overlaps') }} as pairs
    inner join {{ ref('int_current_area_status') }} as area_status
        on
            pairs.as_of = area_status.as_of
            and pairs.current_level = area_status.current_level
            and pairs.current_code = area_status.current_code

),

made_up_exactly as (

    select
        as_of,
        tier,
        current_level,
        current_code,
        org_tier,
        org_level,
        org_code,
        organisations,
        case
            when org_tier > tier then 'summed'
            when organisations > 1 then 'merged'
            when org_level = current_level and org_code = current_code then 'same'
            else 'recoded'
        end as comparability
    from area_overlaps
    where
        is_area_known
        and are_all_within
        and (tier > 1 or org_tier = 1)
        and locations_covered = locations_of_area

),

unchanged as (

    select
        unchanged_areas.as_of,
        places.tier,
        unchanged_areas.current_level,
        unchanged_areas.current_code,
        places.tier as org_tier,
        unchanged_areas.current_level as org_level,
        unchanged_areas.current_code as org_code,
        1 as organisations,
        'same' as comparability
    from {{ ref('int_unchanged_areas') }} as unchanged_areas
    inner join {{ ref('int_places_in_force') }} as places
        on
            unchanged_areas.as_of = places.as_of
            and unchanged_areas.current_level = places.org_level
            and unchanged_areas.current_code = places.org_code
    left join made_up_exactly
        on
            unchanged_areas.as_of = made_up_exactly.as_of
            and unchanged_areas.current_level = made_up_exactly.current_level
            and unchanged_areas.current_code = made_up_exactly.current_code
            and made_up_exactly.tier = made_up_exactly.org_tier
    where made_up_exactly.as_of is null

),

compositions as (

    select * from made_up_exactly
    union all
    select * from unchanged

)

select
    as_of,
    tier,
    current_level,
    current_code,
    org_tier,
    org_level,
    org_code,
    organisations,
    comparability
from compositions
