-- Spells that end before they begin, or not before the next spell of the organisation.
with spells as (
    select
        {{ keys | join(', ') }},
        valid_to,
        lead(valid_from) over (partition by org_level, org_code order by valid_from) as next_from
    from {{ batch }}
)

select {{ keys | join(', ') }}
from spells
where
    valid_to < valid_from
    or next_from <= valid_to
    or (valid_to is null and next_from is not null)
