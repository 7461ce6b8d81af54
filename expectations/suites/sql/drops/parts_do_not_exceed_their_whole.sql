-- Counts that are larger than the count that they are part of, or shown beside a suppressed one.
with pairs (part, whole) as (values {{ pairs }}),

parts as (
    select {{ keys | join(', ') }}, population, cast(measure as varchar) as part, value
    from {{ batch }}
    where measure in ({{ parts }}) and value_status = 'published' and not is_duplicate
),

wholes as (
    select population, cast(measure as varchar) as whole, value as whole_value, value_status
    from observations
    where measure in ({{ wholes }}) and value_status in ('published', 'suppressed') and not is_duplicate
)

select {{ keys | join(', ') }}
from parts
inner join pairs using (part)
inner join wholes using (population, whole)
where value > whole_value or value_status = 'suppressed'
