-- What is left of a denominator less its numerator, where it is certainly small. Nobody published it, but everyone can
-- take the one from the other.
insert into complement by name
with denominators as (
    select distinct constraint_group, false as uses_excluded, base_count as denominator from feasible_pair
    union all
    select distinct constraint_group, true as uses_excluded, base_count - excluded_count as denominator
    from feasible_pair
)

select
    constraint_group, percentage, any_value(term.base) as base, any_value(term.numerator) as numerator,
    min(denominator - least(trial.numerator_upper, term.first_upper)) as lower_bound,
    max(denominator - greatest(trial.numerator_lower, term.first_lower)) as upper_bound
from denominator_trial as trial
inner join denominators using (constraint_group, uses_excluded, denominator)
inner join bounded_term as term using (constraint_group, percentage, uses_excluded)
where term.second_numerator is null
group by constraint_group, percentage
having max(denominator - greatest(trial.numerator_lower, term.first_lower)) <= {{ max_complement }}
union all
select
    constraint_group, term.percentage, any_value(term.base) as base, any_value(term.numerator) as numerator,
    min(pair.base_count - pair.excluded_count) as lower_bound,
    max(pair.base_count - pair.excluded_count) as upper_bound
from feasible_pair as pair
inner join bounded_term as term using (constraint_group)
where term.numerator_is_excluded
group by constraint_group, term.percentage
having max(pair.base_count - pair.excluded_count) <= {{ max_complement }}
