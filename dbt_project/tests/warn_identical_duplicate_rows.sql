-- Detects: rows of one drop that repeat another row, names apart. They are collapsed; conflicting ones are refused on
-- reading. England's row that stands once in each file of a quarterly pack is how the pack is published: not reported.
-- Why: a provider was once published twice under two names, and a file put together from copies may lack other rows.
-- A returned row is a drop with such rows.
{{ config(severity='warn') }}
with others as (

    select
        drop_sha256,
        source_file
    from {{ ref('stg_observations') }}
    where
        duplicate_of_row is not null
        and not (org_level = 'england' and period_grain = 'quarter')

),

england_in_packs as (

    select
        drop_sha256,
        source_file,
        duplicate_of_row,
        row_number() over (
            partition by
                drop_sha256, source_member, period_start, org_code, variable_type, variable_a, variable_b,
                measure_id, measure_name
            order by source_row
        ) as place_in_its_file
    from {{ ref('stg_observations') }}
    where
        org_level = 'england'
        and period_grain = 'quarter'

),

repeated as (

    select
        drop_sha256,
        source_file
    from others

    union all

    select
        drop_sha256,
        source_file
    from england_in_packs
    where
        duplicate_of_row is not null
        and place_in_its_file > 1

)

select
    drop_sha256,
    source_file,
    count(*) as cells_collapsed
from repeated
group by drop_sha256, source_file
