-- Figures of organisations that are not in the list, or are in it and in no drop though the figure is not derived.
with figures as (
    select
        {{ keys | join(', ') }},
        is_derived,
        {{ level_of_organisation }} as level_of_organisation
    from {{ batch }}
),

organisations as (
    select org_level, org_code, is_in_drops from dim_organisation
),

providers as (
    select org_code as partner_code, true as is_known_partner
    from dim_organisation
    where org_level = 'provider' and is_in_drops
)

select figures.{{ keys | join(', figures.') }}
from figures
left join organisations
    on figures.level_of_organisation = organisations.org_level and figures.org_code = organisations.org_code
left join providers using (partner_code)
where
    (not is_in_drops and is_derived is distinct from true)
    or is_in_drops is null
    or (figures.partner_code is not null and is_known_partner is null)
