-- Detects: a later issue of a file that no longer has cells of the one it replaces: they were withdrawn, and leave no
-- more.
-- Why: an organisation, a measure or a row that vanishes from the figures is told, with what came in its place.
-- A returned row is a level of a period of such a file: see that the re-issue is whole. If it is an extract, list it in
-- catalogue/re_issues.yml as one that adds. What was withdrawn stands in marts.superseded_cells, as `withdrawn`.
{{ config(severity='warn') }}
select
    series,
    period,
    org_level,
    replaced,
    replaced_by,
    cast(cells_withdrawn as varchar) || ' of ' || cast(cells_before as varchar) || ' cells withdrawn'
    || coalesce(', organisations ' || organisations_withdrawn, '')
    || coalesce(', measures ' || measures_withdrawn, '')
    || case when cells_new > 0 then '; ' || cast(cells_new as varchar) || ' new' else '' end
    || coalesce(', organisations ' || organisations_new, '')
    || coalesce(', measures ' || measures_new, '')
    || case when cells_changed > 0 then '; ' || cast(cells_changed as varchar) || ' changed' else '' end as what
from {{ ref('re_issues') }}
where cells_withdrawn > 0
