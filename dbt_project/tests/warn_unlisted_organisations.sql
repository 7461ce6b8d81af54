-- Detects: codes of organisations that a drop publishes and seeds/organisations.csv does not list.
-- Why: they are kept, typed `unknown`, but have no validity, parent or successor until somebody adds a row.
-- A returned row is such a code.
{{ config(severity='warn') }}
select
    org_level,
    org_code
from {{ ref('dim_organisation') }}
where org_type = 'unknown'
