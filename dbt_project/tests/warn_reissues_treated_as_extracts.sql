-- Detects: a later issue of a file that has far fewer cells of a period and level than the earlier one, or none: it is
-- taken for an extract, and withdraws nothing there.
-- Why: cells of the earlier issue that the publisher may have withdrawn are still released beside those of the later
-- one.
-- A returned row is such a level: say in catalogue/re_issues.yml whether the file replaces the whole of the earlier one
-- or adds to it.
{{ config(severity='warn') }}
select
    series,
    period,
    org_level,
    replaced as earlier_issue,
    replaced_by as later_issue,
    cast(cells_after as varchar) || ' of ' || cast(cells_before as varchar) || ' cells'
    || case
        when cells_quarantined_in_later_drop > 0
            then ' (' || cast(cells_quarantined_in_later_drop as varchar) || ' of the file were quarantined)'
        else ''
    end as what
from {{ ref('mart_reissues') }}
where effect = 'adds'
