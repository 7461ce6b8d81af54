-- Detects: an id published under a name that seeds/measure_names.csv does not list.
-- Why: a rename under one id is expected and worth a row; a name on the wrong id is a mistake of the publisher.
-- A returned row is such a pair.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'stg_observations'}}}) }}
with published_names as (

    select distinct
        measure_id,
        measure_name
    from {{ ref('stg_observations') }}
    where measure_id is not null

)

select
    published_names.measure_id,
    published_names.measure_name
from published_names
left join {{ ref('measure_names') }} as measure_names
    on
        published_names.measure_id = measure_names.measure_id
        and published_names.measure_name = measure_names.name
where measure_names.name is null
