-- The populations of one declared relation, each within its scope, with the population that they add up to.
insert into related_place by name
select
    place, {{ relation }} as relation, hash({{ relation }}, {{ scope }}) as scope, hash({{ member }}) as member_name,
    hash({{ total_population }}) as total_population, {{ can_be_complete }} as can_be_complete
from place
where {{ condition }}
