-- Sums of monthly counts over twelve months, and over the financial year so far. A window that would need a month that
-- is missing, lies before a break or is of another area is empty and says why: nothing is filled in. Sums of monthly
-- figures are not the annual ones, which count distinct referrals over the year.
{% set total_types = [('rolling_12_months', 12), ('financial_year_to_date', 12)] %}
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
last_months as (

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

months_of_totals as (

    {% for total_type, months in total_types -%}
    select
        '{{ total_type }}' as total_type,
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
            and months.place - {{ months }} < members.place
            {% if total_type == 'financial_year_to_date' -%}
            and months.financial_year = members.financial_year
            {%- endif %}

    {{ 'union all' if not loop.last }}
    {% endfor %}

),

spans as (

    select
        total_type,
        last_month,
        count(*) as months_listed,
        min(period_start) as total_start,
        min(case when publication_status <> 'published' then period end) as first_missing,
        min(case when lies_after_a_break then period end) as first_break
    from months_of_totals
    group by total_type, last_month

),

reasons as (

    select
        spans.*,
        missing.publication_status as missing_status,
        breaks.series_break,
        case when spans.total_type = 'rolling_12_months' then 12 else spans.months_listed end as months_needed
    from spans
    left join months as missing
        on spans.first_missing = missing.period
    left join months as breaks
        on spans.first_break = breaks.period

),

summed as (

    select
        members.total_type,
        last_months.org_level,
        last_months.org_code,
        last_months.measure,
        last_months.period,
        count(*) as months_available,
        {{ sum_of_parts('parts') }}
    from last_months
    inner join months_of_totals as members
        on last_months.period = members.last_month
    inner join figures as parts
        on
            members.period = parts.period
            and last_months.org_level = parts.org_level
            and last_months.org_code = parts.org_code
            and last_months.measure = parts.measure
    group by members.total_type, last_months.org_level, last_months.org_code, last_months.measure, last_months.period

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

totals_over_changed_areas as (

    select
        members.total_type,
        members.last_month,
        changes.org_level,
        changes.org_code,
        min(members.period) as first_change
    from months_of_totals as members
    inner join changes
        on members.period = changes.period
    where members.lies_after_the_first
    group by members.total_type, members.last_month, changes.org_level, changes.org_code

),

totals as (

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
            when totals_over_changed_areas.first_change is not null
                then 'The area of the organisation changed in ' || totals_over_changed_areas.first_change || '.'
        end as reason
    from summed
    inner join reasons
        on
            summed.total_type = reasons.total_type
            and summed.period = reasons.last_month
    left join totals_over_changed_areas
        on
            summed.total_type = totals_over_changed_areas.total_type
            and summed.period = totals_over_changed_areas.last_month
            and summed.org_level = totals_over_changed_areas.org_level
            and summed.org_code = totals_over_changed_areas.org_code

)

select
    totals.total_type,
    totals.period,
    months.period_label,
    totals.total_start,
    months.period_end as total_end,
    months.financial_year,
    totals.org_level,
    totals.org_code,
    organisations.org_name,
    coalesce(organisations.org_type, 'unknown') as org_type,
    totals.measure,
    totals.months_needed,
    totals.months_available,
    case when totals.reason is null then totals.value end as value,
    case when totals.reason is null then totals.value_status else 'not_published' end as value_status,
    case when totals.reason is null then totals.value_marker else {{ value_marker('not_published') }} end
        as value_marker,
    totals.reason,
    true as is_derived,
    case when totals.reason is null then totals.lower_bound end as lower_bound,
    case when totals.reason is null then totals.upper_bound end as upper_bound,
    case when totals.reason is null then totals.suppressed_parts end as suppressed_parts
from totals
inner join months
    on totals.period = months.period
left join organisations
    on
        totals.org_level = organisations.org_level
        and totals.org_code = organisations.org_code
