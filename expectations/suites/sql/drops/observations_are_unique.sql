-- Observations of one cell, not marked as duplicates. Populations with more rows than measures are found first: few
-- rows are left to be grouped.
with repeating_populations as (
    select population
    from observations
    where not is_duplicate
    group by population
    having
        count(*)
        > bit_count(bitstring_agg(enum_code(measure), 0, len(enum_range(cast(null as measure_name)))))
),

candidates as (
    select {{ keys | join(', ') }}, population, measure
    from {{ batch }}
    where not is_duplicate and population in (from repeating_populations)
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
