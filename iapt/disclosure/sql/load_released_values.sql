-- The values of an extract, and the bounds it declares.
create or replace temp view released_value as
select
    hash({{ population_columns }}) as population, period, org_level, measure, statistic,
    value, lower_bound, upper_bound,
    value is not null or lower_bound is not null or upper_bound is not null
        as has_value,
    false as is_suppressed
from {{ extract }}
where {{ where }}
