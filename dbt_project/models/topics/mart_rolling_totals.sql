-- Sums of monthly counts over twelve months, and over the financial year so far. A window that would need a month that
-- is missing, lies before a break or is of another area is empty and says why: nothing is filled in. Sums of monthly
-- figures are not the annual ones, which count distinct referrals over the year.
{% set windows = [('rolling_12_months', 12), ('financial_year_to_date', 12)] %}
with months as (

    select
        *,
        row_number() over (order by period_start) as place
    from {{ ref('dim_period') }}
    where period_grain = 'month'

),

figures as (

    select * from {{ ref('extract_monthly') }}
    where
        statistic = 'count'
        and variable_type = 'Total'
        and partner_code is null
        and measure in ({{ literals(all_topic_measures()) }})

),

-- Every window ends in a month of figures.
ends as (

    select
        figures.org_level,
        figures.org_code,
        figures.measure,
        months.period,
        months.place,
        months.financial_year
    from figures
    inner join months
        on figures.period = months.period

),

months_of_windows as (

    {% for window, length in windows -%}
    select
        '{{ window }}' as total_type,
        months.period as last_month,
        members.period,
        members.place,
        members.publication_status,
        members.period_start,
        -- Its first month may be the first after a break; a later one may not.
        members.breaks_sums
        and min(members.place) over (partition by months.period) < members.place as lies_after_a_break,
        min(members.place) over (partition by months.period) < members.place as lies_after_the_first,
        members.series_break
    from months
    inner join months as members
        on
            months.place >= members.place
            and months.place - {{ length }} < members.place
            {% if window == 'financial_year_to_date' -%}
            and months.financial_year = members.financial_year
            {%- endif %}

    {{ 'union all' if not loop.last }}
    {% endfor %}

),

lengths as (

    select
        total_type,
        last_month,
        count(*) as months_listed,
        min(period_start) as total_start,
        min(case when publication_status <> 'published' then period end) as first_missing,
        min(case when lies_after_a_break then period end) as first_break
    from months_of_windows
    group by total_type, last_month

),

reasons as (

    select
        lengths.*,
        missing.publication_status as missing_status,
        breaks.series_break,
        case when lengths.total_type = 'rolling_12_months' then 12 else lengths.months_listed end as months_needed
    from lengths
    left join months as missing
        on lengths.first_missing = missing.period
    left join months as breaks
        on lengths.first_break = breaks.period

),

summed as (

    select
        members.total_type,
        ends.org_level,
        ends.org_code,
        ends.measure,
        ends.period,
        count(*) as months_available,
        {{ sum_of_parts('parts') }}
    from ends
    inner join months_of_windows as members
        on ends.period = members.last_month
    inner join figures as parts
        on
            members.period = parts.period
            and ends.org_level = parts.org_level
            and ends.org_code = parts.org_code
            and ends.measure = parts.measure
    group by members.total_type, ends.org_level, ends.org_code, ends.measure, ends.period

),

organisations as (

    select * from {{ ref('dim_organisation') }}

),

spells as (

    select
        *,
        lag(parent_code) over (partition by org_level, org_code order by valid_from) as parent_before
    from {{ ref('dim_organisation_history') }}

),

-- The months from which on an organisation is of another area than before: its boundary moved under its code, or one of
-- its parts went to another or came from there.
changes as (

    select
        organisations.org_level,
        organisations.org_code,
        months.period
    from organisations
    inner join months
        on organisations.boundary_moves like '%' || months.period || '-%'

    union distinct

    select
        parent_level as org_level,
        parent_code as org_code,
        substr(cast(valid_from as varchar), 1, 7) as period
    from spells
    where parent_before <> parent_code

    union distinct

    select
        parent_level as org_level,
        parent_before as org_code,
        substr(cast(valid_from as varchar), 1, 7) as period
    from spells
    where parent_before <> parent_code

),

windows_of_two_areas as (

    select
        members.total_type,
        members.last_month,
        changes.org_level,
        changes.org_code,
        min(members.period) as first_change
    from months_of_windows as members
    inner join changes
        on members.period = changes.period
    where members.lies_after_the_first
    group by members.total_type, members.last_month, changes.org_level, changes.org_code

),

judged as (

    select
        summed.*,
        reasons.total_start,
        reasons.months_needed,
        case
            when reasons.first_break is not null
                then 'The series breaks in ' || reasons.first_break || ': ' || reasons.series_break || '.'
            when reasons.months_listed < reasons.months_needed
                then 'The calendar of what is held begins within the window.'
            when reasons.first_missing is not null
                then reasons.first_missing || ' is ' || replace(reasons.missing_status, '_', ' ') || '.'
            when summed.months_available < reasons.months_needed
                then
                    'The organisation has no figure in '
                    || cast(reasons.months_needed - summed.months_available as varchar) || ' of the months.'
            when summed.value_status = 'not_published' then 'The organisation has a month without published figures.'
            when windows_of_two_areas.first_change is not null
                then 'The area of the organisation changed in ' || windows_of_two_areas.first_change || '.'
        end as reason
    from summed
    inner join reasons
        on
            summed.total_type = reasons.total_type
            and summed.period = reasons.last_month
    left join windows_of_two_areas
        on
            summed.total_type = windows_of_two_areas.total_type
            and summed.period = windows_of_two_areas.last_month
            and summed.org_level = windows_of_two_areas.org_level
            and summed.org_code = windows_of_two_areas.org_code

)

select
    judged.total_type,
    judged.period,
    months.period_label,
    judged.total_start,
    months.period_end as total_end,
    months.financial_year,
    judged.org_level,
    judged.org_code,
    organisations.org_name,
    coalesce(organisations.org_type, 'unknown') as org_type,
    judged.measure,
    judged.months_needed,
    judged.months_available,
    case when judged.reason is null then judged.value end as value,
    case when judged.reason is null then judged.value_status else 'not_published' end as value_status,
    case when judged.reason is null then judged.value_marker else {{ value_marker('not_published') }} end
        as value_marker,
    judged.reason,
    true as is_derived,
    case when judged.reason is null then judged.lower_bound end as lower_bound,
    case when judged.reason is null then judged.upper_bound end as upper_bound,
    case when judged.reason is null then judged.suppressed_parts end as suppressed_parts
from judged
inner join months
    on judged.period = months.period
left join organisations
    on
        judged.org_level = organisations.org_level
        and judged.org_code = organisations.org_code
