-- What due sums leave possible: the total for its members, and they for it. A sum that lacks a member bounds from above
-- only; one that no values satisfy bounds nothing.
insert into sum_bound by name
with members as (
    select sum_member.sum_id, sum(cell.lower_bound) as members_lower, sum(cell.upper_bound) as members_upper
    from sum_member
    inner join cell using (cell)
    where sum_member.sum_id in (select due_sum.sum_id from due_sum)
    group by sum_member.sum_id
)

select
    sum_total.sum_id, sum_total.is_complete, members.members_lower, members.members_upper,
    sum_total.cell, cell.lower_bound as total_lower, cell.upper_bound as total_upper
from members
inner join sum_total using (sum_id)
inner join cell on sum_total.cell = cell.cell
where
    members.members_lower <= cell.upper_bound
    and (not sum_total.is_complete or members.members_upper >= cell.lower_bound);

insert into candidate_bound by name
select
    cell, sum_id as constraint_id, members_lower as lower_bound,
    if(is_complete, members_upper, total_upper) as upper_bound
from sum_bound
where members_lower > total_lower or (is_complete and members_upper < total_upper)
union all
select
    cell.cell, sums.sum_id,
    if(sums.is_complete, sums.total_lower - (sums.members_upper - cell.upper_bound), cell.lower_bound) as lower_bound,
    sums.total_upper - (sums.members_lower - cell.lower_bound) as upper_bound
from sum_bound as sums
inner join sum_member using (sum_id)
inner join cell on sum_member.cell = cell.cell
where
    sums.total_upper - (sums.members_lower - cell.lower_bound) < cell.upper_bound
    or (sums.is_complete and sums.total_lower - (sums.members_upper - cell.upper_bound) > cell.lower_bound)
