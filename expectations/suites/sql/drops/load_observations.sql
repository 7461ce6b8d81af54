-- One row for every figure: what rules ask for and nothing else, its words as enumerations.
create table observations as
select
    cast(file_index as usmallint) as drop_number,
    cast(file_row_number as uinteger) as cell_number,
    {{ population }} as population,
    try_cast(cells.series as series_name) as series,
    try_cast(org_level as organisation_level) as org_level,
    known_measures.measure,
    case
        when cells.series = 'data_quality' and variable_b like '%Submission' then cast('{{ submission }}' as statistic)
        else known_measures.statistic
    end as statistic,
    known_measures.unit,
    value,
    try_cast(value_status as status) as value_status,
    case when value is null then try_cast(value_as_published as marker) end as marker,
    duplicate_of_row is not null as is_duplicate
from cells
inner join known_measures
    on
        cells.series is not distinct from known_measures.series
        and cells.measure_name is not distinct from known_measures.measure_name
        and cells.measure_id is not distinct from known_measures.measure_id
where
    value_status is distinct from 'not_applicable'
    or value is not null
    or value_as_published not in ({{ not_applicable_markers }})
