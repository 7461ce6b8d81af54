-- Every cell with its `precedence`: 1 is the one believed, the others are kept as losers.
with observations as (

    select * from {{ ref('int_measured_observations') }}
    where duplicate_of_row is null

),

contested_periods as (

    select * from {{ ref('int_contested_periods') }}

),

uncontested as (

    select
        observations.*,
        1 as precedence,
        cast(null as varchar) as winning_drop_sha256
    from observations
    left join contested_periods
        on
            observations.period_grain = contested_periods.period_grain
            and observations.period_start = contested_periods.period_start
            and observations.org_level = contested_periods.org_level
    where contested_periods.period_start is null

),

contested as (

    select * from {{ ref('int_contested_observations') }}

)

select * from uncontested
union all
select * from contested
