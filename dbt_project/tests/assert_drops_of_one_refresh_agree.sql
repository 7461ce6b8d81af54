-- Detects: two drops kept in the same refresh that publish different figures for a cell, or are issues of one file of
-- which one has cells that the other lacks, with nothing to say which is the newer: no series, status or revision of
-- the file or of a member of its ZIP.
-- Why: a figure chosen, or withdrawn, by the order of file names would be a guess. A correction that shows which it is,
-- by a later refresh, a status or a -v2, stops nothing: `warn_conflicting_drops` tells of it.
-- A returned row is a pair of drops: take the wrong one out of the drop folder, and its folder out of `drops/` in the
-- home. If both were published, the newer one's name should end in -v2 or the like; or keep the older one in a refresh
-- before it.
{{ config(meta={'dagster': {'ref': {'name': 'int_conflicting_observations'}}}) }}
with conflicting_observations as (

    select * from {{ ref('int_conflicting_observations') }}

),

drops as (

    select * from {{ ref('stg_drops') }}

),

believed as (

    select * from conflicting_observations
    where precedence = 1

),

not_believed as (

    select * from conflicting_observations
    where precedence > 1

),

differing as (

    select
        believed.drop_sha256 as believed_drop_sha256,
        not_believed.drop_sha256 as other_drop_sha256,
        1 as cells_that_differ,
        0 as cells_that_believed_lacks
    from not_believed
    inner join believed
        on
            {{ same_observation('not_believed', 'believed') }}
    where
        believed.series = not_believed.series
        and (believed.value_status <> not_believed.value_status or believed.value is distinct from not_believed.value)

    union all

    select
        withdrawn_by_drop_sha256 as believed_drop_sha256,
        drop_sha256 as other_drop_sha256,
        0 as cells_that_differ,
        1 as cells_that_believed_lacks
    from {{ ref('int_withdrawn_cells') }}

)

select
    believed_drop.file as believed_file,
    substr(believed_drop.drop_sha256, 1, 12) as believed_folder,
    other_drop.file as other_file,
    substr(other_drop.drop_sha256, 1, 12) as other_folder,
    sum(differing.cells_that_differ) as cells_that_differ,
    sum(differing.cells_that_believed_lacks) as cells_that_believed_lacks
from differing
inner join drops as believed_drop
    on differing.believed_drop_sha256 = believed_drop.drop_sha256
inner join drops as other_drop
    on differing.other_drop_sha256 = other_drop.drop_sha256
where
    believed_drop.is_provisional = other_drop.is_provisional
    and believed_drop.revision = other_drop.revision
    and believed_drop.batch = other_drop.batch
    and believed_drop.drop_sha256 <> other_drop.drop_sha256
group by believed_drop.file, believed_drop.drop_sha256, other_drop.file, other_drop.drop_sha256
