{# Columns of one relation, as a list for SELECT or GROUP BY. #}
{% macro qualify(columns, relation) -%}
    {%- for column in columns -%} {{ relation }}.{{ column }}{{ ', ' if not loop.last }} {%- endfor -%}
{%- endmacro %}

{#
  The figures of an extract on current boundaries. A figure under the name of a current organisation is of its area.
    the area was one organisation's      the figure is carried, whatever its statistic
    it was made of several of its level  counts are summed, with bounds; a percentage, mean or median has no row
    it was made of smaller ones          likewise, of CCGs or sub-ICB locations, where each of them has a row
    none of these                        no value, and the reason
  What has no place in these stays under the code and name it was published under. Providers are not places and are left out.
#}
{% macro extract_current_boundaries(extract, grain) %}
{%- set population = ['variable_type', 'variable_a', 'variable_b', 'measure', 'measure_id', 'statistic'] -%}
{%- set dates = ['period', 'period_start', 'period_end', 'financial_year'] -%}
{%- set figure = [
    'value', 'value_status', 'value_marker', 'is_derived', 'lower_bound', 'upper_bound', 'suppressed_parts',
] -%}
with figures as (

    select
        *,
        period || '|' || measure || '|' || variable_type || '|' || coalesce(variable_a, '') || '|'
        || coalesce(variable_b, '') as cell
    from {{ ref(extract) }}
    where
        org_level in ('england', 'region', 'stp', 'icb', 'ccg', 'sub_icb')
        and {{ in_affected_periods(grain, 'period_start', organisations=ref('dim_organisation')) }}

),

areas as (

    select * from {{ ref('int_current_areas') }}

),

current_organisations as (

    select * from {{ ref('int_organisation_current') }}

),

listed_organisations as (

    select * from {{ ref('organisations') }}

),

additive_counts as (

    select * from {{ ref('measures') }}
    where
        statistic = 'count'
        and is_additive

),

-- A place that was not there on the day, by the lists, and has figures all the same: what shares its area is then not
-- the whole of it.
figures_outside_validity as (

    select distinct
        figures.period_end,
        figures.org_level,
        figures.org_code
    from figures
    inner join listed_organisations
        on
            figures.org_level = listed_organisations.org_level
            and figures.org_code = listed_organisations.org_code
    where
        listed_organisations.is_place
        and listed_organisations.org_level <> 'england'
        and figures.value_status <> 'not_published'
        and (figures.period_end < listed_organisations.valid_from or figures.period_end > listed_organisations.valid_to)

),

organisations_sharing_an_area as (

    select distinct
        areas.period_end,
        areas.org_level,
        areas.org_code
    from figures_outside_validity
    inner join {{ ref('int_reachable_organisations') }} as reached
        on
            figures_outside_validity.org_level = reached.org_level
            and figures_outside_validity.org_code = reached.org_code
    inner join areas
        on
            figures_outside_validity.period_end = areas.period_end
            and reached.reached_level = areas.current_level
            and reached.reached_code = areas.current_code
            and areas.tiers_below = 0

),

figures_by_current_area as (

    select
        figures.*,
        areas.current_level,
        areas.current_code,
        areas.tiers_below,
        areas.organisations,
        areas.comparability
    from figures
    inner join areas
        on
            figures.period_end = areas.period_end
            and figures.org_level = areas.org_level
            and figures.org_code = areas.org_code
    left join organisations_sharing_an_area
        on
            figures.period_end = organisations_sharing_an_area.period_end
            and figures.org_level = organisations_sharing_an_area.org_level
            and figures.org_code = organisations_sharing_an_area.org_code
    where
        areas.comparability in ('same', 'recoded', 'merged', 'summed')
        and organisations_sharing_an_area.org_code is null

),

carried as (

    select
        {{ dates | join(',\n        ') }},
        current_level as org_level,
        current_code as org_code,
        org_level as level_as_published,
        org_code as codes_as_published,
        comparability,
        {{ population | join(',\n        ') }},
        {{ figure | join(',\n        ') }},
        cell
    from figures_by_current_area
    where comparability in ('same', 'recoded')

),

sums as (

    select
        {{ qualify(dates, 'figures_by_current_area') }},
        figures_by_current_area.current_level as org_level,
        figures_by_current_area.current_code as org_code,
        figures_by_current_area.org_level as level_as_published,
        {{ dbt.listagg("figures_by_current_area.org_code", "'; '", "order by figures_by_current_area.org_code") }} as codes_as_published,
        figures_by_current_area.comparability,
        {{ qualify(population, 'figures_by_current_area') }},
        figures_by_current_area.tiers_below,
        figures_by_current_area.cell,
        {{ sum_of_parts('figures_by_current_area') }}
    from figures_by_current_area
    inner join additive_counts
        on figures_by_current_area.measure = additive_counts.measure
    left join carried
        on
            figures_by_current_area.cell = carried.cell
            and figures_by_current_area.current_level = carried.org_level
            and figures_by_current_area.current_code = carried.org_code
    where
        figures_by_current_area.comparability in ('merged', 'summed')
        and carried.cell is null
    group by
        {{ qualify(dates + population, 'figures_by_current_area') }},
        figures_by_current_area.current_level, figures_by_current_area.current_code, figures_by_current_area.org_level, figures_by_current_area.comparability, figures_by_current_area.tiers_below, figures_by_current_area.cell
    having count(*) = max(figures_by_current_area.organisations)

),

-- The fewer the parts, the closer the bounds; but one that was never published makes no sum, and others may.
best_sums as (

    select
        *,
        row_number() over (
            partition by org_level, org_code, cell
            order by case when value_status = 'not_published' then 1 else 0 end, tiers_below, level_as_published
        ) as preference
    from sums

),

values_of_current_areas as (

    select * from carried

    union all

    select
        {{ dates | join(',\n        ') }},
        org_level,
        org_code,
        level_as_published,
        codes_as_published,
        comparability,
        {{ population | join(',\n        ') }},
        value,
        value_status,
        value_marker,
        true as is_derived,
        lower_bound,
        upper_bound,
        suppressed_parts,
        cell
    from best_sums
    where preference = 1

),

current_places as (

    select
        org_level,
        org_code
    from listed_organisations
    where
        is_place
        and valid_to is null
        and org_level <> 'england'

),

-- The organisations of its own level that an area lay in on the day, or may have lain in.
same_tier_areas as (

    select * from areas
    where tiers_below = 0

),

-- -- a current organisation whose area has no value

areas_without_value as (

    select
        figures.*,
        same_tier_areas.current_level,
        same_tier_areas.current_code,
        case
            when same_tier_areas.comparability in ('boundary_moved', 'area_not_known') then same_tier_areas.comparability
            else 'parts_missing'
        end as reason
    from figures
    inner join same_tier_areas
        on
            figures.period_end = same_tier_areas.period_end
            and figures.org_level = same_tier_areas.org_level
            and figures.org_code = same_tier_areas.org_code
    inner join additive_counts
        on figures.measure = additive_counts.measure

    union all

    -- Its own figures of another area: they may not stand under its name.
    select
        figures.*,
        current_places.org_level as current_level,
        current_places.org_code as current_code,
        case
            when coalesce(same_tier_areas.comparability, 'area_not_known') = 'area_not_known' then 'area_not_known'
            else 'boundary_moved'
        end as reason
    from figures
    inner join current_places
        on
            figures.org_level = current_places.org_level
            and figures.org_code = current_places.org_code
    left join same_tier_areas
        on
            figures.period_end = same_tier_areas.period_end
            and figures.org_level = same_tier_areas.org_level
            and figures.org_code = same_tier_areas.org_code
            and figures.org_level = same_tier_areas.current_level
            and figures.org_code = same_tier_areas.current_code
    left join additive_counts
        on figures.measure = additive_counts.measure
    where
        additive_counts.measure is null
        or same_tier_areas.org_code is null

),

rows_without_value as (

    select
        {{ qualify(dates, 'areas_without_value') }},
        areas_without_value.current_level as org_level,
        areas_without_value.current_code as org_code,
        max(areas_without_value.org_level) as level_as_published,
        {{ dbt.listagg("areas_without_value.org_code", "'; '", "order by areas_without_value.org_code") }} as codes_as_published,
        min(areas_without_value.reason) as comparability,
        {{ qualify(population, 'areas_without_value') }},
        cast(null as double) as value,
        'not_published' as value_status,
        {{ value_marker('not_published') }} as value_marker,
        max(case when areas_without_value.statistic = 'count' then 1 else 0 end) = 1 as is_derived,
        cast(null as bigint) as lower_bound,
        cast(null as bigint) as upper_bound,
        cast(null as integer) as suppressed_parts,
        areas_without_value.cell
    from areas_without_value
    left join values_of_current_areas
        on
            areas_without_value.cell = values_of_current_areas.cell
            and areas_without_value.current_level = values_of_current_areas.org_level
            and areas_without_value.current_code = values_of_current_areas.org_code
    where values_of_current_areas.cell is null
    group by
        {{ qualify(dates + population, 'areas_without_value') }},
        areas_without_value.current_level, areas_without_value.current_code, areas_without_value.cell

),

-- -- figures that no current organisation has, or has in part only

uncovered_figures as (

    select distinct
        figures.cell,
        figures.org_level,
        figures.org_code
    from figures
    left join same_tier_areas
        on
            figures.period_end = same_tier_areas.period_end
            and figures.org_level = same_tier_areas.org_level
            and figures.org_code = same_tier_areas.org_code
    left join values_of_current_areas
        on
            figures.cell = values_of_current_areas.cell
            and same_tier_areas.current_level = values_of_current_areas.org_level
            and same_tier_areas.current_code = values_of_current_areas.org_code
    where
        figures.org_level <> 'england'
        and (
            values_of_current_areas.cell is null
            or (
                values_of_current_areas.comparability in ('merged', 'summed')
                and values_of_current_areas.value_status = 'not_published'
                and figures.value_status <> 'not_published'
            )
        )

),

under_their_own_code as (

    select
        {{ qualify(dates, 'figures') }},
        figures.org_level,
        figures.org_code,
        figures.org_level as level_as_published,
        figures.org_code as codes_as_published,
        case
            when figures.org_level = 'england' then 'same'
            when coalesce(current_organisations.comparability, 'not_known') = 'not_known' then 'not_known'
            else 'former'
        end as comparability,
        {{ qualify(population + figure, 'figures') }},
        figures.cell
    from figures
    left join uncovered_figures
        on
            figures.cell = uncovered_figures.cell
            and figures.org_level = uncovered_figures.org_level
            and figures.org_code = uncovered_figures.org_code
    left join current_organisations
        on
            figures.org_level = current_organisations.org_level
            and figures.org_code = current_organisations.org_code
    left join current_places
        on
            figures.org_level = current_places.org_level
            and figures.org_code = current_places.org_code
    where
        current_places.org_code is null
        and (figures.org_level = 'england' or uncovered_figures.cell is not null)

),

on_current_boundaries as (

    select * from values_of_current_areas

    union all

    select * from rows_without_value

    union all

    select * from under_their_own_code

),

organisations as (

    select * from {{ ref('dim_organisation') }}

)

select
    {{ qualify(dates, 'result') }},
    result.org_level,
    result.org_code,
    organisations.org_name,
    coalesce(organisations.org_type, 'unknown') as org_type,
    result.level_as_published,
    result.codes_as_published,
    result.comparability,
    {{ qualify(population, 'result') }},
    {{ qualify(figure, 'result') }}
from on_current_boundaries as result
left join organisations
    on
        result.org_level = organisations.org_level
        and result.org_code = organisations.org_code
{% endmacro %}
