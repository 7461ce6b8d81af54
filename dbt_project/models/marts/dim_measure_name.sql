-- Every official name of every measure, and when it was in use: a name does not identify a measure, and an id has had
-- several names.
with measures as (

    select * from {{ ref('measures') }}

),

names_under_ids as (

    select
        measures.measure,
        measures.measure_id,
        measure_names.name,
        'monthly' as series,
        measure_names.first_period,
        measure_names.last_period,
        measure_names.note
    from {{ ref('measure_names') }} as measure_names
    inner join measures
        on measure_names.measure_id = measures.measure_id

),

names_of_columns as (

    select
        measures.measure,
        measures.measure_id,
        measure_aliases.name_as_published as name,
        measure_aliases.series,
        measure_aliases.first_period,
        measure_aliases.last_period,
        measure_aliases.note
    from {{ ref('measure_aliases') }} as measure_aliases
    inner join measures
        on measure_aliases.measure = measures.measure

),

names as (

    select * from names_under_ids
    union all
    select * from names_of_columns

)

select
    measure,
    measure_id,
    name,
    series,
    first_period,
    last_period,
    note
from names
