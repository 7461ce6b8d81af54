-- How many sums of each period, relation and measure the initial bounds contradict. All sums of a relation that some
-- contradict are left out: an assumption that fails must not bound anything. Of the others everything is due once.
insert into relation_evidence by name
select
    place.period, sum_total.relation, sum_total.measure, count(*) as sums,
    count(*) filter (sum_total.is_complete) as complete_sums,
    count(*) filter (
        sum_total.members_lower > cell.initial_upper
        or (sum_total.is_complete and sum_total.members_upper < cell.initial_lower)
    ) as contradicted
from sum_total
inner join cell on sum_total.cell = cell.cell
inner join place on cell.place = place.place
group by place.period, sum_total.relation, sum_total.measure;

delete from sum_total
using relation_evidence, cell, place
where
    sum_total.cell = cell.cell
    and cell.place = place.place
    and place.period = relation_evidence.period
    and sum_total.relation = relation_evidence.relation
    and sum_total.measure = relation_evidence.measure
    and relation_evidence.contradicted > 0;

insert into changed_cell by name
select cell.cell, cell.initial_lower as lower_bound, cell.initial_upper as upper_bound
from cell
semi join sum_total on cell.cell = sum_total.cell
