-- An extract with the parents of its organisations: who belongs to whom is public. Nothing else of the facts is used.
create or replace temp view released_with_parents as
with parents as (
    select period, org_level, org_code, any_value(parent_code) as parent_code
    from {{ facts }}
    group by all
)

select extract_rows.*, parents.parent_code
from {{ extract }} as extract_rows
left join parents using (period, org_level, org_code)
