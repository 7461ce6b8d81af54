-- Counts and percentages of a source that say anything, each with the hash of its population. A view: what is read of
-- it is hashed from the source's own words at next to no cost, and to write these out would take longer.
create or replace temp view published_value as
select
    hash({{ population_columns }}) as population, {{ population_columns }}, parent_code, measure, statistic, value,
    value_status = 'suppressed' as is_suppressed
from {{ source }}
where statistic in ('count', 'percentage') and value_status in ('published', 'suppressed') and {{ where }}
