-- Which levels are declared to add up to which, and on what evidence.
with level_sums as (

    select * from {{ source('landing', 'level_sums') }}

)

select
    whole_level,
    part_level,
    named_by,
    period_grain,
    additive,
    evidence
from level_sums
