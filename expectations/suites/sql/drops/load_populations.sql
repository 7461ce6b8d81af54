-- One row for every organisation, period and population of a drop, with its first cell.
create table populations as
select
    cast(file_index as usmallint) as drop_number,
    cast(min(file_row_number) as uinteger) as cell_number,
    {{ population }} as population,
    series,
    period_grain,
    period_start,
    period_end,
    org_level,
    org_code,
    partner_code,
    variable_type,
    variable_a,
    variable_b
from cells
group by all
