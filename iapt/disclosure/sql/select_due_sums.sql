insert into due_sum by name
select distinct sum_member.sum_id from sum_member semi join changed_cell using (cell)
union distinct
select sum_total.sum_id from sum_total semi join changed_cell using (cell)
