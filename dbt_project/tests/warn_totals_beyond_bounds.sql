-- Detects: published wholes that the sum of their published parts cannot be, whatever rounding and suppression hide.
-- Why: parts are missing from a file, stand twice, or were counted by another rule; nobody should add them up unwarned.
-- Levels that are not declared to add up are in it too, named as not_comparable: that is how their evidence is seen.
-- A returned row is a grain, a pair of levels and a measure, with how many totals are beyond; no total is named, for a
-- difference may narrow what is suppressed.
{{ config(severity='warn') }}
select
    period_grain,
    whole_level,
    part_level,
    measure,
    agreement,
    count(*) as totals_beyond_bounds
from {{ ref('mart_reconciliation') }}
where
    not is_within_bounds
    and unpublished_parts = 0
group by period_grain, whole_level, part_level, measure, agreement
