-- Detects: a known error in catalogue/corrections.yml that is about no cell, though a drop has its series, period,
-- level and organisation; or whose organisation no drop and no list has.
-- Why: a slip in the entry would otherwise never be seen. An excerpt without the organisation lacks the cell for a
-- reason, and says nothing of the entry.
-- A returned row is such a correction.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'mart_corrections_applied'}}}) }}
with unmatched as (

    select * from {{ ref('mart_corrections_applied') }}
    where guard = 'matches_nothing'

),

entries as (

    select
        known_errors.correction_id,
        known_errors.series,
        known_errors.period_grain,
        known_errors.org_level,
        known_errors.org_code,
        known_errors.partner_code,
        calendar.period_start
    from {{ ref('stg_corrections') }} as known_errors
    inner join unmatched
        on known_errors.correction_id = unmatched.correction_id
    inner join {{ ref('int_calendar') }} as calendar
        on
            known_errors.period_grain = calendar.period_grain
            and known_errors.period = calendar.period

),

known_codes as (

    select distinct org_code from {{ ref('dim_organisation') }}

),

published_drops as (

    select drop_sha256 from {{ ref('stg_drops') }}
    where origin = 'published'

),

entries_to_correct as (

    select entries.correction_id
    from {{ ref('stg_observations') }} as observations
    inner join entries
        on
            observations.series = entries.series
            and observations.period_grain = entries.period_grain
            and observations.period_start = entries.period_start
            and (entries.org_level is null or observations.org_level = entries.org_level)
            and (entries.org_code is null or observations.org_code = entries.org_code)
            and (entries.partner_code is null or observations.partner_code = entries.partner_code)
    inner join published_drops
        on observations.drop_sha256 = published_drops.drop_sha256

    union

    select entries.correction_id
    from entries
    left join known_codes
        on entries.org_code = known_codes.org_code
    left join known_codes as known_partners
        on entries.partner_code = known_partners.org_code
    where
        (entries.org_code is not null and known_codes.org_code is null)
        or (entries.partner_code is not null and known_partners.org_code is null)

)

select
    unmatched.correction_id,
    unmatched.series,
    unmatched.first_period,
    unmatched.last_period
from unmatched
inner join entries_to_correct
    on unmatched.correction_id = entries_to_correct.correction_id
