-- Published wholes beside the sums of their published parts, with what rounding and suppression leave open: England
-- beside its regions, ICBs, sub-ICBs and providers; an ICB beside its sub-ICBs, where a file says which they are.
-- Each fact is read once: it is tallied by organisation (wholes) and by parent (parts), and everything else is small.
with counts as (

    {% for grain, fact in [('month', 'fct_monthly'), ('quarter', 'fct_quarterly'), ('year', 'int_annual_figures')] %}
    select
        '{{ grain }}' as period_grain,
        period,
        measure,
        org_level,
        case when org_level in ('england', 'icb') then org_code end as whole_code,
        parent_code,
        value_status,
        cast(value as bigint) as printed
    from {{ ref(fact) }}
    where
        statistic = 'count'
        and variable_type = 'Total'
        and org_level in ('england', 'region', 'stp', 'icb', 'ccg', 'sub_icb', 'provider')
        and value_status <> 'not_applicable'

    {{ 'union all' if not loop.last }}
    {% endfor %}

),

tallies as (

    select
        period_grain,
        period,
        measure,
        org_level,
        whole_code,
        parent_code,
        count(*) as organisations,
        max(value_status) as value_status,
        sum(case when value_status = 'suppressed' then 1 else 0 end) as suppressed,
        sum(case when value_status = 'not_published' then 1 else 0 end) as unpublished,
        sum(printed) as printed,
        sum({{ lower_bound_of_published('org_level', 'value_status', 'printed') }}) as smallest_value,
        sum({{ upper_bound_of_published('org_level', 'value_status', 'printed') }}) as largest_value
    from counts
    group by period_grain, period, measure, org_level, whole_code, parent_code

),

level_sums as (

    select * from {{ ref('stg_level_sums') }}
    where named_by in ('england', 'parent_code')

),

wholes as (

    select * from tallies
    where whole_code is not null

),

parts_of_england as (

    select
        period_grain,
        period,
        measure,
        org_level as part_level,
        sum(organisations) as parts,
        sum(suppressed) as suppressed_parts,
        sum(unpublished) as unpublished_parts,
        sum(printed) as sum_of_parts,
        sum(smallest_value) as lower_bound,
        sum(largest_value) as upper_bound
    from tallies
    where org_level <> 'england'
    group by period_grain, period, measure, org_level

),

parts_of_a_parent as (

    select
        period_grain,
        period,
        measure,
        org_level as part_level,
        parent_code,
        sum(organisations) as parts,
        sum(suppressed) as suppressed_parts,
        sum(unpublished) as unpublished_parts,
        sum(printed) as sum_of_parts,
        sum(smallest_value) as lower_bound,
        sum(largest_value) as upper_bound
    from tallies
    where
        org_level <> 'england'
        and parent_code is not null
    group by period_grain, period, measure, org_level, parent_code

),

reconciled as (

    select
        wholes.*,
        parts_of_england.part_level,
        parts_of_england.parts,
        parts_of_england.suppressed_parts,
        parts_of_england.unpublished_parts,
        parts_of_england.sum_of_parts,
        parts_of_england.lower_bound,
        parts_of_england.upper_bound,
        level_sums.additive,
        level_sums.evidence
    from wholes
    inner join parts_of_england
        on
            wholes.period_grain = parts_of_england.period_grain
            and wholes.period = parts_of_england.period
            and wholes.measure = parts_of_england.measure
    inner join level_sums
        on
            wholes.org_level = level_sums.whole_level
            and parts_of_england.part_level = level_sums.part_level
            and wholes.period_grain = level_sums.period_grain
            and level_sums.named_by = 'england'

    union all

    select
        wholes.*,
        parts_of_a_parent.part_level,
        parts_of_a_parent.parts,
        parts_of_a_parent.suppressed_parts,
        parts_of_a_parent.unpublished_parts,
        parts_of_a_parent.sum_of_parts,
        parts_of_a_parent.lower_bound,
        parts_of_a_parent.upper_bound,
        level_sums.additive,
        level_sums.evidence
    from wholes
    inner join parts_of_a_parent
        on
            wholes.period_grain = parts_of_a_parent.period_grain
            and wholes.period = parts_of_a_parent.period
            and wholes.measure = parts_of_a_parent.measure
            and wholes.whole_code = parts_of_a_parent.parent_code
    inner join level_sums
        on
            wholes.org_level = level_sums.whole_level
            and parts_of_a_parent.part_level = level_sums.part_level
            and wholes.period_grain = level_sums.period_grain
            and level_sums.named_by = 'parent_code'

),

compared as (

    select
        *,
        -- Nothing printed adds up to 0; nothing published adds up to nothing.
        case when parts > unpublished_parts then coalesce(sum_of_parts, 0) end as sum_of_printed_parts,
        smallest_value <= upper_bound and largest_value >= lower_bound as is_within_bounds,
        case
            when value_status = 'not_published' then 'the whole is not published'
            when unpublished_parts > 0 then 'parts that are not published: ' || cast(unpublished_parts as varchar)
            when additive <> 'yes' then 'not declared to add up: ' || evidence
        end as reason
    from reconciled

)

select
    period_grain,
    period,
    measure,
    org_level as whole_level,
    whole_code,
    part_level,
    cast(printed as bigint) as whole_value,
    value_status as whole_status,
    cast(smallest_value as bigint) as whole_lower_bound,
    cast(largest_value as bigint) as whole_upper_bound,
    cast(parts as bigint) as parts,
    cast(suppressed_parts as bigint) as suppressed_parts,
    cast(unpublished_parts as bigint) as unpublished_parts,
    cast(sum_of_printed_parts as bigint) as sum_of_parts,
    cast(lower_bound as bigint) as lower_bound,
    cast(upper_bound as bigint) as upper_bound,
    cast(sum_of_printed_parts - printed as bigint) as difference,
    is_within_bounds,
    case
        when reason is not null then 'not_comparable'
        when is_within_bounds then 'within_bounds'
        else 'beyond_bounds'
    end as agreement,
    reason
from compared
