-- Periods and levels of drops that a later issue of the same file replaces whole: a cell it lacks is withdrawn.
with replaced_levels as (

    select * from {{ source('landing', 'replaced_levels') }}

)

select
    drop_sha256,
    series,
    period_grain,
    period_start,
    org_level,
    replaced_by_drop_sha256
from replaced_levels
