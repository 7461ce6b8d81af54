-- Every month, quarter and financial year of the dataset's life, from the calendar and not from the data.
-- The dataset began in April 2012 (docs/sources.md#periods).
with months as (

    {{ dbt.date_spine('month', "cast('2012-04-01' as date)", "cast('2041-04-01' as date)") }}

),

dated_months as (

    select
        cast(date_month as date) as period_start,
        cast(extract(month from date_month) as integer) as calendar_month,
        cast(extract(year from date_month) as integer)
        - case when extract(month from date_month) < 4 then 1 else 0 end as first_year
    from months

),

labelled_months as (

    select
        *,
        cast(first_year as varchar) || '-' || substring(cast(first_year + 1 as varchar), 3, 2) as financial_year,
        {{ integer_divide('(calendar_month + 8) % 12', '3') }} + 1 as financial_quarter
    from dated_months

),

periods as (

    select
        'month' as period_grain,
        substring(cast(period_start as varchar), 1, 7) as period,
        period_start,
        {{ dbt.dateadd('month', 1, 'period_start') }} as next_start,
        financial_year
    from labelled_months

    union all

    select
        'quarter' as period_grain,
        financial_year || ' Q' || cast(financial_quarter as varchar) as period,
        period_start,
        {{ dbt.dateadd('month', 3, 'period_start') }} as next_start,
        financial_year
    from labelled_months
    where calendar_month in (1, 4, 7, 10)

    union all

    select
        'year' as period_grain,
        financial_year as period,
        period_start,
        {{ dbt.dateadd('month', 12, 'period_start') }} as next_start,
        financial_year
    from labelled_months
    where calendar_month = 4

)

select
    period_grain,
    period,
    period_start,
    cast({{ dbt.dateadd('day', -1, 'next_start') }} as date) as period_end,
    financial_year,
    lag(period) over (partition by period_grain order by period_start) as previous_period,
    lead(period) over (partition by period_grain order by period_start) as next_period
from periods
