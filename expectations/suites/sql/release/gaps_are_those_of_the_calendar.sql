-- Publications that were never published, of a period that the calendar has and does not call a gap.
with gaps as (
    select {{ keys | join(', ') }}, period_grain
    from {{ batch }}
    where state = 'not_published'
)

select gaps.{{ keys | join(', gaps.') }}
from gaps
inner join dim_period as periods
    on gaps.period_grain = periods.period_grain and gaps.period = periods.period
where periods.publication_status <> 'not_published'
