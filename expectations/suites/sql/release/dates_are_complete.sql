-- Days after which the next day is missing.
with steps as (
    select {{ keys | join(', ') }}, lead(calendar_date) over (order by calendar_date) as next_day
    from {{ batch }}
)

select {{ keys | join(', ') }}
from steps
where next_day > calendar_date + interval 1 day
