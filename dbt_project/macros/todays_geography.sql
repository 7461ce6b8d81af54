{#
  The figures of an extract on today's geography: each under the organisation that covers its place today.
    one organisation became one      the figure is carried, whatever its statistic
    several became one               counts are summed, with bounds; a percentage, mean or median has no row
    the boundary moved since         as above, and the row says that it is not comparable
    what became of it is not known   it stays under its own code, and says so
  Providers are not places and are left out. A sum is whole or empty: it needs a row of every organisation that was then
  in force. But for such empty sums, the organisations of a level add up to the same in both views.
#}
{% macro todays_geography_of(extract) %}
{%- set population = ['variable_type', 'variable_a', 'variable_b', 'measure', 'measure_id', 'statistic'] -%}
{%- set dates = ['period', 'period_start', 'period_end', 'financial_year'] -%}
with figures as (

    select * from {{ ref(extract) }}
    where org_level in ('england', 'region', 'stp', 'icb', 'ccg', 'sub_icb')

),

ways as (

    select * from {{ ref('organisation_today') }}

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

organisations_with_figures as (

    select distinct
        period,
        period_end,
        org_level,
        org_code
    from figures

),

periods as (

    select distinct
        period,
        period_end
    from organisations_with_figures

),

organisations_in_force as (

    select
        periods.period,
        listed.org_level,
        listed.org_code
    from listed
    inner join periods
        on
            listed.valid_from <= periods.period_end
            and (listed.valid_to is null or periods.period_end <= listed.valid_to)

    union

    select
        period,
        org_level,
        org_code
    from organisations_with_figures

),

-- How many organisations of a level made up each of today's in a period: those in force on its last day, of which an
-- annual file speaks, and any other that the publisher still printed.
predecessors as (

    select
        organisations_in_force.period,
        ways.org_level,
        ways.today_level,
        ways.today_code,
        count(*) as organisations
    from organisations_in_force
    inner join ways
        on
            organisations_in_force.org_level = ways.org_level
            and organisations_in_force.org_code = ways.org_code
    where ways.today_code is not null
    group by organisations_in_force.period, ways.org_level, ways.today_level, ways.today_code

),

placed as (

    select
        figures.*,
        coalesce(ways.today_level, figures.org_level) as today_level,
        coalesce(ways.today_code, figures.org_code) as today_code,
        coalesce(predecessors.organisations, 1) as organisations,
        case
            when figures.org_level = 'england' then 'same'
            when ways.today_code is null then 'not_known'
            when figures.period_start < ways.boundary_moved_on then 'boundary_moved'
            when ways.today_level = figures.org_level and ways.today_code = figures.org_code then 'same'
            when predecessors.organisations > 1 then 'merged'
            else 'recoded'
        end as comparability
    from figures
    left join ways
        on
            figures.org_level = ways.org_level
            and figures.org_code = ways.org_code
    left join predecessors
        on
            figures.period = predecessors.period
            and figures.org_level = predecessors.org_level
            and ways.today_level = predecessors.today_level
            and ways.today_code = predecessors.today_code

),

carried as (

    select
        {{ dates | join(',\n        ') }},
        today_level as org_level,
        today_code as org_code,
        org_level as level_as_published,
        org_code as codes_as_published,
        comparability,
        {{ population | join(',\n        ') }},
        value,
        value_status,
        value_marker,
        is_derived,
        lower_bound,
        upper_bound,
        suppressed_parts
    from placed
    where organisations = 1

),

summed as (

    select
        {% for column in dates -%}
        placed.{{ column }},
        {% endfor -%}
        placed.today_level as org_level,
        placed.today_code as org_code,
        placed.org_level as level_as_published,
        {{ dbt.listagg("placed.org_code", "'; '", "order by placed.org_code") }} as codes_as_published,
        case
            when max(case when placed.comparability = 'boundary_moved' then 1 else 0 end) = 1 then 'boundary_moved'
            else 'merged'
        end as comparability,
        {% for column in population -%}
        placed.{{ column }},
        {% endfor -%}
        {{ sum_of_parts('placed', 'count(*) = max(placed.organisations)') }}
    from placed
    inner join additive_counts
        on placed.measure = additive_counts.measure
    where placed.organisations > 1
    group by
        {% for column in dates + population -%}
        placed.{{ column }},
        {% endfor -%}
        placed.today_level, placed.today_code, placed.org_level

),

on_todays_geography as (

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
        suppressed_parts
    from summed

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
from on_todays_geography as rows_of_today
left join organisations
    on
        rows_of_today.org_level = organisations.org_level
        and rows_of_today.org_code = organisations.org_code
{% endmacro %}
