-- Figures on current boundaries that are neither the extract's own nor the sum of those of the organisations named.
with rows as (
    select *, string_split(codes_as_published, '; ') as codes from {{ batch }}
),

parts as (
    select *, len(codes) as named, unnest(codes) as code_as_published from rows
),

sums as (
    select
        parts.{{ keys | join(', parts.') }},
        any_value(parts.named) as named,
        any_value(parts.statistic) as statistic,
        any_value(parts.is_derived) as is_derived,
        any_value(parts.comparability) as comparability,
        any_value(parts.value) as value,
        any_value(parts.value_status) as value_status,
        any_value(parts.lower_bound) as lower_bound,
        any_value(parts.upper_bound) as upper_bound,
        any_value(parts.suppressed_parts) as suppressed_parts,
        count(extract.measure) as found,
        bool_or(extract.value_status = 'not_published') as is_unknown,
        bool_or(extract.value_status = 'published') as is_shown,
        any_value(extract.is_derived) as extract_is_derived,
        any_value(extract.suppressed_parts) as extract_suppressed_parts,
        sum(extract.value) as extract_value,
        sum(extract.lower_bound) as extract_lower_bound,
        sum(extract.upper_bound) as extract_upper_bound,
        sum(coalesce(extract.suppressed_parts, if(extract.value_status = 'suppressed', 1, 0))) as suppressed
    from parts
    left join {{ extract }} as extract
        on
            parts.period = extract.period
            and parts.level_as_published = extract.org_level
            and parts.code_as_published = extract.org_code
            and extract.partner_code is null
            and parts.measure = extract.measure
            and parts.variable_type = extract.variable_type
            and parts.variable_a is not distinct from extract.variable_a
            and parts.variable_b is not distinct from extract.variable_b
    group by parts.{{ keys | join(', parts.') }}
)

select {{ keys | join(', ') }}
from sums
where
    found > named
    or found = 0
    or (
        value_status = 'not_published'
        and coalesce(value, lower_bound, upper_bound, suppressed_parts) is not null
    )
    or (comparability in ({{ without_figure }}) and value_status <> 'not_published')
    or (named > 1 and comparability not in ({{ added_up }}, {{ without_figure }}))
    or (
        value_status <> 'not_published'
        and (
            found < named
            or is_unknown
            or value_status is distinct from if(is_shown, 'published', 'suppressed')
            or value is distinct from extract_value
            -- a negative zero equals a zero, and is none
            or signbit(value) is distinct from signbit(extract_value)
            or lower_bound is distinct from extract_lower_bound
            or upper_bound is distinct from extract_upper_bound
            or if(
                comparability in ({{ added_up }}),
                statistic <> 'count'
                or is_derived is distinct from true
                or suppressed_parts is distinct from suppressed,
                is_derived is distinct from extract_is_derived
                or suppressed_parts is distinct from extract_suppressed_parts
            )
        )
    )
