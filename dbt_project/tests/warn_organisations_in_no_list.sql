-- Detects: codes of organisations that a drop publishes and seeds/organisations.csv does not list.
-- Why: they are kept, typed `unknown`, but have no validity, parent or successor until somebody adds a row.
-- A returned row is a level with such codes, and how many.
{{ config(severity='warn') }}
select
    org_level,
    count(*) as codes,
    {{ dbt.listagg("org_code", "'; '", "order by org_code") }} as org_codes
from {{ ref('dim_organisation') }}
where org_type = 'unknown'
group by org_level
