-- Detects: a total of England that is not the one the publisher printed when it was written down.
-- Why: either the marts read a file wrongly, or the publisher has re-issued the figure; a person must tell which.
-- A returned row is such a total. England's totals are published exact, so it may be shown.
{{ config(severity='warn') }}
select
    period_grain,
    period,
    measure,
    variable_a,
    value_written_down,
    value_found
from {{ ref('mart_backtest') }}
where result = 'differs'
