-- Cells that the extract's new percentages narrow beyond what the source's own left possible together, and those of
-- groups that they contradict. Then the bounds of the source are put back.
insert into residual_disclosure by name
with narrower as (
    select candidate.cell
    from candidate_bound as candidate
    inner join cell using (cell)
    left join known_bound as known using (cell)
    where
        candidate.lower_bound > greatest(cell.lower_bound, coalesce(known.lower_bound, cell.lower_bound))
        or candidate.upper_bound < least(cell.upper_bound, coalesce(known.upper_bound, cell.upper_bound))
    union distinct
    select new_term.numerator
    from new_term
    semi join contradicted_group using (constraint_group)
    anti join known_contradiction using (constraint_group)
)

select cell.cell, place.period, cell.measure, 'percentage' as kind
from narrower
inner join cell using (cell)
inner join place on cell.place = place.place
where cell.cell not in (select residual_disclosure.cell from residual_disclosure);

update cell set lower_bound = source_bound.lower_bound, upper_bound = source_bound.upper_bound
from source_bound
where cell.cell = source_bound.cell
