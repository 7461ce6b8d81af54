insert into known_bound by name
select cell, max(lower_bound) as lower_bound, min(upper_bound) as upper_bound
from candidate_bound
group by cell;

insert into known_contradiction by name
select constraint_group from contradicted_group
