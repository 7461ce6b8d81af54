-- Figures of measures that are described though not reviewed, or reviewed and not described with their statistic.
with measures as (
    select distinct measure, statistic, is_reviewed
    from {{ table }}
    where {{ applies }}
),

described as (
    select measure, statistic, true as is_described from dim_measure
),

wrong_measures as (
    select measures.measure, measures.statistic, measures.is_reviewed
    from measures
    left join described
        on measures.measure = described.measure and measures.statistic = described.statistic
    where measures.is_reviewed is distinct from coalesce(described.is_described, false)
),

figures as (
    select {{ keys | join(', ') }}, statistic, is_reviewed
    from {{ batch }}
    where {{ applies }}
)

select figures.{{ keys | join(', figures.') }}
from figures
semi join wrong_measures
    on
        figures.measure = wrong_measures.measure
        and figures.statistic is not distinct from wrong_measures.statistic
        and figures.is_reviewed is not distinct from wrong_measures.is_reviewed
