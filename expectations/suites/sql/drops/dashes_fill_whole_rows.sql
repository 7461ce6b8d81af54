-- Figures beside a dash of the same organisation and month of a time series.
with time_series as (
    select population
    from populations
    where series = 'timeseries'
),

dashes as (
    select distinct population
    from observations
    semi join time_series using (population)
    where value_status = 'not_published'
)

select {{ keys | join(', ') }}
from {{ batch }}
semi join dashes using (population)
where value_status in ('published', 'suppressed')
