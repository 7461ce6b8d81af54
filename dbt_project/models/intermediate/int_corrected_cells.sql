{{ config(materialized='table') }}

-- The cells of published drops that a correction is about, and whether each still says what is wrong. One that does
-- not is enough: the publisher has mended it, and the correction is not applied at all. Drops of another origin
-- make no error of the publisher's. The drops are read once, for the periods of corrections alone.
with corrections as (

    select
        known_errors.*,
        calendar.period_start
    from {{ ref('stg_corrections') }} as known_errors
    inner join {{ ref('int_calendar') }} as calendar
        on
            known_errors.period_grain = calendar.period_grain
            and known_errors.period = calendar.period

),

observations as (

    select * from {{ ref('stg_observations') }}

),

published_drops as (

    select drop_sha256
    from {{ ref('stg_drops') }}
    where origin = 'published'

),

matched_cells as (

    select
        corrections.correction_id,
        corrections.period,
        corrections.action,
        corrections.replacement,
        observations.drop_sha256,
        observations.source_member,
        observations.source_row,
        observations.source_column,
        observations.value_status,
        (corrections.expected_value is null or observations.value_as_published = corrections.expected_value)
        and (corrections.expected_measure_name is null or observations.measure_name = corrections.expected_measure_name)
        and (corrections.expected_org_name is null or observations.org_name = corrections.expected_org_name)
            as says_what_is_expected,
        corrections.expected_rows,
        count(*) over (
            partition by corrections.correction_id, corrections.period, observations.drop_sha256
        ) as rows_of_drop
    from observations
    inner join corrections
        on
            observations.period_start = corrections.period_start
            and observations.period_grain = corrections.period_grain
            and observations.series = corrections.series
    inner join published_drops
        on observations.drop_sha256 = published_drops.drop_sha256
    where
        (corrections.org_level is null or observations.org_level = corrections.org_level)
        and (corrections.org_code is null or observations.org_code = corrections.org_code)
        and (corrections.partner_code is null or observations.partner_code = corrections.partner_code)
        and (corrections.variable_type is null or observations.variable_type = corrections.variable_type)
        and (corrections.variable_a is null or observations.variable_a = corrections.variable_a)
        and (corrections.variable_b is null or observations.variable_b = corrections.variable_b)
        and (corrections.measure_id is null or observations.measure_id = corrections.measure_id)
        and (corrections.measure_name is null or observations.measure_name = corrections.measure_name)

),

guarded_cells as (

    select
        *,
        coalesce(
            says_what_is_expected and rows_of_drop = coalesce(expected_rows, rows_of_drop), false
        ) as is_as_expected
    from matched_cells

),

checked_cells as (

    select
        *,
        min(case when is_as_expected then 1 else 0 end) over (partition by correction_id) = 1 as guard_holds
    from guarded_cells

),

-- Of two corrections that would change one cell, the first by id does: the cell stays one row.
ranked_cells as (

    select
        *,
        guard_holds and action <> 'note' and value_status = 'published' as would_apply,
        row_number() over (
            partition by drop_sha256, source_member, source_row, source_column
            order by
                case when guard_holds and action <> 'note' and value_status = 'published' then 0 else 1 end asc,
                correction_id asc
        ) as place
    from checked_cells

)

select
    correction_id,
    period,
    action,
    replacement,
    drop_sha256,
    source_member,
    source_row,
    source_column,
    is_as_expected,
    would_apply and place = 1 as is_applied
from ranked_cells
