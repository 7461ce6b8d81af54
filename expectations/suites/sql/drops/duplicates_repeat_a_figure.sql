-- Rows that are marked as duplicates of a row that says something else.
with duplicates as (
    select {{ keys | join(', ') }}, population, measure, value, value_status
    from {{ batch }}
    where is_duplicate
),

repeated as (
    select population, measure, value, value_status, true as is_repeated
    from observations
    where not is_duplicate and population in (select duplicates.population from duplicates)
)

select duplicates.{{ keys | join(', duplicates.') }}
from duplicates
left join repeated
    on
        duplicates.population = repeated.population
        and duplicates.measure = repeated.measure
        and duplicates.value is not distinct from repeated.value
        and duplicates.value_status is not distinct from repeated.value_status
where repeated.is_repeated is null
