-- Every population that has a figure, as published, under names that are one across eras and series; and whether what
-- was published under those names before can be compared. What no list knows is kept, and says so.
with appearances as (

    {% for fact in ['fct_monthly', 'fct_quarterly', 'int_annual_figures'] %}
    select
        variable_type,
        variable_a,
        variable_b,
        min(period_start) as first_period_start,
        max(period_start) as last_period_start
    from {{ ref(fact) }}
    where drop_sha256 is not null
    group by variable_type, variable_a, variable_b

    {{ 'union all' if not loop.last }}
    {% endfor %}

),

published_populations as (

    select
        variable_type,
        variable_a,
        variable_b,
        min(first_period_start) as first_period_start,
        max(last_period_start) as last_period_start
    from appearances
    group by variable_type, variable_a, variable_b

),

listed_populations as (

    select * from {{ ref('populations') }}

),

changes as (

    select * from {{ ref('population_changes') }}

),

-- A change of one population has its own row; the row of the whole scheme is for all the others.
changes_that_apply as (

    select
        listed_populations.population_type,
        listed_populations.population,
        listed_populations.scheme,
        changes.changed_at,
        changes.is_comparable,
        changes.reason,
        row_number() over (
            partition by
                listed_populations.population_type,
                listed_populations.population,
                listed_populations.scheme,
                changes.from_scheme,
                changes.changed_at
            order by case when changes.population is null then 2 else 1 end asc
        ) as place
    from (
        select distinct
            population_type,
            population,
            scheme
        from listed_populations
    ) as listed_populations
    inner join changes
        on
            listed_populations.population_type = changes.population_type
            and listed_populations.scheme = changes.to_scheme
            and listed_populations.population = coalesce(changes.population, listed_populations.population)

),

-- Where a change breaks the line, the reasons are those of the breaks alone.
comparability as (

    select
        population_type,
        population,
        scheme,
        min(case when is_comparable then 1 else 0 end) = 1 as is_comparable,
        max(case when not is_comparable then changed_at end) as comparable_from,
        {{ dbt.listagg("case when not is_comparable then reason end", "'; '", "order by changed_at") }} as breaks,
        {{ dbt.listagg("reason", "'; '", "order by changed_at") }} as reasons
    from changes_that_apply
    where place = 1
    group by population_type, population, scheme

)

select
    published_populations.variable_type,
    published_populations.variable_a,
    published_populations.variable_b,
    coalesce(listed_populations.population_type, 'unknown') as population_type,
    listed_populations.population,
    coalesce(
        listed_populations.population_name,
        published_populations.variable_b,
        published_populations.variable_a,
        published_populations.variable_type
    ) as population_name,
    listed_populations.scheme,
    listed_populations.sort_order,
    listed_populations.imd_decile,
    listed_populations.population is not null as is_listed,
    comparability.is_comparable as is_comparable_with_previous_scheme,
    comparability.comparable_from,
    coalesce(comparability.breaks, comparability.reasons) as change_reason,
    published_populations.first_period_start,
    published_populations.last_period_start
from published_populations
left join listed_populations
    on
        published_populations.variable_type = listed_populations.variable_type
        and coalesce(published_populations.variable_a, '') = coalesce(listed_populations.variable_a, '')
        and coalesce(published_populations.variable_b, '') = coalesce(listed_populations.variable_b, '')
left join comparability
    on
        listed_populations.population_type = comparability.population_type
        and listed_populations.population = comparability.population
        and listed_populations.scheme = comparability.scheme
