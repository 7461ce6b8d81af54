-- Detects: two drops kept in the same refresh that publish different figures for a cell, or are issues of one file of
-- which one has cells that the other lacks, with nothing to say which is the newer: no series, status or revision of
-- the file or of a member of its ZIP.
-- Why: a figure chosen, or withdrawn, by the order of file names would be a guess. A correction that shows which it is,
-- by a later refresh, a status or a -v2, stops nothing: `warn_conflicting_drops` tells of it.
-- A returned row is a pair of drops: take the wrong one out of the drop folder, and its folder out of `drops/` in the
-- home. If both were published, the newer one's name should end in -v2 or the like; or keep the older one in a refresh
-- before it.
{{ config(meta={'dagster': {'ref': {'name': 'int_conflicting_observations'}}}) }}
with contested as (

    select * from {{ ref('int_conflicting_observations') }}

),

drops as (

    select * from {{ ref('stg_drops') }}

),

winners as (

    select * from contested
    where precedence = 1

),

losers as (

    select * from contested
    where precedence > 1

),

differing as (

    select
        winners.drop_sha256 as one_drop_sha256,
        losers.drop_sha256 as other_drop_sha256,
        1 as cells_that_differ,
        0 as cells_that_one_lacks
    from losers
    inner join winners
        on
            losers.period_grain = winners.period_grain
            and losers.period_start = winners.period_start
            and losers.org_level = winners.org_level
            and losers.org_code = winners.org_code
            and losers.partner_code is not distinct from winners.partner_code
            and losers.variable_type = winners.variable_type
            and losers.variable_a is not distinct from winners.variable_a
            and losers.variable_b is not distinct from winners.variable_b
            and losers.measure = winners.measure
    where
        winners.series = losers.series
        and (winners.value_status <> losers.value_status or winners.value is distinct from losers.value)

    union all

    select
        withdrawn_by_drop_sha256 as one_drop_sha256,
        drop_sha256 as other_drop_sha256,
        0 as cells_that_differ,
        1 as cells_that_one_lacks
    from {{ ref('int_withdrawn_cells') }}

)

select
    winning_drop.file as one_file,
    substr(winning_drop.drop_sha256, 1, 12) as one_folder,
    losing_drop.file as other_file,
    substr(losing_drop.drop_sha256, 1, 12) as other_folder,
    sum(differing.cells_that_differ) as cells_that_differ,
    sum(differing.cells_that_one_lacks) as cells_that_one_lacks
from differing
inner join drops as winning_drop
    on differing.one_drop_sha256 = winning_drop.drop_sha256
inner join drops as losing_drop
    on differing.other_drop_sha256 = losing_drop.drop_sha256
where
    winning_drop.is_provisional = losing_drop.is_provisional
    and winning_drop.revision = losing_drop.revision
    and winning_drop.batch = losing_drop.batch
    and winning_drop.drop_sha256 <> losing_drop.drop_sha256
group by winning_drop.file, winning_drop.drop_sha256, losing_drop.file, losing_drop.drop_sha256
