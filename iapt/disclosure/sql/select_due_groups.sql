insert into due_group by name
select distinct percentage_term.constraint_group
from percentage_term
semi join changed_population using (population)
