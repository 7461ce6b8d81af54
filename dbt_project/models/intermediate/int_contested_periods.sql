-- Periods and levels that more than one drop publishes: only their cells can be contested.
with drop_periods as (

    select * from {{ ref('stg_drop_periods') }}
    where series <> 'data_quality'

)

select
    period_grain,
    period_start,
    org_level
from drop_periods
group by period_grain, period_start, org_level
having count(distinct drop_sha256) > 1
