-- Whom every listed place belonged to, and when: one row per spell, from its first day to its last, without a hole.
-- Where the lists name no parent for a time, the spell is there and its parent is empty.
with places as (

    select
        org_level,
        org_code,
        valid_from,
        valid_to
    from {{ ref('organisations') }}
    where
        is_place
        and valid_from is not null

),

parents as (

    select * from {{ ref('organisation_parents') }}

),

first_days as (

    select
        org_level,
        org_code,
        valid_from as first_day
    from places

    union distinct

    select
        org_level,
        org_code,
        valid_from as first_day
    from parents

    union distinct

    select
        org_level,
        org_code,
        cast({{ dbt.dateadd('day', 1, 'valid_to') }} as date) as first_day
    from parents
    where valid_to is not null

),

spells as (

    select
        places.org_level,
        places.org_code,
        first_days.first_day as valid_from,
        places.valid_to as last_day,
        lead(first_days.first_day) over (
            partition by places.org_level, places.org_code
            order by first_days.first_day
        ) as next_first_day
    from places
    inner join first_days
        on
            places.org_level = first_days.org_level
            and places.org_code = first_days.org_code
    where
        places.valid_from <= first_days.first_day
        and (places.valid_to is null or first_days.first_day <= places.valid_to)

)

select
    spells.org_level,
    spells.org_code,
    spells.valid_from,
    coalesce(cast({{ dbt.dateadd('day', -1, 'spells.next_first_day') }} as date), spells.last_day) as valid_to,
    parents.parent_level,
    parents.parent_code,
    parent_names.org_name as parent_name,
    parents.certainty as parent_certainty
from spells
left join parents
    on
        spells.org_level = parents.org_level
        and spells.org_code = parents.org_code
        and spells.valid_from >= parents.valid_from
        and (parents.valid_to is null or spells.valid_from <= parents.valid_to)
left join {{ ref('dim_organisation') }} as parent_names
    on
        parents.parent_level = parent_names.org_level
        and parents.parent_code = parent_names.org_code
