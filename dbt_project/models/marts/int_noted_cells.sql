-- The known errors of the publications, one row an error and the cell that it is about, by the key that the cell has in
-- the facts. An error of which no cell is found has one row, with what the catalogue names of it.
with notes as (

    select * from {{ ref('stg_corrections') }}

),

corrected_cells as (

    select * from {{ ref('int_corrected_cells') }}

),

applied_corrections as (

    select * from {{ ref('mart_corrections_applied') }}

),

measures as (

    select * from {{ ref('measures') }}

),

aliases as (

    select * from {{ ref('measure_aliases') }}

),

-- Of the rows of a file that say the same of one cell, the fact holds one.
believed_cells as (

    {% for grain, fact in [('month', 'fct_monthly'), ('quarter', 'fct_quarterly'), ('year', 'fct_annual')] -%}
    select
        corrected_cells.correction_id,
        corrected_cells.is_as_expected,
        '{{ grain }}' as period_grain,
        {{ population_key('figures') }},
        figures.measure,
        false as is_superseded
    from corrected_cells
    inner join {{ ref(fact) }} as figures
        on
            corrected_cells.drop_sha256 = figures.drop_sha256
            and corrected_cells.source_member = figures.source_member
            and corrected_cells.source_row = figures.source_row
            and corrected_cells.source_column = figures.source_column

    {{ 'union all' if not loop.last }}
    {% endfor %}

),

-- Another drop publishes the cell too, and was believed.
cells_of_superseded_drops as (

    select
        corrected_cells.correction_id,
        corrected_cells.is_as_expected,
        superseded.period_grain,
        {{ population_key('superseded') }},
        superseded.measure,
        true as is_superseded
    from corrected_cells
    inner join {{ ref('mart_superseded_cells') }} as superseded
        on
            corrected_cells.drop_sha256 = superseded.drop_sha256
            and corrected_cells.source_member = superseded.source_member
            and corrected_cells.source_row = superseded.source_row
            and corrected_cells.source_column = superseded.source_column

),

all_cells as (

    select * from believed_cells
    union all
    select * from cells_of_superseded_drops

),

ranked_cells as (

    select
        *,
        row_number() over (
            partition by
                correction_id, period_grain, period, org_level, org_code, partner_code,
                variable_type, variable_a, variable_b, measure
            order by case when is_superseded then 1 else 0 end asc, case when is_as_expected then 1 else 0 end asc
        ) as place
    from all_cells

),

cells as (

    select
        *,
        case
            when is_superseded then 'superseded'
            when not is_as_expected then 'mended'
            else 'believed'
        end as cell_status
    from ranked_cells
    where place = 1

),

notes_with_cells as (

    select distinct
        correction_id,
        period
    from cells

),

notes_of_cells as (

    select
        notes.correction_id,
        notes.series,
        cells.period_grain,
        cells.period,
        cells.org_level,
        cells.org_code,
        cells.partner_code,
        cells.variable_type,
        cells.variable_a,
        cells.variable_b,
        cells.measure,
        cells.cell_status,
        notes.action,
        notes.reason,
        notes.source
    from cells
    inner join notes
        on
            cells.correction_id = notes.correction_id
            and cells.period = notes.period

),

-- What the catalogue names, as far as it names it.
notes_without_cells as (

    select
        notes.correction_id,
        notes.series,
        notes.period_grain,
        notes.period,
        notes.org_level,
        notes.org_code,
        notes.partner_code,
        notes.variable_type,
        notes.variable_a,
        notes.variable_b,
        coalesce(by_id.measure, aliases.measure) as measure,
        case when applied_corrections.guard = 'not_loaded' then 'not_loaded' else 'not_found' end as cell_status,
        notes.action,
        notes.reason,
        notes.source
    from notes
    inner join applied_corrections
        on notes.correction_id = applied_corrections.correction_id
    left join notes_with_cells
        on
            notes.correction_id = notes_with_cells.correction_id
            and notes.period = notes_with_cells.period
    left join measures as by_id
        on notes.measure_id = by_id.measure_id
    left join aliases
        on
            notes.measure_id is null
            and notes.series = aliases.series
            and notes.measure_name = aliases.name_as_published
    where notes_with_cells.correction_id is null

),

all_notes as (

    select * from notes_of_cells
    union all
    select * from notes_without_cells

)

select
    correction_id,
    series,
    period_grain,
    period,
    org_level,
    org_code,
    partner_code,
    variable_type,
    variable_a,
    variable_b,
    measure,
    cell_status,
    action,
    reason,
    source
from all_notes
