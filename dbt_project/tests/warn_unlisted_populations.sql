-- Detects: populations of the facts that are not in seeds/populations.csv.
-- Why: they are kept, as type `unknown`, and stand on no line with others; a row in the seed says what they are.
-- A returned row is such a population.
{{ config(severity='warn') }}
select
    variable_type,
    variable_a,
    variable_b,
    first_period_start,
    last_period_start
from {{ ref('dim_population') }}
where not is_listed
