-- Figures in a period that was never published.
with gaps as (
    select period
    from dim_period
    where period_grain = '{{ grain }}' and publication_status = 'not_published'
)

select {{ keys | join(', ') }}
from {{ batch }}
where
    {{ applies }}
    and period in (from gaps)
    and (value is not null or value_status is distinct from 'not_published')
