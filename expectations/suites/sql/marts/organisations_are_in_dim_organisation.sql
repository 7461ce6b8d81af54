-- Figures of organisations that are not in the list as organisations of a drop.
with organisations as (
    select distinct org_level, org_code, partner_code, {{ level_of_organisation }} as level_of_organisation
    from {{ table }}
    where {{ applies }}
),

described as (
    select org_level as level_of_organisation, org_code, true as is_described
    from dim_organisation
    where is_in_drops
),

providers as (
    select org_code as partner_code, true as is_described_partner
    from dim_organisation
    where org_level = 'provider' and is_in_drops
),

unknown_organisations as (
    select org_level, org_code, partner_code
    from organisations
    left join described using (level_of_organisation, org_code)
    left join providers using (partner_code)
    where is_described is null or (partner_code is not null and is_described_partner is null)
),

figures as (
    select {{ keys | join(', ') }}
    from {{ batch }}
    where {{ applies }}
)

select figures.{{ keys | join(', figures.') }}
from figures
semi join unknown_organisations
    on
        figures.org_level = unknown_organisations.org_level
        and figures.org_code = unknown_organisations.org_code
        and figures.partner_code is not distinct from unknown_organisations.partner_code
