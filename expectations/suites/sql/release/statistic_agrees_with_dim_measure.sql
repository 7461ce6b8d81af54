-- Figures whose statistic is not that of their measure.
with figures as (
    select {{ keys | join(', ') }}, statistic from {{ batch }}
)

select figures.{{ keys | join(', figures.') }}
from figures
inner join dim_measure using (measure)
where figures.statistic is distinct from dim_measure.statistic
