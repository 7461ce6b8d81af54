-- When each period of a series with a calendar is expected to be published.
with publication_days as (

    select * from {{ source('landing', 'publication_days') }}

)

select
    series,
    period_grain,
    period,
    expected_on
from publication_days
