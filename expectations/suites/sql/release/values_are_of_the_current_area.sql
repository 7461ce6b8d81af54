-- Figures that name more or less than the area of the current organisation, worked out from the released lists.
with rows as (
    select distinct period_end, org_level, org_code, level_as_published, codes_as_published, comparability
    from {{ batch }}
    where
        comparability in ({{ comparable }})
        and org_level <> 'england'
        and value_status <> 'not_published'
),

days as (
    select distinct period_end from rows
),

spells as (
    select days.period_end as day, history.*
    from days
    inner join dim_organisation_history as history
        on
            days.period_end >= history.valid_from
            and (history.valid_to is null or days.period_end <= history.valid_to)
),

locations as (
    select
        spells.day,
        spells.org_level,
        spells.org_code,
        spells.parent_level,
        spells.parent_code,
        parents.parent_code as region_code,
        listed.current_code,
        coalesce(listed.boundary_moved_on > spells.day, false) as has_moved
    from spells
    inner join dim_organisation as listed
        on spells.org_level = listed.org_level and spells.org_code = listed.org_code
    left join spells as parents
        on
            spells.day = parents.day
            and spells.parent_level = parents.org_level
            and spells.parent_code = parents.org_code
    where spells.org_level in ('ccg', 'sub_icb')
),

unmoved_icbs as (
    select days.period_end as day, icbs.org_code
    from days
    cross join dim_organisation as icbs
    inner join dim_organisation as former
        on
            icbs.ons_code = former.ons_code
            and former.org_level in ('stp', 'icb')
            and days.period_end >= former.valid_from
            and (former.valid_to is null or days.period_end <= former.valid_to)
    where icbs.org_level = 'icb' and icbs.valid_to is null
),

current_locations as (
    select org_code, current_parent_code, current_region_code
    from dim_organisation
    where org_level = 'sub_icb' and org_type = 'sub_icb' and valid_to is null
),

expected as (
    select areas.period_end, areas.org_level, areas.org_code, current_locations.org_code as location
    from (select distinct period_end, org_level, org_code from rows) as areas
    inner join current_locations
        on areas.org_code = case areas.org_level
            when 'sub_icb' then current_locations.org_code
            when 'icb' then current_locations.current_parent_code
            else current_locations.current_region_code
        end
),

named as (
    select *, unnest(string_split(codes_as_published, '; ')) as code from rows
),

named_locations as (
    select
        named.period_end,
        named.org_level,
        named.org_code,
        named.codes_as_published,
        locations.org_level as location_level,
        locations.org_code as location_code,
        locations.current_code,
        locations.has_moved
    from named
    inner join locations
        on
            named.period_end = locations.day
            and case named.level_as_published
                when 'region' then named.code = locations.region_code
                when locations.org_level then named.code = locations.org_code
                else named.level_as_published = locations.parent_level and named.code = locations.parent_code
            end
),

too_large as (
    select
        named_locations.period_end,
        named_locations.org_level,
        named_locations.org_code,
        named_locations.codes_as_published
    from named_locations
    left join expected
        on
            named_locations.period_end = expected.period_end
            and named_locations.org_level = expected.org_level
            and named_locations.org_code = expected.org_code
            and named_locations.current_code = expected.location
    left join current_locations on named_locations.current_code = current_locations.org_code
    left join unmoved_icbs
        on
            named_locations.period_end = unmoved_icbs.day
            and current_locations.current_parent_code = unmoved_icbs.org_code
    where
        (
            expected.location is null
            and (named_locations.org_level <> 'region' or current_locations.current_region_code is not null)
        )
        or (
            named_locations.has_moved
            and (named_locations.org_level = 'sub_icb' or unmoved_icbs.org_code is null)
        )
),

too_small as (
    select rows.period_end, rows.org_level, rows.org_code, rows.codes_as_published
    from rows
    inner join expected
        on
            rows.period_end = expected.period_end
            and rows.org_level = expected.org_level
            and rows.org_code = expected.org_code
    left join locations on rows.period_end = locations.day and expected.location = locations.current_code
    left join named_locations
        on
            rows.period_end = named_locations.period_end
            and rows.org_level = named_locations.org_level
            and rows.org_code = named_locations.org_code
            and rows.codes_as_published = named_locations.codes_as_published
            and locations.org_level = named_locations.location_level
            and locations.org_code = named_locations.location_code
    where named_locations.org_code is null
),

moved as (
    select named.period_end, named.org_level, named.org_code, named.codes_as_published
    from named
    inner join dim_organisation as listed
        on named.level_as_published = listed.org_level and named.code = listed.org_code
    where
        named.comparability in ({{ not_summed }})
        and listed.boundary_moved_on > named.period_end
),

wrong as (
    from too_large
    union
    from too_small
    union
    from moved
)

select {{ keys | join(', ') }}
from {{ batch }}
semi join wrong using (period_end, org_level, org_code, codes_as_published)
where comparability in ({{ comparable }})
