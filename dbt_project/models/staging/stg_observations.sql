-- Every observation as the reader wrote it, columns grouped; nothing is filtered or interpreted here.
with observations as (

    select * from {{ source('landing', 'observations') }}

)

select
    -- where it came from
    drop_sha256,
    source_file,
    source_member,
    source_row,
    source_column,
    duplicate_of_row,

    -- what it is of
    series,
    period_grain,
    period_start,
    period_end,
    org_level,
    org_code,
    org_name,
    partner_code,
    partner_name,
    parent_code,
    parent_name,
    variable_type,
    variable_a,
    variable_b,
    measure_id,
    measure_name,

    -- what it says
    value_as_published,
    value,
    value_status

from observations
