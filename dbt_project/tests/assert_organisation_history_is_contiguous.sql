-- Detects: a spell of an organisation that ends before it begins, or does not end the day before the next one begins.
-- Why: a figure must find exactly one parent for its period.
-- A returned row is such a spell.
with spells as (

    select
        org_level,
        org_code,
        valid_from,
        valid_to,
        lead(valid_from) over (partition by org_level, org_code order by valid_from) as next_valid_from
    from {{ ref('dim_organisation_history') }}

)

select * from spells
where
    valid_to < valid_from
    or (
        next_valid_from is not null
        and (valid_to is null or next_valid_from <> {{ dbt.dateadd('day', 1, 'valid_to') }})
    )
