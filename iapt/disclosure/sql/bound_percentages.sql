-- What the feasible pairs of groups leave their base, their excluded count and their numerators. A group without any is
-- contradicted: its percentages cannot all be as the model says.
insert into contradicted_group by name
select distinct bounded_term.constraint_group
from bounded_term
anti join feasible_pair using (constraint_group);

insert into candidate_bound by name
with groups as (
    select constraint_group, any_value(base) as base, any_value(excluded) as excluded
    from bounded_term
    group by constraint_group
),

ranges as (
    select
        constraint_group, min(base_count) as base_lower, max(base_count) as base_upper,
        min(excluded_count) as excluded_lower, max(excluded_count) as excluded_upper
    from feasible_pair
    group by constraint_group
),

denominators as (
    select distinct constraint_group, false as uses_excluded, base_count as denominator from feasible_pair
    union all
    select distinct constraint_group, true as uses_excluded, base_count - excluded_count as denominator
    from feasible_pair
),

numerators as (
    select
        trial.constraint_group, trial.percentage,
        min(trial.numerator_lower) as numerator_lower, max(trial.numerator_upper) as numerator_upper
    from denominator_trial as trial
    inner join denominators using (constraint_group, uses_excluded, denominator)
    group by trial.constraint_group, trial.percentage
)

select
    groups.base as cell, constraint_group as constraint_id,
    ranges.base_lower as lower_bound, ranges.base_upper as upper_bound
from ranges
inner join groups using (constraint_group)
union all
select groups.excluded, constraint_group, ranges.excluded_lower, ranges.excluded_upper
from ranges
inner join groups using (constraint_group)
where groups.excluded is not null
union all
select
    term.numerator, constraint_group,
    numerators.numerator_lower - term.second_upper as lower_bound,
    numerators.numerator_upper - term.second_lower as upper_bound
from numerators
inner join bounded_term as term using (constraint_group, percentage)
union all
select
    term.second_numerator, constraint_group,
    numerators.numerator_lower - term.first_upper as lower_bound,
    numerators.numerator_upper - term.first_lower as upper_bound
from numerators
inner join bounded_term as term using (constraint_group, percentage)
where term.second_numerator is not null
