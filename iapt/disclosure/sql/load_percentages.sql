-- What each shown percentage says: whole ones of p leave 20 p -/+ 10 two-thousandths, q tenths leave 2 q -/+ 1.
-- Percentages of exact counts are left out: they have nothing to add.
insert into {{ target }} by name
with shown as (
    select
        population, measure, value,
        cast(round(value) as bigint) as whole, cast(round(value * 10) as bigint) as tenths
    from {{ source }}
    where statistic = 'percentage' and not is_suppressed and value is not null and not is_exact_level(org_level)
)

select
    population, measure as percentage,
    greatest(0, if(value = whole, 20 * whole - 10, 2 * tenths - 1)) as lower_factor,
    if(value = whole, 20 * whole + 10, 2 * tenths + 1) as upper_factor
from shown
