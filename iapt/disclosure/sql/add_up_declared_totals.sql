-- Every total that may stand in an extract, added up again from its other rows, as the hash of all it declares.
insert into declared_total by name
with days as (
    select distinct period, period_start
    from {{ extract }}
),

organisations as (
    select
        days.period, days.period_start, parents.org_level as part_level, parents.org_code as part_code,
        parents.parent_level as org_level, parents.parent_code as org_code
    from seeds.organisation_parents as parents
    inner join days
        on parents.valid_from <= days.period_start and coalesce(parents.valid_to >= days.period_start, true)
    where (parents.org_level, parents.parent_level) in (('sub_icb', 'icb'), ('ccg', 'stp'))
),

memberships as (
    select period, part_level, part_code, org_level, org_code
    from organisations
    union all
    select
        organisations.period, organisations.part_level, organisations.part_code,
        regions.parent_level, regions.parent_code
    from organisations
    inner join seeds.organisation_parents as regions
        on
            organisations.org_level = regions.org_level
            and organisations.org_code = regions.org_code
            and regions.parent_level = 'region'
            and organisations.period_start >= regions.valid_from
            and coalesce(organisations.period_start <= regions.valid_to, true)
),

parts as (
    select
        *, count(distinct part_code) over (partition by period, part_level, org_level, org_code) as parts_needed
    from memberships
),

totals as (
    select
        shown.period, parts.org_level, parts.org_code, cast(null as varchar) as partner_code,
        shown.variable_type, shown.variable_a, shown.variable_b, shown.measure,
        bool_or(shown.value_status = 'not_published') as is_unknown,
        if(is_unknown, null, sum(shown.value)) as value,
        case
            when is_unknown then 'not_published'
            when bool_or(shown.value_status = 'published') then 'published'
            else 'suppressed'
        end as value_status,
        if(is_unknown, null, cast(sum(shown.lower_bound) as bigint)) as lower_bound,
        if(is_unknown, null, cast(sum(shown.upper_bound) as bigint)) as upper_bound,
        if(is_unknown, null, cast(count(*) filter (shown.value_status = 'suppressed') as integer)) as suppressed_parts
    from {{ extract }} as shown
    inner join parts
        on
            shown.period = parts.period
            and shown.org_level = parts.part_level
            and shown.org_code = parts.part_code
    inner join seeds.measures as measures
        on shown.measure = measures.measure and measures.statistic = 'count' and measures.is_additive
    where not shown.is_derived and shown.org_level in ('sub_icb', 'ccg')
    group by
        shown.period, parts.org_level, parts.org_code, shown.variable_type, shown.variable_a, shown.variable_b,
        shown.measure, parts.parts_needed
    having count(*) = parts.parts_needed
),

published as (
    select hash({{ row_key }}) as row_key
    from {{ facts }}
    where org_level in ('icb', 'stp', 'region') and statistic = 'count'
)

select hash({{ total_key }}) as total_key
from totals
where hash({{ row_key }}) not in (select published.row_key from published)
