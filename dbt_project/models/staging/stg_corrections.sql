-- The known errors of the publications, one row a correction and period.
with corrections as (

    select * from {{ source('landing', 'corrections') }}

)

select
    correction_id,
    series,
    period_grain,
    period,
    org_level,
    org_code,
    partner_code,
    variable_type,
    variable_a,
    variable_b,
    measure_id,
    measure_name,
    reason,
    source,
    action,
    replacement,
    expected_value,
    expected_measure_name,
    expected_org_name,
    expected_rows
from corrections
