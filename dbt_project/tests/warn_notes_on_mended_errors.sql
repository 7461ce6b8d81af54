-- Detects: a note in catalogue/corrections.yml about an error that a published drop no longer makes.
-- Why: the note would tell readers of an error that is none. It changes no figure: no release has to wait for it.
-- A returned row is such a note: see that the publisher has mended it, and remove the entry from the catalogue.
{{ config(severity='warn') }}
select
    correction_id,
    matched_cells,
    mended_cells
from {{ ref('mart_corrections_applied') }}
where guard = 'mended' and action = 'note'
