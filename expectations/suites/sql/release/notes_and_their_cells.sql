-- Notes, each with the cell of the extract that it names, that meet a condition.
with notes as (
    select {{ keys | join(', ') }}, cell_status from {{ batch }}
),

cells as (
    {%- for extract, grain in extracts.items() %}
    {{ 'union all' if not loop.first }}
    select
        '{{ grain }}' as period_grain,
        {{ population | join(', ') }},
        measure,
        value_status
    from {{ extract }}
    where period in (select noted.period from {{ table }} as noted)
    {%- endfor %}
)

select distinct notes.{{ keys | join(', notes.') }}
from notes
left join cells
    on
        notes.period_grain = cells.period_grain
        and notes.measure is not distinct from cells.measure
        {%- for column in population %}
        and notes.{{ column }} is not distinct from cells.{{ column }}
        {%- endfor %}
where {{ cell_condition }}
