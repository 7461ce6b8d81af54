-- The sums of every declared relation: a total, its members, what their initial bounds add up to, and whether no member
-- that the scope shows is missing.
create or replace temp view related_cell as
select
    related.relation, related.scope, related.can_be_complete, cell.measure, cell.cell,
    hash(related.total_population, cell.measure) as total, cell.initial_lower, cell.initial_upper
from cell
inner join related_place as related using (place)
{% for inequality in inequalities %}
union all
select
    {{ inequality.relation }} as relation, null as scope, false as can_be_complete, {{ inequality.whole }} as measure,
    cell, hash(population, {{ inequality.whole }}) as total, initial_lower, initial_upper
from cell
where measure in ({{ inequality.parts }}){% endfor %};

insert into sum_member by name
select hash(total, relation) as sum_id, cell
from related_cell;

insert into sum_total by name
with scopes as (
    select scope, count(distinct member_name) as members
    from related_place
    group by scope
),

sums as (
    select
        hash(total, relation) as sum_id, any_value(relation) as relation, any_value(measure) as measure,
        any_value(total) as cell, any_value(scope) as scope, any_value(can_be_complete) as can_be_complete,
        count(*) as members, cast(sum(initial_lower) as bigint) as members_lower,
        cast(sum(initial_upper) as bigint) as members_upper, max(initial_upper - initial_lower) as widest
    from related_cell
    group by sum_id
)

select
    sums.sum_id, sums.relation, sums.measure, sums.cell,
    sums.can_be_complete and coalesce(sums.members = scopes.members, false) as is_complete,
    sums.members_lower, sums.members_upper, sums.widest
from sums
left join scopes using (scope)
semi join cell on sums.cell = cell.cell
