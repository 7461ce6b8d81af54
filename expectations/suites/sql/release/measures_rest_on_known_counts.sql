-- Measures with a numerator, denominator or base of which a part is no count of the list.
with sums as (
    select
        {{ keys | join(', ') }},
        unnest([numerator, base, replace(denominator, ' - ', ' + ')]) as sum_of_parts
    from {{ batch }}
),

parts as (
    select {{ keys | join(', ') }}, unnest(string_split(sum_of_parts, ' + ')) as part
    from sums
),

known_counts as (
    select measure as part
    from {{ table }}
    where statistic = 'count'
)

select distinct {{ keys | join(', ') }}
from parts
anti join known_counts using (part)
