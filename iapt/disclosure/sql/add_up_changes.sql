-- Brings what members add up to up to date: sums know a cell by the bounds that it had before it changed.
update sum_total
set members_lower = members_lower + changes.raised, members_upper = members_upper - changes.lowered
from (
    with known as (
        select cell, min(lower_bound) as lower_bound, max(upper_bound) as upper_bound
        from changed_cell
        group by cell
    ),

    changes as (
        select
            cell, cell.lower_bound - known.lower_bound as raised, known.upper_bound - cell.upper_bound as lowered
        from known
        inner join cell using (cell)
        where cell.lower_bound > known.lower_bound or cell.upper_bound < known.upper_bound
    )

    select
        sum_member.sum_id, cast(sum(changes.raised) as bigint) as raised,
        cast(sum(changes.lowered) as bigint) as lowered
    from sum_member
    inner join changes using (cell)
    group by sum_member.sum_id
) as changes
where sum_total.sum_id = changes.sum_id
