-- Periods whose neighbours are not those of the calendar, or absent though they are in it.
with calendar as (
    select
        {{ keys | join(', ') }},
        previous_period,
        next_period,
        {{ period_before }} as period_before,
        {{ period_after }} as period_after
    from {{ batch }}
),

known_periods as (
    select {{ keys | join(', ') }} from {{ table }}
)

select {{ keys | join(', ') }}
from calendar
where
    previous_period <> period_before
    or next_period <> period_after
    or (previous_period is null and (period_grain, period_before) in (from known_periods))
    or (next_period is null and (period_grain, period_after) in (from known_periods))
