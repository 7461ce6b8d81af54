-- What became of each publication: listed, expected by the calendar, or held.
with publication_states as (

    select * from {{ source('landing', 'publication_states') }}

)

select
    series,
    period_grain,
    period,
    first_period,
    revision,
    status,
    state,
    reason,
    expected_on,
    as_of,
    listed,
    page,
    address,
    file,
    drop_sha256,
    bytes,
    archived_on,
    superseded_by
from publication_states
