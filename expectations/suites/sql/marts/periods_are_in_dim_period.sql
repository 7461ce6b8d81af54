-- Figures of periods that are not in the calendar with the same days and financial year.
with periods as (
    select distinct period, period_start, period_end, financial_year
    from {{ table }}
    where {{ applies }}
),

calendar as (
    select * from dim_period
    where period_grain = '{{ grain }}'
),

wrong_periods as (
    select * from periods
    anti join calendar using (period, period_start, period_end, financial_year)
),

figures as (
    select {{ keys | join(', ') }}, period_start, period_end, financial_year
    from {{ batch }}
    where {{ applies }}
)

select figures.{{ keys | join(', figures.') }}
from figures
semi join wrong_periods
    on
        figures.period is not distinct from wrong_periods.period
        and figures.period_start is not distinct from wrong_periods.period_start
        and figures.period_end is not distinct from wrong_periods.period_end
        and figures.financial_year is not distinct from wrong_periods.financial_year
