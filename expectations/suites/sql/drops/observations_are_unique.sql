-- Observations of one cell, not marked as duplicates. Hashes are compared first: few rows are left to be grouped.
with repeated_hashes as (
    select hash(population, measure) as key_hash
    from observations
    where not is_duplicate
    group by key_hash
    having count(*) > 1
),

candidates as (
    select {{ keys | join(', ') }}, population, measure
    from {{ batch }}
    where not is_duplicate and hash(population, measure) in (from repeated_hashes)
),

repeated_keys as (
    select population, measure
    from candidates
    group by all
    having count(*) > 1
)

select {{ keys | join(', ') }}
from candidates
semi join repeated_keys using (population, measure)
