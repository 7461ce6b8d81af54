-- Detects: a known error in catalogue/corrections.yml that would withhold or replace a figure, and that a
-- published drop no longer makes.
-- Why: a correction outlives its error unnoticed, and would then withhold or replace a figure that is right. It is not
-- applied any more; the release waits for somebody to say so.
-- A returned row is such a correction: see that the publisher has mended it, and remove the entry from the catalogue.
select
    correction_id,
    matched_cells,
    mended_cells
from {{ ref('mart_corrections_applied') }}
where guard = 'mended' and action <> 'note'
