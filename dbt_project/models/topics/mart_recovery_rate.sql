-- The recovery rate of England and its ICBs (STPs before July 2022), for everyone and by ethnic group, beside the
-- national standard of its day. Published rates only: where an ICB has none for a month or a quarter there is no row,
-- and the publisher's reliable recovery rates by ethnic group are another measure and do not stand in for it.
with cells as (

    select * from {{ ref('int_topic_values') }}
    where
        org_level in ('england', 'icb', 'stp')
        and measure in ('percentage_recovery', 'count_recovery', 'count_finished_course_treatment')

),

populations as (

    select * from {{ ref('dim_population') }}
    where population_type in ('total', 'bme_group', 'ethnic_group', 'ethnic_category')

),

rates as (

    select
        cells.period_grain,
        cells.period,
        cells.org_level,
        cells.org_code,
        cells.partner_code,
        cells.variable_type,
        cells.variable_a,
        cells.variable_b,
        max(case when cells.measure = 'percentage_recovery' then cells.value end) as recovery_rate,
        max(case when cells.measure = 'percentage_recovery' then cells.value_status end) as recovery_rate_status,
        max(case when cells.measure = 'count_recovery' then cells.value end) as count_recovery,
        max(case when cells.measure = 'count_recovery' then cells.value_status end) as count_recovery_status,
        max(case when cells.measure = 'count_finished_course_treatment' then cells.value end)
            as count_finished_course_treatment,
        max(case when cells.measure = 'count_finished_course_treatment' then cells.value_status end)
            as count_finished_course_treatment_status
    from cells
    inner join populations
        on
            cells.variable_type = populations.variable_type
            and coalesce(cells.variable_a, '') = coalesce(populations.variable_a, '')
            and coalesce(cells.variable_b, '') = coalesce(populations.variable_b, '')
    group by
        cells.period_grain, cells.period, cells.org_level, cells.org_code, cells.partner_code,
        cells.variable_type, cells.variable_a, cells.variable_b

),

standards as (

    select * from {{ ref('dim_standard') }}
    where measure = 'percentage_recovery'

),

assessed as (

    select * from {{ ref('int_standard_assessments') }}
    where measure = 'percentage_recovery'

)

select
    {{ topic_labels('rates') }},
    rates.recovery_rate,
    rates.recovery_rate_status,
    {{ render_value_marker('rates.recovery_rate_status') }} as recovery_rate_marker,
    standards.threshold as standard,
    standards.label as standard_label,
    standards.certainty as standard_certainty,
    case when rates.recovery_rate is not null then assessed.standard_status end as standard_status,
    rates.recovery_rate - standards.threshold as gap_to_standard,
    rates.count_recovery,
    rates.count_recovery_status,
    rates.count_finished_course_treatment,
    rates.count_finished_course_treatment_status,
    case when rates.recovery_rate_status = 'not_published' then periods.reason end as reason
from rates
{{ topic_joins('rates') }}
left join standards
    on
        periods.period_start >= standards.valid_from
        and (standards.valid_to is null or periods.period_start <= standards.valid_to)
left join assessed
    on
        rates.period_grain = assessed.period_grain
        and standards.label = assessed.label
        and {{ same_population('rates', 'assessed') }}
where rates.recovery_rate_status is not null
