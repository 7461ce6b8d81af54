-- The risk class of every suppressed cell and small complement: one each, the worst. A view: few ask for single cells.
create or replace temp view classified_cell as
with cells_of_groups_known_to_share_an_outcome as (
    select parts.cell
    from cell as parts
    inner join formula on parts.measure in (formula.numerator, formula.second_numerator)
    inner join cell as bases on hash(parts.population, formula.base) = bases.cell
    left join cell as excluded_cells on hash(parts.population, formula.excluded) = excluded_cells.cell
    where
        parts.is_suppressed
        and parts.upper_bound = 0
        and bases.lower_bound - coalesce(excluded_cells.upper_bound, 0) > 0
)

select
    cell.cell, cell.population, place.period, place.org_level, cell.measure,
    case
        when cell.cell in (select inconsistent_cell.cell from inconsistent_cell) then 'inconsistent'
        when cell.lower_bound = cell.upper_bound and cell.lower_bound > 0 then 'exact_disclosure'
        when cell.cell in (select shared.cell from cells_of_groups_known_to_share_an_outcome as shared)
            then 'class_disclosure'
        when cell.upper_bound = 0 then 'exact_zero'
        when cell.lower_bound > 0 then 'nonzero_known'
        when cell.upper_bound < cell.initial_upper then 'approximate_disclosure'
    end as risk_class
from cell
inner join place on cell.place = place.place
where cell.is_suppressed
union all
select
    complement.constraint_group as cell, cell.population, place.period, place.org_level,
    complement.percentage as measure,
    if(complement.upper_bound = 0, 'class_disclosure', 'small_complement') as risk_class
from complement
inner join cell on complement.numerator = cell.cell
inner join place on cell.place = place.place
where
    not cell.is_suppressed
    and (complement.upper_bound = 0 or complement.lower_bound > 0 or complement.upper_bound < {{ max_complement }});

-- Finished courses of the row's population, as published, drive how much a small number reveals.
insert into risk_count by name
with sizes as (
    select
        population,
        case
            when is_suppressed or upper_bound < 25 then 'under 25'
            when upper_bound < 50 then '25 to 49'
            when upper_bound < 100 then '50 to 99'
            when upper_bound < 250 then '100 to 249'
            else '250 and more'
        end as size_band
    from cell
    where measure = 'count_finished_course_treatment'
)

select
    classified.period, classified.measure, classified.org_level,
    coalesce(sizes.size_band, 'not published') as size_band, classified.risk_class, count(*) as cells
from classified_cell as classified
left join sizes using (population)
group by all
