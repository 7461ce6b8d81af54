-- Periods and levels that more than one drop publishes: only their cells can be contested. And those of which a later
-- issue withdraws all there was.
with drop_periods as (

    select * from {{ ref('stg_drop_periods') }}
    where series <> 'data_quality'

),

replaced_levels as (

    select * from {{ ref('stg_replaced_levels') }}

),

published_by_several as (

    select
        period_grain,
        period_start,
        org_level
    from drop_periods
    group by period_grain, period_start, org_level
    having count(distinct drop_sha256) > 1

)

select
    period_grain,
    period_start,
    org_level
from published_by_several
union distinct
select
    period_grain,
    period_start,
    org_level
from replaced_levels
