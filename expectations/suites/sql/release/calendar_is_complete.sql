-- Periods after which the next one of their grain is missing.
with steps as (
    select
        {{ keys | join(', ') }},
        period_end,
        lead(period_start) over (partition by period_grain order by period_start) as next_start
    from {{ batch }}
)

select {{ keys | join(', ') }}
from steps
where next_start > period_end + interval 1 day
