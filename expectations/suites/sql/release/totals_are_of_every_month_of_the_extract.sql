-- Rolling totals that are not the sum of the extract's counts of all their months, in one unbroken series and area.
with totals as (
    select * from {{ batch }}
    where value_status <> 'not_published'
),

sums as (
    select
        totals.{{ keys | join(', totals.') }},
        any_value(totals.value) as value,
        any_value(totals.value_status) as value_status,
        any_value(totals.lower_bound) as lower_bound,
        any_value(totals.upper_bound) as upper_bound,
        any_value(totals.suppressed_parts) as suppressed_parts,
        any_value(totals.total_start) as total_start,
        any_value(totals.total_end) as total_end,
        any_value(totals.total_type) as kind,
        count(extract.measure) as months,
        bool_or(extract.value_status = 'not_published') as is_unknown,
        bool_or(extract.value_status = 'published') as is_shown,
        bool_or(days.breaks_sums and days.period_start > totals.total_start) as is_broken,
        bool_or(
            contains(coalesce(listed.boundary_moves, ''), extract.period || '-')
            and extract.period_start > totals.total_start
        ) as has_moved,
        sum(extract.value) as sum_of_values,
        sum(extract.lower_bound) as sum_of_lower_bounds,
        sum(extract.upper_bound) as sum_of_upper_bounds,
        sum(coalesce(extract.suppressed_parts, if(extract.value_status = 'suppressed', 1, 0))) as suppressed
    from totals
    left join extract_monthly as extract
        on
            totals.org_level = extract.org_level
            and totals.org_code = extract.org_code
            and totals.measure = extract.measure
            and extract.partner_code is null
            and extract.variable_type = 'Total'
            and extract.statistic = 'count'
            and extract.period_start between totals.total_start and totals.total_end
    left join dim_period as days
        on days.period_grain = 'month' and extract.period = days.period
    left join dim_organisation as listed
        on totals.org_level = listed.org_level and totals.org_code = listed.org_code
    group by totals.{{ keys | join(', totals.') }}
)

select {{ keys | join(', ') }}
from sums
where
    months is distinct from datediff('month', total_start, total_end) + 1
    or (kind = 'rolling_12_months' and months <> 12)
    or (kind = 'financial_year_to_date' and month(total_start) <> 4)
    or is_unknown
    or is_broken
    or has_moved
    or value_status is distinct from if(is_shown, 'published', 'suppressed')
    -- as text: NULL equals NULL, and a negative zero is not a zero
    or cast(value as varchar) is distinct from cast(sum_of_values as varchar)
    or lower_bound is distinct from sum_of_lower_bounds
    or upper_bound is distinct from sum_of_upper_bounds
    or suppressed_parts is distinct from suppressed
