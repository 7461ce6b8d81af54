-- The groups that an extract has a new percentage in, with their terms: the new ones, and the source's others.
insert into due_group by name
select distinct constraint_group from new_term;

insert into merged_term by name
from new_term
union all by name
from percentage_term
semi join due_group using (constraint_group)
anti join new_term using (constraint_group, percentage)
