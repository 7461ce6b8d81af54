-- The calendar of months, quarters and financial years around what has been loaded, and what is known of each period:
-- published, not_published (a known gap), not_loaded, or not_due (it ends after the newest figure we have). What became
-- of its publication says further why there are no figures.
with calendar as (

    select * from {{ ref('int_calendar_in_scope') }}

),

gaps as (

    select * from {{ ref('stg_gaps') }}

),

publication_days as (

    select * from {{ ref('stg_publication_days') }}

),

expected_days as (

    select
        period_grain,
        period,
        min(expected_on) as expected_on
    from publication_days
    group by period_grain, period

),

series_with_a_calendar as (

    select distinct series
    from publication_days

),

-- Only series with a calendar publish a period as such: a time series repeats what others publish.
publications_of_periods as (

    select
        states.period_grain,
        states.period,
        max(case when states.state = 'held' then 1 else 0 end) = 1 as is_held,
        max(case when states.state = 'missing' and states.listed <> 'not_listed' then 1 else 0 end) = 1 as is_listed,
        max(case when states.state = 'missing' and states.listed = 'not_listed' then 1 else 0 end) = 1 as is_skipped,
        max(case when states.state = 'late' then 1 else 0 end) = 1 as is_late,
        max(case when states.state = 'expected' then 1 else 0 end) = 1 as is_expected
    from {{ ref('stg_publication_states') }} as states
    inner join series_with_a_calendar
        on states.series = series_with_a_calendar.series
    group by states.period_grain, states.period

),

dataset_versions as (

    select * from {{ ref('dataset_versions') }}

),

versions_of_periods as (

    select
        calendar.period_grain,
        calendar.period,
        {{ dbt.listagg("dataset_versions.dataset_version", "' and '", "order by dataset_versions.valid_from") }}
            as dataset_version
    from calendar
    inner join dataset_versions
        on
            calendar.period_end >= dataset_versions.valid_from
            and (dataset_versions.valid_to is null or calendar.period_start <= dataset_versions.valid_to)
    group by calendar.period_grain, calendar.period

),

-- A period in which a break lies, or which begins with it, is the first that cannot be compared with those before.
breaks_of_periods as (

    select
        calendar.period_grain,
        calendar.period,
        max(case when series_breaks.breaks_sums then 1 else 0 end) = 1 as breaks_sums,
        {{ dbt.listagg("series_breaks.label", "'; '", "order by series_breaks.break_date") }} as series_break,
        {{ dbt.listagg("series_breaks.reason", "' '", "order by series_breaks.break_date") }} as series_break_reason
    from calendar
    inner join {{ ref('series_breaks') }} as series_breaks
        on series_breaks.break_date between calendar.period_start and calendar.period_end
    group by calendar.period_grain, calendar.period

),

-- Sort keys and labels for people and BI tools: Q1 is April to June.
labelled as (

    select
        *,
        replace(financial_year, '-', '/') as financial_year_label,
        case
            when period_grain <> 'year'
                then {{ integer_divide('(cast(extract(month from period_start) as integer) + 8) % 12', '3') }} + 1
        end as financial_quarter,
        cast(extract(year from period_start) as integer) * 10000
        + cast(extract(month from period_start) as integer) * 100
        + cast(extract(day from period_start) as integer) as period_sort,
        case cast(extract(month from period_start) as integer)
            {% for month in [
                'January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October',
                'November', 'December',
            ] -%}
            when {{ loop.index }} then '{{ month }}'
            {% endfor %}
        end as month_name
    from calendar

)

select
    labelled.period,
    labelled.period_grain,
    labelled.period_start,
    labelled.period_end,
    labelled.financial_year,
    labelled.previous_period,
    labelled.next_period,
    case
        when gaps.period is not null then 'not_published'
        when labelled.is_loaded then 'published'
        when labelled.is_after_newest_figure then 'not_due'
        else 'not_loaded'
    end as publication_status,
    case
        when gaps.period is not null then gaps.reason
        when labelled.is_loaded then null
        else
            case
                when labelled.is_after_newest_figure then 'It ends after the newest figure held. '
                else ''
            end
            || case
                when publications_of_periods.is_held then 'A drop of it is archived and not used.'
                when publications_of_periods.is_listed then 'It is listed as published; no drop of it is archived.'
                when publications_of_periods.is_skipped
                    then 'A later period is published and it is not listed; no drop of it is archived.'
                when publications_of_periods.is_late then 'It was expected, and is late.'
                when publications_of_periods.is_expected then 'It is expected, and is not late.'
                when labelled.is_after_newest_figure then 'It is not known to be published.'
                else 'It may have been published; no drop of it is archived.'
            end
    end as reason,
    case
        when gaps.period is not null then gaps.source
        when not labelled.is_loaded and publications_of_periods.period is not null
            then 'The drops that are archived, and the list of publications.'
        when not labelled.is_loaded then 'The drops that are archived.'
    end as source,
    case labelled.period_grain
        when 'month' then labelled.month_name || ' ' || substring(labelled.period, 1, 4)
        when 'quarter'
            then 'Q' || cast(labelled.financial_quarter as varchar) || ' ' || labelled.financial_year_label
        else labelled.financial_year_label
    end as period_label,
    labelled.financial_year_label,
    labelled.financial_quarter,
    labelled.period_sort,
    versions_of_periods.dataset_version,
    coalesce(breaks_of_periods.breaks_sums, false) as breaks_sums,
    breaks_of_periods.series_break,
    breaks_of_periods.series_break_reason,
    expected_days.expected_on
from labelled
left join gaps
    on
        labelled.period_grain = gaps.period_grain
        and labelled.period = gaps.period
left join versions_of_periods
    on
        labelled.period_grain = versions_of_periods.period_grain
        and labelled.period = versions_of_periods.period
left join breaks_of_periods
    on
        labelled.period_grain = breaks_of_periods.period_grain
        and labelled.period = breaks_of_periods.period
left join expected_days
    on
        labelled.period_grain = expected_days.period_grain
        and labelled.period = expected_days.period
left join publications_of_periods
    on
        labelled.period_grain = publications_of_periods.period_grain
        and labelled.period = publications_of_periods.period
