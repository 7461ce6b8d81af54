-- Detects: rows of one drop that repeat another row, names apart. They are collapsed; conflicting ones are refused on
-- reading.
-- Why: England rows repeat in each file of a quarterly pack, and a provider was once published twice under two names.
-- A returned row is a drop with such rows.
{{ config(severity='warn') }}
select
    drop_sha256,
    source_file,
    count(*) as cells_collapsed
from {{ ref('stg_observations') }}
where duplicate_of_row is not null
group by drop_sha256, source_file
