-- What became of each publication of the publisher's: whether the release is made from it, and if not, why.
with publications as (

    select * from {{ ref('stg_publication_states') }}

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
from publications
