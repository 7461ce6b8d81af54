-- The periods that were never published.
with gaps as (

    select * from {{ source('landing', 'gaps') }}

)

select
    series,
    period_grain,
    period,
    kind,
    reason,
    source
from gaps
