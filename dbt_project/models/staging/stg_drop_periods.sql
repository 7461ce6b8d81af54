-- Which periods each drop publishes, at which levels. Small, so questions of coverage need no scan of the observations.
with drop_periods as (

    select * from {{ source('landing', 'drop_periods') }}

)

select
    drop_sha256,
    series,
    period_grain,
    period_start,
    org_level
from drop_periods
