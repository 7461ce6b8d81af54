-- One row for every percentage, with the least and most that the true counts behind it can be, as far as rounding and
-- suppression tell: exact for England, within 2 below it.
create table percentages as
with formulas as (
    select
        cast(measure as measure_name) as measure,
        part,
        cast(component as measure_name) as component,
        cast(sign as tinyint) as sign
    from measure_formulas
),

counts as (
    select
        population,
        measure,
        value_status = 'suppressed' as is_hidden,
        case
            when value_status = 'suppressed' then 0
            when org_level = 'england' then value
            else greatest(5, value - 2)
        end as lower_bound,
        case
            when value_status = 'suppressed' then 4
            when org_level = 'england' then value
            else value + 2
        end as upper_bound
    from observations
    where
        statistic = 'count'
        and value_status in ('published', 'suppressed')
        and not is_duplicate
        and measure in (select formulas.component from formulas)
)

select
    figures.drop_number,
    figures.cell_number,
    any_value(figures.org_level) as org_level,
    any_value(figures.value) as value,
    any_value(figures.value_status) as value_status,
    cast(count(*) filter (part = 'numerator') as utinyint) as numerator_parts,
    cast(count(*) filter (part = 'numerator' and is_hidden) as utinyint) as hidden_parts,
    cast(count(*) filter (part = 'numerator' and not is_hidden) as utinyint) as shown_parts,
    cast(count(*) filter (counts.population is null) as utinyint) as missing_counts,
    sum(lower_bound) filter (part = 'numerator') as numerator_lower,
    sum(upper_bound) filter (part = 'numerator') as numerator_upper,
    sum(case when sign > 0 then lower_bound else -upper_bound end) filter (part = 'denominator') as denominator_lower,
    sum(case when sign > 0 then upper_bound else -lower_bound end) filter (part = 'denominator') as denominator_upper
from observations as figures
inner join formulas on figures.measure = formulas.measure
left join counts on figures.population = counts.population and formulas.component = counts.measure
where figures.statistic = 'percentage' and not figures.is_duplicate
group by figures.drop_number, figures.cell_number
