-- The measure and statistic of every published name, as the marts have them (int_observations_with_measures): by
-- MEASURE_ID if there is one, else by the reviewed alias of the column. The statistic of a measure that nobody has
-- reviewed is what its name begins with.
create temp table published_measures as
with names as (
    select distinct series, measure_id, measure_name from cells
),

reviewed as (
    select
        names.*,
        case when names.measure_id is null then measure_aliases.measure else by_id.measure end as reviewed_measure
    from names
    left join measures as by_id on names.measure_id = by_id.measure_id
    left join measure_aliases
        on names.series = measure_aliases.series and names.measure_name = measure_aliases.name_as_published
)

select
    reviewed.series,
    reviewed.measure_id,
    reviewed.measure_name,
    coalesce(reviewed.reviewed_measure, lower(coalesce(reviewed.measure_id, reviewed.measure_name))) as measure,
    case
        when reviewed.series = 'data_quality' then 'count'
        else coalesce(
            measures.statistic,
            case
                when lower(reviewed.measure_name) like 'count%' then 'count'
                when lower(reviewed.measure_name) like 'percentage%' then 'percentage'
                when lower(reviewed.measure_name) like 'mean%' then 'mean'
                when lower(reviewed.measure_name) like 'median%' then 'median'
                when lower(reviewed.measure_name) like 'max%' then 'maximum'
                when lower(reviewed.measure_name) like 'min%' then 'minimum'
                when lower(reviewed.measure_name) like 'sum%' then 'sum'
                else '{{ unknown }}'
            end
        )
    end as statistic,
    measures.unit,
    measures.base
from reviewed
left join measures on reviewed.reviewed_measure = measures.measure
