insert into due_group by name
select distinct term.constraint_group
from percentage_term as term
inner join cell as bases on term.base = bases.cell
inner join cell as numerators on term.numerator = numerators.cell
left join cell as excluded_cells on term.excluded = excluded_cells.cell
where
    term.second_numerator is null
    and bases.lower_bound - if(term.uses_excluded, coalesce(excluded_cells.upper_bound, 0), 0)
    - numerators.upper_bound <= {{ max_complement }}
