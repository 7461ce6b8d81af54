-- Cells of a wide mart whose value, status or bounds are not those of the extract.
with rows as (
    select * from {{ batch }}
),

cells as (
    {%- for measure, columns in cells.items() %}
    {{ 'union all' if not loop.first }}
    select
        {{ keys | join(', ') }},
        '{{ measure }}' as measure,
        {{ columns.value }} as value,
        {{ columns.status }} as value_status,
        {{ columns.lower_bound or 'cast(null as bigint)' }} as lower_bound,
        {{ columns.upper_bound or 'cast(null as bigint)' }} as upper_bound,
        {{ 'true' if columns.lower_bound else 'false' }} as has_bounds
    from rows
    {%- endfor %}
),

released as (
    {%- for extract, grain in extracts.items() %}
    {{ 'union all' if not loop.first }}
    select
        '{{ grain }}' as period_grain,
        {{ population | join(', ') }},
        measure,
        value,
        value_status,
        lower_bound,
        upper_bound
    from {{ extract }}
    where measure in ({{ measures }})
    {%- endfor %}
)

select distinct cells.{{ keys | join(', cells.') }}
from cells
left join released
    on
        cells.measure = released.measure
        {%- for column in keys %}
        and cells.{{ column }} {{ 'is not distinct from' if column in nullable else '=' }} released.{{ column }}
        {%- endfor %}
where
    if(
        coalesce(cells.value_status, 'not_applicable') = 'not_applicable',
        released.measure is not null
        or coalesce(cells.value, cells.lower_bound, cells.upper_bound) is not null,
        released.measure is null
        or cells.value_status is distinct from released.value_status
        or cells.value is distinct from released.value
        -- a negative zero equals a zero, and is none
        or signbit(cells.value) is distinct from signbit(released.value)
        or (
            cells.has_bounds
            and (
                cells.lower_bound is distinct from released.lower_bound
                or cells.upper_bound is distinct from released.upper_bound
            )
        )
    )
