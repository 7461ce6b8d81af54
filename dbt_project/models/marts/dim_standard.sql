-- The national standards, each with the days between which it holds. Financial years run from April to March.
with standards as (

    select * from {{ ref('standards') }}

)

select
    measure,
    threshold,
    comparison,
    cast(substring(first_financial_year, 1, 4) || '-04-01' as date) as valid_from,
    cast(
        cast(cast(substring(last_financial_year, 1, 4) as integer) + 1 as varchar) || '-03-31' as date
    ) as valid_to,
    certainty,
    label,
    source
from standards
