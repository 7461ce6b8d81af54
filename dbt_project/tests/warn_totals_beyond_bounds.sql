-- Detects: published wholes that the sum of their published parts cannot be, whatever rounding and suppression hide, at
-- levels that catalogue/relations.yml declares to add up. Where the sum is too small and fewer than half of the parts
-- that the reviewed lists have at the time are there, the drop is an excerpt, and nobody takes it for the complete
-- file.
-- Why: parts are missing from a file, stand twice, or were counted by another rule; nobody should add them up unwarned.
-- What is not declared to add up has its evidence in mart_reconciliation, as not_comparable.
-- A returned row is a grain, a pair of levels and a measure, with how many totals are beyond; no total is named, for a
-- difference may narrow what is suppressed.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'mart_reconciliation'}}}) }}
with beyond as (

    select
        reconciled.period_grain,
        reconciled.period,
        reconciled.measure,
        reconciled.whole_level,
        reconciled.whole_code,
        reconciled.part_level,
        reconciled.parts,
        reconciled.lower_bound > reconciled.whole_upper_bound as is_too_much,
        calendar.period_start
    from {{ ref('mart_reconciliation') }} as reconciled
    inner join {{ ref('int_calendar') }} as calendar
        on
            reconciled.period_grain = calendar.period_grain
            and reconciled.period = calendar.period
    where reconciled.agreement = 'beyond_bounds'

),

totals_with_listed_parts as (

    select
        beyond.period_grain,
        beyond.period,
        beyond.measure,
        beyond.whole_level,
        beyond.whole_code,
        beyond.part_level,
        beyond.parts,
        beyond.is_too_much,
        count(listed.org_code) as listed_parts
    from beyond
    left join {{ ref('dim_organisation') }} as listed
        on
            beyond.part_level = listed.org_level
            and beyond.part_level = listed.org_type
            and (beyond.whole_level = 'england' or beyond.whole_code = listed.parent_code)
            and beyond.period_start >= listed.valid_from
            and (listed.valid_to is null or beyond.period_start <= listed.valid_to)
    group by
        beyond.period_grain, beyond.period, beyond.measure, beyond.whole_level, beyond.whole_code, beyond.part_level,
        beyond.parts, beyond.is_too_much

)

select
    period_grain,
    whole_level,
    part_level,
    measure,
    count(*) as totals_beyond_bounds
from totals_with_listed_parts
where
    is_too_much
    or parts * 2 >= listed_parts
group by period_grain, whole_level, part_level, measure
