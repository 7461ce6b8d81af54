-- What the counts of an extract, and the bounds it declares, say of the source's cells, and which they narrow.
insert into candidate_bound by name
with counts as (
    select
        hash(population, measure) as cell, lower_bound, upper_bound,
        if(value is null, null, if(is_unrounded(value), ceil(value), lowest_count(value))) as shown_lower,
        if(value is null, null, if(is_unrounded(value), floor(value), highest_count(value))) as shown_upper
    from released_value
    where statistic = 'count' and (value is null or isfinite(value)) and has_value
)

select
    cell, cell as constraint_id,
    cast(
        greatest(
            coalesce(counts.shown_lower, cell.lower_bound), coalesce(counts.lower_bound, cell.lower_bound)
        ) as bigint
    ) as lower_bound,
    cast(
        least(
            coalesce(counts.shown_upper, cell.upper_bound), coalesce(counts.upper_bound, cell.upper_bound)
        ) as bigint
    ) as upper_bound
from counts
inner join cell using (cell);

insert into residual_disclosure by name
select distinct candidate.cell, cell.period, cell.measure, 'count' as kind
from candidate_bound as candidate
inner join cell using (cell)
where candidate.lower_bound > cell.lower_bound or candidate.upper_bound < cell.upper_bound
union all
select hash(population, measure) as cell, period, measure, 'unknown to the source' as kind
from released_value
where statistic = 'count' and has_value and hash(population, measure) not in (select cell.cell from cell);

insert into source_bound by name
select cell, lower_bound, upper_bound from cell
