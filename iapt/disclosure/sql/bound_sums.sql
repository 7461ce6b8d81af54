-- What sums leave possible: the total for its members, and they for it. A sum that lacks a member bounds from above
-- only; one that no values satisfy bounds nothing. A sum narrows only members that are wider than what it leaves open:
-- of most sums no member needs to be looked at.
insert into sum_bound by name
select
    sum_total.sum_id, sum_total.is_complete, sum_total.members_lower, sum_total.members_upper,
    sum_total.cell, cell.lower_bound as total_lower, cell.upper_bound as total_upper,
    cell.upper_bound - sum_total.members_lower < sum_total.widest
    or (sum_total.is_complete and sum_total.members_upper - cell.lower_bound < sum_total.widest)
        as can_narrow_members
from sum_total
inner join cell on sum_total.cell = cell.cell
where
    sum_total.members_lower <= cell.upper_bound
    and (not sum_total.is_complete or sum_total.members_upper >= cell.lower_bound)
    and (
        can_narrow_members
        or sum_total.members_lower > cell.lower_bound
        or (sum_total.is_complete and sum_total.members_upper < cell.upper_bound)
    );

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
    sums.can_narrow_members
    and (
        sums.total_upper - (sums.members_lower - cell.lower_bound) < cell.upper_bound
        or (sums.is_complete and sums.total_lower - (sums.members_upper - cell.upper_bound) > cell.lower_bound)
    )
