-- Notes on known errors of the publications, one row a note and the cell that it is about, so that a note is released
-- with its figure. What is about no released figure says why. A cell that is suppressed has no row at all: a text about
-- it could say what is hidden. Only a figure of a published drop is noted, and only while that says what is wrong.
with notes as (

    select * from {{ ref('int_noted_cells') }}

),

figures as (

    {% for grain, extract in [
        ('month', 'extract_monthly'), ('quarter', 'extract_quarterly'), ('year', 'extract_annual'),
    ] -%}
    select
        '{{ grain }}' as period_grain,
        {{ population_key('released') }},
        released.measure,
        released.value_status
    from {{ ref(extract) }} as released

    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    notes.correction_id as note_id,
    notes.series,
    case notes.period_grain
        when 'month' then 'extract_monthly'
        when 'quarter' then 'extract_quarterly'
        when 'year' then 'extract_annual'
    end as table_name,
    notes.period_grain,
    notes.period,
    notes.org_level,
    notes.org_code,
    notes.partner_code,
    notes.variable_type,
    notes.variable_a,
    notes.variable_b,
    notes.measure,
    case
        when notes.cell_status <> 'believed' then notes.cell_status
        when figures.value_status is null then 'not_released'
        else 'released'
    end as cell_status,
    notes.action,
    notes.reason as note,
    notes.source
from notes
left join figures
    on
        notes.cell_status in ('believed', 'mended', 'superseded')
        and notes.period_grain = figures.period_grain
        and notes.measure = figures.measure
        and {{ same_population('notes', 'figures') }}
where coalesce(figures.value_status, '') <> 'suppressed'
