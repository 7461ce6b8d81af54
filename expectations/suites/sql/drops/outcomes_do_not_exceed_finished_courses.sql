-- Counts of finished courses that are less than those of their outcomes together, by more than rounding explains.
with finished as (
    select {{ keys | join(', ') }}, population, value
    from {{ batch }}
    where measure = '{{ finished }}' and value_status = 'published' and not is_duplicate
),

outcomes as (
    select population, sum(value) as total
    from observations
    where measure in ({{ outcomes }}) and value_status = 'published' and not is_duplicate
    group by population
)

select {{ keys | join(', ') }}
from finished
inner join outcomes using (population)
where total > value + {{ rounding }}
