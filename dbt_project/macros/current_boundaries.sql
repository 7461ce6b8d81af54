{#
  The figures of an extract on current boundaries. A figure under the name of an organisation of today is of its area.
    the area was one organisation's      the figure is carried, whatever its statistic
    it was made of several of its level  counts are summed, with bounds; a percentage, mean or median has no row
    it was made of smaller ones          likewise, of CCGs or sub-ICB locations, where each of them has a row
    none of these                        no value, and the reason
  What has no place in these stays under the code and name it was published under. Providers are not places and are left out.
#}
{% macro extract_current_boundaries(extract) %}
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
    where org_level in ('england', 'region', 'stp', 'icb', 'ccg', 'sub_icb')

),

areas as (

    select * from {{ ref('int_current_areas') }}

),

ways as (

    select * from {{ ref('int_organisation_current') }}

),

listed as (

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
figures_out_of_time as (

    select distinct
        figures.period_end,
        figures.org_level,
        figures.org_code
    from figures
    inner join listed
        on
            figures.org_level = listed.org_level
            and figures.org_code = listed.org_code
    where
        listed.is_place
        and listed.org_level <> 'england'
        and figures.value_status <> 'not_published'
        and (figures.period_end < listed.valid_from or figures.period_end > listed.valid_to)

),

organisations_that_share as (

    select distinct
        areas.period_end,
        areas.org_level,
        areas.org_code
    from figures_out_of_time
    inner join {{ ref('int_reachable_organisations') }} as reached
        on
            figures_out_of_time.org_level = reached.org_level
            and figures_out_of_time.org_code = reached.org_code
    inner join areas
        on
            figures_out_of_time.period_end = areas.period_end
            and reached.reached_level = areas.current_level
            and reached.reached_code = areas.current_code
            and areas.tiers_below = 0

),

placed as (

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
    left join organisations_that_share
        on
            figures.period_end = organisations_that_share.period_end
            and figures.org_level = organisations_that_share.org_level
            and figures.org_code = organisations_that_share.org_code
    where
        areas.comparability in ('same', 'recoded', 'merged', 'summed')
        and organisations_that_share.org_code is null

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
    from placed
    where comparability in ('same', 'recoded')

),

sums as (

    select
        {% for column in dates -%}
        placed.{{ column }},
        {% endfor -%}
        placed.current_level as org_level,
        placed.current_code as org_code,
        placed.org_level as level_as_published,
        {{ dbt.listagg("placed.org_code", "'; '", "order by placed.org_code") }} as codes_as_published,
        placed.comparability,
        {% for column in population -%}
        placed.{{ column }},
        {% endfor -%}
        placed.tiers_below,
        placed.cell,
        {{ sum_of_parts('placed') }}
    from placed
    inner join additive_counts
        on placed.measure = additive_counts.measure
    left join carried
        on
            placed.cell = carried.cell
            and placed.current_level = carried.org_level
            and placed.current_code = carried.org_code
    where
        placed.comparability in ('merged', 'summed')
        and carried.cell is null
    group by
        {% for column in dates + population -%}
        placed.{{ column }},
        {% endfor -%}
        placed.current_level, placed.current_code, placed.org_level, placed.comparability, placed.tiers_below, placed.cell
    having count(*) = max(placed.organisations)

),

-- The fewer the parts, the closer the bounds; but one that was never published leaves no sum, and others may.
best_sums as (

    select
        *,
        row_number() over (
            partition by org_level, org_code, cell
            order by case when value_status = 'not_published' then 1 else 0 end, tiers_below, level_as_published
        ) as preference
    from sums

),

of_todays_areas as (

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

todays_places as (

    select
        org_level,
        org_code
    from listed
    where
        is_place
        and valid_to is null
        and org_level <> 'england'

),

-- The organisations of its own level that an area lay in on the day, or may have lain in.
neighbours as (

    select * from areas
    where tiers_below = 0

),

-- -- an organisation of today whose area has no figure

without_figure as (

    select
        figures.*,
        neighbours.current_level,
        neighbours.current_code,
        case
            when neighbours.comparability in ('boundary_moved', 'area_not_known') then neighbours.comparability
            else 'parts_missing'
        end as reason
    from figures
    inner join neighbours
        on
            figures.period_end = neighbours.period_end
            and figures.org_level = neighbours.org_level
            and figures.org_code = neighbours.org_code
    inner join additive_counts
        on figures.measure = additive_counts.measure

    union all

    -- Its own figures of another area: they may not stand under its name.
    select
        figures.*,
        todays_places.org_level as current_level,
        todays_places.org_code as current_code,
        case
            when coalesce(neighbours.comparability, 'area_not_known') = 'area_not_known' then 'area_not_known'
            else 'boundary_moved'
        end as reason
    from figures
    inner join todays_places
        on
            figures.org_level = todays_places.org_level
            and figures.org_code = todays_places.org_code
    left join neighbours
        on
            figures.period_end = neighbours.period_end
            and figures.org_level = neighbours.org_level
            and figures.org_code = neighbours.org_code
            and figures.org_level = neighbours.current_level
            and figures.org_code = neighbours.current_code
    left join additive_counts
        on figures.measure = additive_counts.measure
    where
        additive_counts.measure is null
        or neighbours.org_code is null

),

reasons as (

    select
        {% for column in dates -%}
        without_figure.{{ column }},
        {% endfor -%}
        without_figure.current_level as org_level,
        without_figure.current_code as org_code,
        max(without_figure.org_level) as level_as_published,
        {{ dbt.listagg("without_figure.org_code", "'; '", "order by without_figure.org_code") }} as codes_as_published,
        min(without_figure.reason) as comparability,
        {% for column in population -%}
        without_figure.{{ column }},
        {% endfor -%}
        cast(null as double) as value,
        'not_published' as value_status,
        {{ value_marker('not_published') }} as value_marker,
        max(case when without_figure.statistic = 'count' then 1 else 0 end) = 1 as is_derived,
        cast(null as bigint) as lower_bound,
        cast(null as bigint) as upper_bound,
        cast(null as integer) as suppressed_parts,
        without_figure.cell
    from without_figure
    left join of_todays_areas
        on
            without_figure.cell = of_todays_areas.cell
            and without_figure.current_level = of_todays_areas.org_level
            and without_figure.current_code = of_todays_areas.org_code
    where of_todays_areas.cell is null
    group by
        {% for column in dates + population -%}
        without_figure.{{ column }},
        {% endfor -%}
        without_figure.current_level, without_figure.current_code, without_figure.cell

),

-- -- figures that no organisation of today has: whole or in part

uncovered as (

    select distinct
        figures.cell,
        figures.org_level,
        figures.org_code
    from figures
    left join neighbours
        on
            figures.period_end = neighbours.period_end
            and figures.org_level = neighbours.org_level
            and figures.org_code = neighbours.org_code
    left join of_todays_areas
        on
            figures.cell = of_todays_areas.cell
            and neighbours.current_level = of_todays_areas.org_level
            and neighbours.current_code = of_todays_areas.org_code
    where
        figures.org_level <> 'england'
        and (
            of_todays_areas.cell is null
            or (
                of_todays_areas.comparability in ('merged', 'summed')
                and of_todays_areas.value_status = 'not_published'
                and figures.value_status <> 'not_published'
            )
        )

),

under_their_own_code as (

    select
        {% for column in dates -%}
        figures.{{ column }},
        {% endfor -%}
        figures.org_level,
        figures.org_code,
        figures.org_level as level_as_published,
        figures.org_code as codes_as_published,
        case
            when figures.org_level = 'england' then 'same'
            when coalesce(ways.comparability, 'not_known') = 'not_known' then 'not_known'
            else 'former'
        end as comparability,
        {% for column in population + figure -%}
        figures.{{ column }},
        {% endfor -%}
        figures.cell
    from figures
    left join uncovered
        on
            figures.cell = uncovered.cell
            and figures.org_level = uncovered.org_level
            and figures.org_code = uncovered.org_code
    left join ways
        on
            figures.org_level = ways.org_level
            and figures.org_code = ways.org_code
    left join todays_places
        on
            figures.org_level = todays_places.org_level
            and figures.org_code = todays_places.org_code
    where
        todays_places.org_code is null
        and (figures.org_level = 'england' or uncovered.cell is not null)

),

on_current_boundaries as (

    select * from of_todays_areas

    union all

    select * from reasons

    union all

    select * from under_their_own_code

),

organisations as (

    select * from {{ ref('dim_organisation') }}

)

select
    {% for column in dates -%}
    rows_of_today.{{ column }},
    {% endfor -%}
    rows_of_today.org_level,
    rows_of_today.org_code,
    organisations.org_name,
    coalesce(organisations.org_type, 'unknown') as org_type,
    rows_of_today.level_as_published,
    rows_of_today.codes_as_published,
    rows_of_today.comparability,
    {% for column in population -%}
    rows_of_today.{{ column }},
    {% endfor -%}
    rows_of_today.value,
    rows_of_today.value_status,
    rows_of_today.value_marker,
    rows_of_today.is_derived,
    rows_of_today.lower_bound,
    rows_of_today.upper_bound,
    rows_of_today.suppressed_parts
from on_current_boundaries as rows_of_today
left join organisations
    on
        rows_of_today.org_level = organisations.org_level
        and rows_of_today.org_code = organisations.org_code
{% endmacro %}
