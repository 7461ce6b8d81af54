-- Percentages of one status below England beside a numerator, of one count, of another.
with formulas as (
    select measure, numerator
    from dim_measure
    where statistic = 'percentage' and numerator is not null and not contains(numerator, ' + ')
),

percentages as (
    select {{ keys | join(', ') }}, hash({{ population | join(', ') }}) as population
    from {{ batch }}
    where statistic = 'percentage' and value_status = '{{ status }}' and org_level is distinct from 'england'
),

numerators as (
    select hash({{ population | join(', ') }}) as population, measure as numerator
    from {{ table }}
    where
        statistic = 'count'
        and value_status = '{{ numerator_status }}'
        and measure in (select formulas.numerator from formulas)
)

select {{ keys | join(', ') }}
from percentages
inner join formulas using (measure)
semi join numerators using (population, numerator)
