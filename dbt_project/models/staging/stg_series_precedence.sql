-- Which series is believed first at each grain, and for which periods.
with series_precedence as (

    select * from {{ source('landing', 'series_precedence') }}

)

select
    period_grain,
    series,
    series_rank,
    valid_from,
    valid_to
from series_precedence
