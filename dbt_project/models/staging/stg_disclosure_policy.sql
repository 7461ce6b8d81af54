-- The disclosure policy this refresh works under.
with disclosure_policy as (

    select * from {{ source('landing', 'disclosure_policy') }}

)

select
    version,
    profile,
    suppress_counts_below,
    round_counts_to,
    hide_complement_at_most,
    minimum_denominator
from disclosure_policy
