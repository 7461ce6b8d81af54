-- Everything is due once. A group whose terms share a numerator, or two groups of one row, can narrow one another.
insert into changed_population by name
select distinct population from percentage_term;

insert into dependent_population by name
select population
from percentage_term
group by population
having
    count(distinct constraint_group) > 1
    or count(second_numerator) > 0
    or count(distinct numerator) < count(*)
