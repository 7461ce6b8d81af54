-- Counts and percentages of a source that say anything, each with the hash of its population.
insert into published_value by name
select
    hash({{ population_columns }}) as population, {{ population_columns }}, parent_code, measure, statistic, value,
    value_status = 'suppressed' as is_suppressed
from {{ source }}
where statistic in ('count', 'percentage') and value_status in ('published', 'suppressed') and {{ where }}
