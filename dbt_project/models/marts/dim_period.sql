-- The calendar of months, quarters and financial years around what has been loaded, and what is known of each period:
-- published, not_published (a known gap), not_loaded, or not_due (it ends after the newest figure we have).
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
        calendar.period_end,
        calendar.financial_year
    from calendar
    inner join loaded
        on
            calendar.period_grain = loaded.period_grain
            and calendar.period_start = loaded.period_start

),

newest as (

    select
        min(period_start) as first_start,
        max(period_end) as last_end
    from loaded_periods

),

years_in_scope as (

    select calendar.financial_year
    from calendar
    cross join newest
    where
        calendar.period_grain = 'year'
        and calendar.period_end >= newest.first_start
        and calendar.period_start <= newest.last_end

),

gaps as (

    select * from {{ ref('stg_gaps') }}

)

select
    calendar.period,
    calendar.period_grain,
    calendar.period_start,
    calendar.period_end,
    calendar.financial_year,
    calendar.previous_period,
    calendar.next_period,
    case
        when gaps.period is not null then 'not_published'
        when loaded_periods.period_start is not null then 'published'
        when calendar.period_end > newest.last_end then 'not_due'
        else 'not_loaded'
    end as publication_status,
    gaps.reason,
    gaps.source
from calendar
inner join years_in_scope
    on calendar.financial_year = years_in_scope.financial_year
cross join newest
left join loaded_periods
    on
        calendar.period_grain = loaded_periods.period_grain
        and calendar.period_start = loaded_periods.period_start
left join gaps
    on
        calendar.period_grain = gaps.period_grain
        and calendar.period = gaps.period
