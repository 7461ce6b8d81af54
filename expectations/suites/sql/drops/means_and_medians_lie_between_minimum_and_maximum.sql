-- Means and medians below the minimum or above the maximum of the same people.
with measures as (
    select distinct measure, what_is_measured
    from measures_of_the_drops
    where statistic in ('mean', 'median', 'minimum', 'maximum')
),

extremes as (
    select
        population,
        what_is_measured,
        max(value) filter (statistic = 'minimum') as minimum,
        min(value) filter (statistic = 'maximum') as maximum
    from observations
    inner join measures using (measure)
    where statistic in ('minimum', 'maximum') and value_status = 'published'
    group by population, what_is_measured
),

means as (
    select {{ keys | join(', ') }}, population, measure, value
    from {{ batch }}
    where statistic in ('mean', 'median') and value_status = 'published'
)

select {{ keys | join(', ') }}
from means
inner join measures using (measure)
inner join extremes using (population, what_is_measured)
where value < minimum or value > maximum
