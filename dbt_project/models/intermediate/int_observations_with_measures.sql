-- Observations with their measure named: by MEASURE_ID where there is one (its name is then not looked up: two ids have
-- carried one name), else through the reviewed alias of the column. A measure nobody has reviewed keeps its own id (or
-- name) as its slug; it stays in the facts and is not released.
with observations as (

    select * from {{ ref('int_corrected_observations') }}
    where series <> 'data_quality'

),

measures as (

    select * from {{ ref('measures') }}

),

aliases as (

    select * from {{ ref('measure_aliases') }}

),

calendar as (

    select * from {{ ref('int_calendar') }}

),

named as (

    select
        observations.*,
        case
            when observations.measure_id is null then aliases.measure
            else by_id.measure
        end as reviewed_measure
    from observations
    left join measures as by_id
        on observations.measure_id = by_id.measure_id
    left join aliases
        on
            observations.series = aliases.series
            and observations.measure_name = aliases.name_as_published

)

select
    calendar.period,
    named.period_grain,
    named.period_start,
    named.period_end,
    calendar.financial_year,
    named.org_level,
    named.org_code,
    named.org_name,
    named.partner_code,
    named.partner_name,
    named.parent_code,
    named.parent_name,
    named.variable_type,
    -- A total counts everyone: some layouts print `Total` as its category too.
    case when named.variable_type <> 'Total' then named.variable_a end as variable_a,
    case when named.variable_type <> 'Total' then named.variable_b end as variable_b,
    coalesce(named.reviewed_measure, lower(coalesce(named.measure_id, named.measure_name))) as measure,
    coalesce(named.measure_id, measures.measure_id) as measure_id,
    coalesce(
        measures.statistic,
        case
            when lower(named.measure_name) like 'count%' then 'count'
            when lower(named.measure_name) like 'percentage%' then 'percentage'
            when lower(named.measure_name) like 'mean%' then 'mean'
            when lower(named.measure_name) like 'median%' then 'median'
            when lower(named.measure_name) like 'max%' then 'maximum'
            when lower(named.measure_name) like 'min%' then 'minimum'
            when lower(named.measure_name) like 'sum%' then 'sum'
            else 'unknown'
        end
    ) as statistic,
    named.reviewed_measure is not null as is_reviewed,
    named.measure_name,
    named.value,
    named.value_status,
    named.value_as_published,
    named.series,
    named.drop_sha256,
    named.source_file,
    named.source_member,
    named.source_row,
    named.source_column,
    named.duplicate_of_row
from named
left join measures
    on named.reviewed_measure = measures.measure
inner join calendar
    on
        named.period_grain = calendar.period_grain
        and named.period_start = calendar.period_start
