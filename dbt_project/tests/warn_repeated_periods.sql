-- Detects: two periods of one series whose totals of England agree in every count that both have.
-- Why: a file that was re-dated and offered again would stand as another period, and nothing else would tell. Two real
-- periods share a count of 100 or more by chance now and then, never all of them: of the 140 counts of a month, two is
-- the most that was found. A month is compared by 20 counts; a quarter and a year, which may have 8 or 9 in all, by 5.
-- What has fewer is not compared: months of the time series alone have 4, and quarters of CCGs alone have no England.
-- A returned row is such a pair. England's totals are published exact, so it may be shown: see which period each file
-- is really of, and take the other out of the drop folder, then its folder out of `drops/` in the home.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'fct_monthly'}}}) }}
with england_totals as (

    {% for fact, least_measures in [('fct_monthly', 20), ('fct_quarterly', 5), ('int_annual_figures', 5)] %}
    select
        '{{ fact }}' as fact,
        {{ least_measures }} as least_measures,
        series,
        period,
        period_start,
        measure,
        value
    from {{ ref(fact) }}
    where
        org_level = 'england'
        and variable_type = 'Total'
        and statistic = 'count'
        and value_status = 'published'
        and value >= 100
    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    earlier.series,
    earlier.period,
    later.period as period_that_repeats_it,
    count(*) as counts_that_agree
from england_totals as earlier
inner join england_totals as later
    on
        earlier.fact = later.fact
        and earlier.series = later.series
        and earlier.measure = later.measure
        and earlier.period_start < later.period_start
group by earlier.series, earlier.period, later.period, earlier.least_measures
having
    count(*) >= earlier.least_measures
    and sum(case when earlier.value = later.value then 1 else 0 end) = count(*)
