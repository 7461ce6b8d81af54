{{ config(materialized='table') }}

-- Cells of periods and levels that several drops publish, with which one is believed: `precedence` 1 wins.
-- Order: series (the monthly file before a time series, unless a dated row of catalogue/precedence.yml says otherwise),
-- status, revision, then the order in which drops were kept. A cell that a re-issue withdrew is believed of no drop of
-- a series that is believed later, whenever that was kept, nor of one of its own series kept until then: where none is
-- left, no row of it has precedence 1.
-- Each grain is asked for by itself: where nothing of a grain is contested, its observations are not read at all.
with conflicting_periods as (

    select * from {{ ref('int_conflicting_periods') }}

),

observations as (

    {% for grain in ['month', 'quarter', 'year'] -%}
    select measured.*
    from {{ ref('int_observations_with_measures') }} as measured
    inner join conflicting_periods
        on
            measured.period_start = conflicting_periods.period_start
            and measured.org_level = conflicting_periods.org_level
    where
        measured.period_grain = '{{ grain }}'
        and conflicting_periods.period_grain = '{{ grain }}'
        and measured.duplicate_of_row is null

    {{ 'union all' if not loop.last }}
    {% endfor %}

),

drops as (

    select * from {{ ref('stg_drops') }}

),

series_precedence as (

    select * from {{ ref('stg_series_precedence') }}

),

withdrawn_cells as (

    select
        withdrawn.*,
        replacing_drop.batch as withdrawn_in_batch,
        replacing_drop.revision as withdrawn_by_revision
    from {{ ref('int_withdrawn_cells') }} as withdrawn
    inner join drops as replacing_drop
        on withdrawn.withdrawn_by_drop_sha256 = replacing_drop.drop_sha256

),

ranked_observations as (

    select
        observations.*,
        series_precedence.series_rank,
        drops.is_provisional,
        drops.revision,
        drops.sequence,
        drops.batch
    from observations
    inner join drops
        on observations.drop_sha256 = drops.drop_sha256
    inner join series_precedence
        on
            observations.period_grain = series_precedence.period_grain
            and observations.series = series_precedence.series
            and {{ in_force_on('observations.period_start', 'series_precedence') }}

),

-- One row a withdrawn cell: where several issues in turn no longer have it, the latest of them.
withdrawals as (

    select
        {{ observation_key('withdrawn_cells') }},
        min(series_precedence.series_rank) as withdrawn_series_rank,
        max(withdrawn_cells.withdrawn_in_batch) as withdrawn_in_batch,
        max(withdrawn_cells.withdrawn_by_revision) as withdrawn_by_revision,
        max(withdrawn_cells.withdrawn_by_drop_sha256) as withdrawn_by_drop_sha256
    from withdrawn_cells
    inner join series_precedence
        on
            withdrawn_cells.period_grain = series_precedence.period_grain
            and withdrawn_cells.series = series_precedence.series
            and {{ in_force_on('withdrawn_cells.period_start', 'series_precedence') }}
    group by
        {{ observation_key('withdrawn_cells') }}

),

observations_with_withdrawals as (

    select
        ranked_observations.*,
        case
            when own_withdrawals.drop_sha256 is not null then own_withdrawals.withdrawn_by_drop_sha256
            when ranked_observations.series_rank > withdrawals.withdrawn_series_rank
                then withdrawals.withdrawn_by_drop_sha256
            when
                ranked_observations.series_rank = withdrawals.withdrawn_series_rank
                and ranked_observations.batch <= withdrawals.withdrawn_in_batch
                and ranked_observations.revision <= withdrawals.withdrawn_by_revision
                then withdrawals.withdrawn_by_drop_sha256
        end as withdrawn_by_drop_sha256
    from ranked_observations
    left join withdrawals
        on
            {{ same_observation('ranked_observations', 'withdrawals') }}
    left join withdrawn_cells as own_withdrawals
        on
            {{ same_observation('ranked_observations', 'own_withdrawals') }}
            and ranked_observations.drop_sha256 = own_withdrawals.drop_sha256
            and ranked_observations.series = own_withdrawals.series

)

select
    period,
    period_grain,
    period_start,
    period_end,
    financial_year,
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
    measure,
    measure_id,
    statistic,
    is_reviewed,
    measure_name,
    value,
    value_status,
    value_as_published,
    series,
    drop_sha256,
    source_file,
    source_member,
    source_row,
    source_column,
    duplicate_of_row,
    row_number() over most_believed_first
    + case when count(*) over same_cell = count(withdrawn_by_drop_sha256) over same_cell then 1 else 0 end
        as precedence,
    first_value(drop_sha256) over most_believed_first as winning_drop_sha256,
    withdrawn_by_drop_sha256
from observations_with_withdrawals
window most_believed_first as (
    partition by
        period_grain, period_start, org_level, org_code, partner_code, variable_type, variable_a, variable_b, measure
    order by
        case when withdrawn_by_drop_sha256 is null then 0 else 1 end asc,
        series_rank asc,
        is_provisional asc,
        revision desc,
        sequence desc,
        source_row asc
),
same_cell as (
    partition by
        period_grain, period_start, org_level, org_code, partner_code, variable_type, variable_a, variable_b, measure
)
