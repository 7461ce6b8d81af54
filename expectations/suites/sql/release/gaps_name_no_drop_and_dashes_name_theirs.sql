-- Rows without a figure that name a drop in a period never published, or none in another.
with gaps as (
    select period
    from dim_period
    where period_grain = '{{ grain }}' and publication_status = 'not_published'
),

rows_without_figures as (
    select {{ keys | join(', ') }}, drop_sha256
    from {{ batch }}
    where value_status = 'not_published'
)

select {{ keys | join(', ') }}
from rows_without_figures
where (drop_sha256 is null) <> coalesce(period in (select gaps.period from gaps), false)
