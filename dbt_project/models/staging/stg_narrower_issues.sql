-- Periods and levels of which a later issue has too few cells to replace the earlier one: both stand there.
with narrower_issues as (

    select * from {{ source('landing', 'narrower_issues') }}

)

select
    drop_sha256,
    series,
    period_grain,
    period_start,
    org_level,
    cells,
    narrower_drop_sha256,
    narrower_cells
from narrower_issues
