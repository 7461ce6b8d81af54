-- Every day of the calendar that dim_period spans, without a hole, with the periods it lies in.
with months as (

    select * from {{ ref('dim_period') }}
    where period_grain = 'month'

),

span as (

    select
        min(period_start) as first_day,
        max(period_end) as last_day
    from months

),

days as (

    {{ dbt.date_spine('day', "cast('2012-04-01' as date)", "cast('2041-04-01' as date)") }}

),

dated_days as (

    select cast(date_day as date) as calendar_date
    from days

)

select
    dated_days.calendar_date,
    months.period as month_period,
    months.period_label as month_label,
    months.period_sort as month_sort,
    months.financial_year || ' Q' || cast(months.financial_quarter as varchar) as quarter_period,
    'Q' || cast(months.financial_quarter as varchar) || ' ' || months.financial_year_label as quarter_label,
    months.financial_year,
    months.financial_year_label,
    dated_days.calendar_date = months.period_end as is_last_day_of_month
from dated_days
inner join span
    on dated_days.calendar_date between span.first_day and span.last_day
inner join months
    on dated_days.calendar_date between months.period_start and months.period_end
