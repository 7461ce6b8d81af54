-- Each percentage as a term of the constraint groups of its row: one group for each base and count excluded from it.
-- A term whose base, excluded count or numerator has no cell says nothing that could be used, and is left out.
insert into {{ target }} by name
with exclusions as (
    select distinct base, excluded
    from formula
    where excluded is not null
),

group_formulas as (
    select
        formula.*, coalesce(formula.excluded, exclusions.excluded) as excluded_of_group,
        formula.excluded is not null as uses_excluded
    from formula
    left join exclusions on formula.excluded is null and formula.base = exclusions.base
),

terms as (
    select
        hash(shown.population, formulas.base, formulas.excluded_of_group) as constraint_group,
        shown.population, shown.percentage, shown.lower_factor, shown.upper_factor, formulas.uses_excluded,
        hash(shown.population, formulas.base) as base,
        hash(shown.population, formulas.excluded_of_group) as excluded,
        hash(shown.population, formulas.numerator) as numerator,
        if(formulas.second_numerator is null, null, hash(shown.population, formulas.second_numerator))
            as second_numerator
    from {{ percentages }} as shown
    inner join group_formulas as formulas using (percentage)
)

select terms.* replace (if(excluded_cells.cell is null, null, terms.excluded) as excluded)
from terms
semi join cell as bases on terms.base = bases.cell
semi join cell as numerators on terms.numerator = numerators.cell
left join cell as excluded_cells on terms.excluded = excluded_cells.cell
where
    (excluded_cells.cell is not null or not terms.uses_excluded)
    and (terms.second_numerator is null or terms.second_numerator in (select cell.cell from cell))
