-- Every cell with its `precedence`: 1 is the one believed, the others are kept as losers. A cell that was withdrawn has
-- none of precedence 1.
with observations as (

    select * from {{ ref('int_observations_with_measures') }}
    where duplicate_of_row is null

),

conflicting_periods as (

    select * from {{ ref('int_conflicting_periods') }}

),

without_conflict as (

    select
        observations.period,
        observations.period_grain,
        observations.period_start,
        observations.period_end,
        observations.financial_year,
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
        observations.measure,
        observations.measure_id,
        observations.statistic,
        observations.is_reviewed,
        observations.measure_name,
        observations.value,
        observations.value_status,
        observations.value_as_published,
        observations.series,
        observations.drop_sha256,
        observations.source_file,
        observations.source_member,
        observations.source_row,
        observations.source_column,
        observations.duplicate_of_row,
        1 as precedence,
        cast(null as varchar) as winning_drop_sha256,
        cast(null as varchar) as withdrawn_by_drop_sha256
    from observations
    left join conflicting_periods
        on
            observations.period_grain = conflicting_periods.period_grain
            and observations.period_start = conflicting_periods.period_start
            and observations.org_level = conflicting_periods.org_level
    where conflicting_periods.period_start is null

),

with_conflict as (

    select * from {{ ref('int_conflicting_observations') }}

)

select * from without_conflict
union all
select * from with_conflict
