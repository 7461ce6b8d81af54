-- Figures of another area under the code of a place in force, and figures of a place under a code not its own.
with places as (
    select org_level, org_code
    from dim_organisation
    where valid_to is null and org_type = org_level and org_level <> 'england'
)

select {{ keys | join(', ') }}
from {{ batch }}
left join places using (org_level, org_code)
where
    (
        comparability in ({{ under_own_code }}, 'same')
        and (org_level <> level_as_published or org_code <> codes_as_published)
    )
    or (comparability in ({{ under_own_code }}) and places.org_code is not null)
