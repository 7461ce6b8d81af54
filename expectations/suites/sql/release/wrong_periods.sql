-- Figures of periods that meet a condition; each period is looked at once.
with periods as (
    select distinct period, period_start, period_end, financial_year from {{ table }}
),

wrong_periods as (
    select * from periods
    where {{ condition }}
),

figures as (
    select {{ keys | join(', ') }}, period_start, period_end, financial_year from {{ batch }}
)

select {{ keys | join(', ') }}
from figures
semi join wrong_periods
    on
        figures.period is not distinct from wrong_periods.period
        and figures.period_start is not distinct from wrong_periods.period_start
        and figures.period_end is not distinct from wrong_periods.period_end
        and figures.financial_year is not distinct from wrong_periods.financial_year
