-- Percentages of an extract that say anything its source does not, each with all that both say.
insert into new_percentage by name
with released as (
    select percentage, population, max(lower_factor) as lower_factor, min(upper_factor) as upper_factor
    from released_percentage
    anti join published_percentage using (population, percentage, lower_factor, upper_factor)
    group by population, percentage
)

select
    released.population, released.percentage,
    greatest(released.lower_factor, coalesce(published.lower_factor, released.lower_factor)) as lower_factor,
    least(released.upper_factor, coalesce(published.upper_factor, released.upper_factor)) as upper_factor
from released
left join published_percentage as published using (population, percentage)
