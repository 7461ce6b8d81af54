-- One row for every organisation, period and population of a drop, with its first cell, and whether its name, or that
-- of its partner, is the listed one of another organisation.
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
    variable_b,
    bool_or(names_of_others.other_name is not null or partners_of_others.other_name is not null) as has_name_of_another
from cells
left join names_of_others
    on
        cells.file_index = names_of_others.other_file
        and split_part(cells.org_level, '_provider', 1) = names_of_others.other_level
        and cells.org_code = names_of_others.other_code
        and cells.org_name = names_of_others.other_name
left join names_of_others as partners_of_others
    on
        cells.file_index = partners_of_others.other_file
        and partners_of_others.other_level = 'provider'
        and cells.partner_code = partners_of_others.other_code
        and cells.partner_name = partners_of_others.other_name
group by all
