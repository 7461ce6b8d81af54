-- How many sums of each period, relation and measure the initial bounds contradict. All sums of a relation that some
-- contradict are left out: an assumption that fails must not bound anything.
insert into relation_evidence by name
with sums as (
    select sum_member.sum_id, sum(cell.initial_lower) as lower_bound, sum(cell.initial_upper) as upper_bound
    from sum_member
    inner join cell using (cell)
    group by sum_member.sum_id
)

select
    cell.period, sum_total.relation, sum_total.measure, count(*) as sums,
    count(*) filter (sum_total.is_complete) as complete_sums,
    count(*) filter (
        sums.lower_bound > cell.initial_upper
        or (sum_total.is_complete and sums.upper_bound < cell.initial_lower)
    ) as contradicted
from sum_total
inner join sums using (sum_id)
inner join cell on sum_total.cell = cell.cell
group by cell.period, sum_total.relation, sum_total.measure;

delete from sum_total
using relation_evidence, cell
where
    sum_total.cell = cell.cell
    and cell.period = relation_evidence.period
    and sum_total.relation = relation_evidence.relation
    and sum_total.measure = relation_evidence.measure
    and relation_evidence.contradicted > 0;

delete from sum_member
where sum_id not in (select sum_total.sum_id from sum_total)
