-- Means and medians of one status below England beside a base of another.
with means as (
    select {{ keys | join(', ') }}, population, measure
    from {{ batch }}
    where
        statistic in ('mean', 'median')
        and value_status = '{{ status }}'
        and org_level is distinct from 'england'
        and not is_duplicate
),

measures as (
    select distinct measure, base from measures_of_the_drops
),

bases as (
    select population, measure as base
    from observations
    where
        value_status = '{{ base_status }}'
        and statistic = 'count'
        and not is_duplicate
        and measure in (select measures.base from measures)
)

select {{ keys | join(', ') }}
from means
inner join measures using (measure)
semi join bases using (population, base)
