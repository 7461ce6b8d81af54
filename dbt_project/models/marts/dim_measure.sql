-- One row per measure: its slug, id, names, statistic, what a percentage or mean rests on, and what it says in words.
with measures as (

    select * from {{ ref('measures') }}

),

formula_parts as (

    select
        measure,
        part,
        sign,
        component,
        row_number() over (partition by measure, part order by sign desc, component asc) as place
    from {{ ref('measure_formulas') }}

),

formula_terms as (

    select
        measure,
        part,
        place,
        case
            when place = 1 then component
            when sign < 0 then ' - ' || component
            else ' + ' || component
        end as term
    from formula_parts

),

formulas as (

    select
        measure,
        {{ dbt.listagg("case when part = 'numerator' then term end", "''", "order by place") }} as numerator,
        {{ dbt.listagg("case when part = 'denominator' then term end", "''", "order by place") }} as denominator
    from formula_terms
    group by measure

),

names as (

    select
        measures.measure,
        measure_names.name
    from {{ ref('measure_names') }} as measure_names
    inner join measures
        on measure_names.measure_id = measures.measure_id
    where measure_names.name <> measures.name

    union

    select
        measures.measure,
        measure_aliases.name_as_published as name
    from {{ ref('measure_aliases') }} as measure_aliases
    inner join measures
        on measure_aliases.measure = measures.measure
    where measure_aliases.name_as_published <> measures.name

),

former_names as (

    select
        measure,
        {{ dbt.listagg("name", "'; '", "order by name") }} as former_names
    from names
    group by measure

),

uses as (

    select
        measures.measure,
        measure_names.first_period,
        measure_names.last_period
    from {{ ref('measure_names') }} as measure_names
    inner join measures
        on measure_names.measure_id = measures.measure_id

    union all

    select
        measures.measure,
        measure_aliases.first_period,
        measure_aliases.last_period
    from {{ ref('measure_aliases') }} as measure_aliases
    inner join measures
        on measure_aliases.measure = measures.measure
    where measures.measure_id is null

),

periods_of_use as (

    select
        measure,
        min(first_period) as first_period,
        case when count(*) = count(last_period) then max(last_period) end as last_period
    from uses
    group by measure

)

select
    measures.measure,
    measures.measure_id,
    measures.name,
    measures.statistic,
    measures.unit,
    formulas.numerator,
    formulas.denominator,
    measures.base,
    former_names.former_names,
    measures.is_additive,
    measures.better_direction,
    measures.definition,
    periods_of_use.first_period,
    periods_of_use.last_period
from measures
left join formulas
    on measures.measure = formulas.measure
left join former_names
    on measures.measure = former_names.measure
left join periods_of_use
    on measures.measure = periods_of_use.measure
