-- Which series is believed first at each grain.
with series_precedence as (

    select * from {{ source('landing', 'series_precedence') }}

)

select
    period_grain,
    series,
    series_rank
from series_precedence
