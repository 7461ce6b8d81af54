-- Detects: a later issue of a file that no longer has cells of the one it replaces: they were withdrawn, and are
-- released no more.
-- Why: an organisation, a measure or a row that vanishes from the figures is reported, with what came in its place. A
-- cell that the later issue has and that was quarantined where it was read is not withdrawn by the publisher: the old
-- figure is not released either, and the row says how many such cells the file has.
-- A returned row is a level of a period of such a file: see that the re-issue is whole. If it is an extract, list it in
-- catalogue/re_issues.yml as one that adds. What was withdrawn stands in marts.mart_superseded_cells, as `withdrawn`.
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
    || case when cells_changed > 0 then '; ' || cast(cells_changed as varchar) || ' changed' else '' end
    || case
        when cells_quarantined_in_later_drop > 0
            then
                '; the later file has ' || cast(cells_quarantined_in_later_drop as varchar)
                || case when cells_quarantined_in_later_drop = 1 then ' cell that was' else ' cells that were' end
                || ' quarantined, which may be among those withdrawn'
        else ''
    end as what
from {{ ref('mart_reissues') }}
where cells_withdrawn > 0
