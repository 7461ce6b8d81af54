-- Counts of an ICB, an STP or a region whose bounds do not meet those of the sum of all that belongs to it.
with rows as (
    select * from {{ batch }}
    where
        statistic = 'count'
        and {{ condition }}
        and org_level in ('region', 'stp', 'icb', 'ccg', 'sub_icb')
),

members as (
    {%- if is_current %}
    select
        days.period,
        listed.org_level,
        listed.org_code,
        if(listed.org_level = 'icb', 'region', 'icb') as parent_level,
        listed.current_parent_code as parent_code
    from (select distinct period from rows) as days
    cross join dim_organisation as listed
    where
        listed.org_level in ('icb', 'sub_icb')
        and listed.org_type = listed.org_level
        and listed.valid_to is null
        and listed.current_parent_code is not null
    {%- else %}
    select days.period, history.org_level, history.org_code, history.parent_level, history.parent_code
    from (select distinct period, period_end from rows) as days
    inner join dim_organisation_history as history
        on
            days.period_end >= history.valid_from
            and (history.valid_to is null or days.period_end <= history.valid_to)
    where history.org_level <> 'provider' and history.parent_level in ('region', 'stp', 'icb')
    {%- endif %}
),

sizes as (
    select period, parent_level, parent_code, org_level, count(*) as parts
    from members
    group by all
),

sums as (
    select
        members.parent_level,
        members.parent_code,
        members.org_level,
        rows.{{ cell | join(', rows.') }},
        count(*) as found,
        sum(rows.lower_bound) as lower_bound,
        sum(rows.upper_bound) as upper_bound
    from rows
    inner join members
        on
            rows.period = members.period
            and rows.org_level = members.org_level
            and rows.org_code = members.org_code
    where rows.value_status <> 'not_published'
    group by all
),

differences (period, org_level, org_code, more_by, less_by) as (values {{ differences }}),

reviewed_levels as (
    select distinct period, org_level from differences
)

select distinct totals.{{ keys | join(', totals.') }}
from rows as totals
inner join sums
    on
        totals.org_level = sums.parent_level
        and totals.org_code = sums.parent_code
        {%- for column in cell %}
        and totals.{{ column }} is not distinct from sums.{{ column }}
        {%- endfor %}
inner join sizes
    on
        sums.period = sizes.period
        and sums.org_level = sizes.org_level
        and sums.found = sizes.parts
        and sums.parent_level = sizes.parent_level
        and sums.parent_code = sizes.parent_code
left join reviewed_levels
    on totals.period = reviewed_levels.period and totals.org_level = reviewed_levels.org_level
left join differences
    on
        totals.org_level = differences.org_level
        and differences.period = coalesce(reviewed_levels.period, '')
        and differences.org_code = if(reviewed_levels.period is null, '', totals.org_code)
where
    totals.value_status <> 'not_published'
    and (
        totals.lower_bound > sums.upper_bound + coalesce(differences.more_by, 0)
        or totals.upper_bound < sums.lower_bound - coalesce(differences.less_by, 0)
    )
