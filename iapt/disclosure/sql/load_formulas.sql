-- A percentage's base, the count excluded from it, and its numerators.
insert into formula by name
select
    measure as percentage,
    split_part(denominator, ' - ', 1) as base, nullif(split_part(denominator, ' - ', 2), '') as excluded,
    split_part(numerator, ' + ', 1) as numerator, nullif(split_part(numerator, ' + ', 2), '') as second_numerator
from {{ measures }}
where statistic = 'percentage' and numerator is not null and denominator is not null
