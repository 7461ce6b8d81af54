-- Observations with the known errors of the publications withheld or replaced; the text of a cell stays as published.
-- Two branches, not a choice in each column: what is asked of a status is asked of the files themselves, and where
-- nothing is corrected the second branch reads nothing. Each reads the files on its own: a common table that both
-- shared would be held in memory whole.
with corrected_cells as (

    select * from {{ ref('int_corrected_cells') }}
    where is_applied

),

as_published as (

    select
        observations.drop_sha256,
        observations.source_file,
        observations.source_member,
        observations.source_row,
        observations.source_column,
        observations.duplicate_of_row,
        observations.series,
        observations.period_grain,
        observations.period_start,
        observations.period_end,
        observations.org_level,
        observations.org_code,
        observations.org_name,
        observations.partner_code,
        observations.partner_name,
        observations.parent_code,
        observations.parent_name,
        observations.variable_type,
        observations.variable_a,
        observations.variable_b,
        observations.measure_id,
        observations.measure_name,
        observations.value_as_published,
        observations.value,
        observations.value_status
    from {{ ref('stg_observations') }} as observations
    left join corrected_cells
        on
            observations.source_row = corrected_cells.source_row
            and observations.drop_sha256 = corrected_cells.drop_sha256
            and observations.source_column = corrected_cells.source_column
            and observations.source_member = corrected_cells.source_member
    where corrected_cells.correction_id is null

),

corrected as (

    select
        observations.drop_sha256,
        observations.source_file,
        observations.source_member,
        observations.source_row,
        observations.source_column,
        observations.duplicate_of_row,
        observations.series,
        observations.period_grain,
        observations.period_start,
        observations.period_end,
        observations.org_level,
        observations.org_code,
        observations.org_name,
        observations.partner_code,
        observations.partner_name,
        observations.parent_code,
        observations.parent_name,
        observations.variable_type,
        observations.variable_a,
        observations.variable_b,
        observations.measure_id,
        observations.measure_name,
        observations.value_as_published,
        corrected_cells.replacement as value,
        case
            when corrected_cells.action = 'withhold' then 'not_published' else observations.value_status
        end as value_status
    from {{ ref('stg_observations') }} as observations
    inner join corrected_cells
        on
            observations.source_row = corrected_cells.source_row
            and observations.drop_sha256 = corrected_cells.drop_sha256
            and observations.source_column = corrected_cells.source_column
            and observations.source_member = corrected_cells.source_member

)

select
    drop_sha256,
    source_file,
    source_member,
    source_row,
    source_column,
    duplicate_of_row,
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
    value_as_published,
    value,
    value_status
from as_published
union all
select
    drop_sha256,
    source_file,
    source_member,
    source_row,
    source_column,
    duplicate_of_row,
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
    value_as_published,
    value,
    value_status
from corrected
