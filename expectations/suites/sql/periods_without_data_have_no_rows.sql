-- Rows in a period that is not loaded or not due.
with periods_without_data as (
    select period
    from dim_period
    where period_grain = '{{ grain }}' and publication_status in ('not_loaded', 'not_due')
)

select {{ keys | join(', ') }}
from {{ batch }}
where {{ applies }} and period in (from periods_without_data)
