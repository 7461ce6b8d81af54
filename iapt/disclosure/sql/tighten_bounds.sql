-- Takes over what candidate bounds narrow. A cell that they leave no value keeps its bounds and is inconsistent.
insert into tightened_cell by name
with candidates as (
    select cell, max(lower_bound) as lower_bound, min(upper_bound) as upper_bound
    from candidate_bound
    group by cell
)

select
    cell, cell.population, greatest(candidates.lower_bound, cell.lower_bound) as lower_bound,
    least(candidates.upper_bound, cell.upper_bound) as upper_bound,
    cell.lower_bound as previous_lower, cell.upper_bound as previous_upper
from cell
inner join candidates using (cell)
where
    (candidates.lower_bound > cell.lower_bound or candidates.upper_bound < cell.upper_bound)
    and cell not in (select inconsistent_cell.cell from inconsistent_cell);

insert into inconsistent_cell by name
select cell from tightened_cell
where lower_bound > upper_bound;

delete from tightened_cell
where lower_bound > upper_bound;

{% if record %}
insert into bound_change by name
select
    {{ sweep }} as sweep, '{{ kind }}' as kind, tightened.cell,
    arg_min(candidate.constraint_id, candidate.upper_bound - candidate.lower_bound) as constraint_id,
    any_value(tightened.lower_bound) as lower_bound, any_value(tightened.upper_bound) as upper_bound,
    any_value(tightened.previous_lower) as previous_lower, any_value(tightened.previous_upper) as previous_upper
from tightened_cell as tightened
inner join candidate_bound as candidate using (cell)
where candidate.lower_bound = tightened.lower_bound or candidate.upper_bound = tightened.upper_bound
group by tightened.cell;
{% endif %}

update cell set lower_bound = tightened.lower_bound, upper_bound = tightened.upper_bound
from tightened_cell as tightened
where cell.cell = tightened.cell;

insert into changed_cell by name
select cell, previous_lower as lower_bound, previous_upper as upper_bound
from tightened_cell;

-- The bounds of one group are exact: what it narrows asks it nothing new, unless the row's terms depend on one another.
insert into changed_population by name
select distinct population
from tightened_cell
where '{{ kind }}' = 'sum' or population in (select dependent_population.population from dependent_population)
