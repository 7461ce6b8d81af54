-- Detects: a refresh without a disclosure policy, or with several.
-- Why: without one nothing would be released; with several, every figure would be released under each of them.
-- A returned row is the number of policies that were landed: refresh again.
with policies as (

    select count(*) as policies_in_force
    from {{ ref('stg_disclosure_policy') }}

)

select policies_in_force
from policies
where policies_in_force <> 1
