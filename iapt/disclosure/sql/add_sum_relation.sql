-- The sums of one declared relation: a total, its members, and whether no member that the scope shows is missing.
insert into related_cell by name
select
    hash({{ scope }}) as scope, hash({{ member }}) as member_name,
    hash({{ total_population }}, {{ total_measure }}) as total, {{ total_measure }} as total_measure,
    hash(population, measure) as cell
from published_value
where statistic = 'count' and {{ condition }};

insert into sum_total by name
with scopes as (
    select scope, count(distinct member_name) as members
    from related_cell
    group by scope
),

sums as (
    select total, any_value(total_measure) as measure, any_value(scope) as scope, count(*) as members
    from related_cell
    group by total
)

select
    hash(sums.total, {{ relation }}) as sum_id, {{ relation }} as relation, sums.measure, sums.total as cell,
    {{ can_be_complete }} and sums.members = scopes.members as is_complete
from sums
inner join scopes using (scope)
semi join cell on sums.total = cell.cell;

insert into sum_member by name
select hash(related_cell.total, {{ relation }}) as sum_id, related_cell.cell
from related_cell
semi join cell on related_cell.total = cell.cell
