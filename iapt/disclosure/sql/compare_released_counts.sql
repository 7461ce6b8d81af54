-- What the counts of an extract, and the bounds it declares, say of the source's cells, where they narrow one or there
-- is none. Bounds are taken over to read percentages beside them; those of the source are kept, to put them back.
insert into released_bound by name
with counts as (
    select
        hash(population, measure) as cell, period, measure, lower_bound, upper_bound,
        if(value is null, null, if(is_unrounded(value), ceil(value), lowest_count(value))) as shown_lower,
        if(value is null, null, if(is_unrounded(value), floor(value), highest_count(value))) as shown_upper,
        value is null or isfinite(value) as is_whole
    from released_value
    where statistic = 'count' and has_value
),

bounds as (
    select
        counts.cell, counts.period, counts.measure, cell.cell is not null as is_known,
        cell.lower_bound as source_lower, cell.upper_bound as source_upper,
        if(counts.is_whole, cast(
            greatest(
                coalesce(counts.shown_lower, cell.lower_bound), coalesce(counts.lower_bound, cell.lower_bound)
            ) as bigint
        ), null) as lower_bound,
        if(counts.is_whole, cast(
            least(
                coalesce(counts.shown_upper, cell.upper_bound), coalesce(counts.upper_bound, cell.upper_bound)
            ) as bigint
        ), null) as upper_bound
    from counts
    left join cell using (cell)
)

select cell, period, measure, is_known, lower_bound, upper_bound
from bounds
where not is_known or lower_bound > source_lower or upper_bound < source_upper;

insert into residual_disclosure by name
select distinct cell, period, measure, 'count' as kind
from released_bound
where is_known
union all
select cell, period, measure, 'unknown to the source' as kind
from released_bound
where not is_known;

insert into candidate_bound by name
select cell, cell as constraint_id, lower_bound, upper_bound
from released_bound
where is_known;

insert into source_bound by name
select cell.cell, cell.lower_bound, cell.upper_bound
from cell
semi join candidate_bound using (cell)
