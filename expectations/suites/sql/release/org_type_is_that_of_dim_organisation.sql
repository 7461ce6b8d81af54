-- Rows that do not say what their organisation is, or in a pair what either of the two is.
with rows as (
    select
        {{ keys | join(', ') }},
        org_type,
        org_level as level_of_row,
        {{ partner }} as code_of_partner,
        {{ level_of_organisation }} as level_of_organisation
    from {{ batch }}
),

organisations as (
    select org_level as level_of_organisation, org_code, org_type as type_of_organisation
    from dim_organisation
),

partners as (
    select org_code as code_of_partner, org_type as type_of_partner
    from dim_organisation
    where org_level = 'provider'
),

types as (
    select
        {{ keys | join(', ') }},
        org_type,
        level_of_row,
        coalesce(type_of_organisation, 'unknown') as type_of_organisation,
        case when code_of_partner is null then 'none' else coalesce(type_of_partner, 'unknown') end as type_of_partner
    from rows
    left join organisations using (level_of_organisation, org_code)
    left join partners using (code_of_partner)
)

select {{ keys | join(', ') }}
from types
where
    org_type is distinct from case
        when 'placeholder' in (type_of_organisation, type_of_partner) then 'placeholder'
        when 'unknown' in (type_of_organisation, type_of_partner) then 'unknown'
        else level_of_row
    end
