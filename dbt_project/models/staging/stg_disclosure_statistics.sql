-- Which kinds of statistic may be released, and how finely.
with disclosure_statistics as (

    select * from {{ source('landing', 'disclosure_statistics') }}

)

select
    statistic,
    is_released,
    decimals
from disclosure_statistics
