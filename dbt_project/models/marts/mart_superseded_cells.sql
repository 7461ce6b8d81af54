-- Cells that were not believed: kept, with the drop that was. One that a re-issue withdrew stands with that re-issue.
with unbelieved_observations as (

    select * from {{ ref('int_conflicting_observations') }}
    where precedence > 1

)

select
    period_grain,
    period,
    org_level,
    org_code,
    partner_code,
    variable_type,
    variable_a,
    variable_b,
    measure,
    value,
    value_status,
    value_as_published,
    series,
    drop_sha256,
    source_member,
    source_row,
    source_column,
    coalesce(withdrawn_by_drop_sha256, winning_drop_sha256) as winning_drop_sha256,
    case when withdrawn_by_drop_sha256 is null then 'superseded' else 'withdrawn' end as outcome
from unbelieved_observations
