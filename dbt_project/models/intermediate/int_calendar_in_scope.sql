-- The periods of the calendar in every financial year between the first and the last figure held, with whether a drop
-- of each is loaded and whether it ends after the newest figure.
with calendar as (

    select * from {{ ref('int_calendar') }}

),

loaded as (

    select distinct
        period_grain,
        period_start
    from {{ ref('stg_drop_periods') }}
    where series <> 'data_quality'

),

loaded_periods as (

    select
        calendar.period_grain,
        calendar.period_start,
        calendar.period_end
    from calendar
    inner join loaded
        on
            calendar.period_grain = loaded.period_grain
            and calendar.period_start = loaded.period_start

),

span as (

    select
        min(period_start) as first_start,
        max(period_end) as last_end
    from loaded_periods

),

years_in_scope as (

    select calendar.financial_year
    from calendar
    cross join span
    where
        calendar.period_grain = 'year'
        and calendar.period_end >= span.first_start
        and calendar.period_start <= span.last_end

)

select
    calendar.period_grain,
    calendar.period,
    calendar.period_start,
    calendar.period_end,
    calendar.financial_year,
    calendar.previous_period,
    calendar.next_period,
    loaded_periods.period_start is not null as is_loaded,
    calendar.period_end > span.last_end as is_after_newest_figure
from calendar
inner join years_in_scope
    on calendar.financial_year = years_in_scope.financial_year
cross join span
left join loaded_periods
    on
        calendar.period_grain = loaded_periods.period_grain
        and calendar.period_start = loaded_periods.period_start
