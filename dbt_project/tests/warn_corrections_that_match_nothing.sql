-- Detects: a known error in catalogue/corrections.yml that is about no cell, though its series, period and level are
-- loaded.
-- Why: a slip in the entry would otherwise never be seen. An excerpt of a file can lack the cell too.
-- A returned row is such a correction.
{{ config(severity='warn') }}
select
    correction_id,
    series,
    first_period,
    last_period
from {{ ref('corrections_applied') }}
where guard = 'matches_nothing'
