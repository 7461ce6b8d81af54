-- Rows of the periods beside a gap that the gap does not repeat as not_published.
with gaps as (
    select period, unnest([previous_period, next_period]) as neighbour
    from dim_period
    where period_grain = '{{ grain }}' and publication_status = 'not_published'
),

gaps_beside_a_known_period as (
    select gaps.period, gaps.neighbour
    from gaps
    inner join dim_period on gaps.neighbour = dim_period.period
    where dim_period.period_grain = '{{ grain }}' and dim_period.publication_status <> 'not_published'
),

rows_of_neighbours as (
    select period as neighbour, {{ keys_within_a_period }}
    from {{ table }}
    where period in (select gaps.neighbour from gaps)
),

rows_expected as (
    select distinct period, {{ keys_within_a_period }}
    from gaps_beside_a_known_period
    inner join rows_of_neighbours using (neighbour)
)

select {{ keys | join(', ') }} from rows_expected
except
select {{ keys | join(', ') }} from {{ batch }}
where value_status = 'not_published' and period in (select gaps.period from gaps)
