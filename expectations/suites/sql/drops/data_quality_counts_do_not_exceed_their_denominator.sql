-- Counts of the data-quality file that are larger than the denominator beside them.
with denominators as (
    select population, value as denominator
    from observations
    where
        series = 'data_quality'
        and cast(measure as varchar) = 'denominator_suppressed'
        and value_status = 'published'
        and not is_duplicate
)

select {{ keys | join(', ') }}
from {{ batch }}
inner join denominators using (population)
where series = 'data_quality' and value_status = 'published' and not is_duplicate and value > denominator
