{# The columns of every fact, in order. #}
{% macro fact_columns() -%}
    {{ return([
        'period', 'period_start', 'period_end', 'financial_year',
        'org_level', 'org_code', 'org_name', 'partner_code', 'partner_name', 'parent_code', 'parent_name',
        'variable_type', 'variable_a', 'variable_b',
        'measure', 'measure_id', 'statistic', 'is_reviewed',
        'value', 'value_status', 'value_as_published',
        'series', 'drop_sha256', 'source_member', 'source_row', 'source_column',
    ]) }}
{%- endmacro %}

{#
  The facts of one grain: the believed observation of every cell, and an explicit not_published row for every cell of a
  known gap: each organisation, population and measure that the period before or after published. `only` narrows the
  observations.
#}
{% macro facts_at(grain, only='true') %}
with observed as (

    select
        {{ fact_columns() | join(',\n        ') }}
    from {{ ref('int_ranked_observations') }}
    where
        period_grain = '{{ grain }}'
        and precedence = 1
        and {{ only }}

),

gaps as (

    select
        calendar.period,
        calendar.period_start,
        calendar.period_end,
        calendar.financial_year,
        calendar.previous_period,
        calendar.next_period,
        gaps.series
    from {{ ref('stg_gaps') }} as gaps
    inner join {{ ref('int_calendar') }} as calendar
        on
            gaps.period_grain = calendar.period_grain
            and gaps.period = calendar.period
    where gaps.period_grain = '{{ grain }}'

),

cells_beside_gaps as (

    select
        gaps.period,
        gaps.period_start,
        gaps.period_end,
        gaps.financial_year,
        observed.org_level,
        observed.org_code,
        observed.org_name,
        observed.partner_code,
        observed.partner_name,
        observed.parent_code,
        observed.parent_name,
        observed.variable_type,
        observed.variable_a,
        observed.variable_b,
        observed.measure,
        observed.measure_id,
        observed.statistic,
        observed.is_reviewed,
        gaps.series,
        row_number() over (
            partition by
                gaps.period, observed.org_level, observed.org_code, observed.partner_code,
                observed.variable_type, observed.variable_a, observed.variable_b, observed.measure
            order by observed.period_start desc
        ) as nearness
    from gaps
    inner join observed
        on observed.period in (gaps.previous_period, gaps.next_period)
    where observed.value_status in ('published', 'suppressed')

),

never_published as (

    select
        period,
        period_start,
        period_end,
        financial_year,
        org_level,
        org_code,
        org_name,
        partner_code,
        partner_name,
        parent_code,
        parent_name,
        variable_type,
        variable_a,
        variable_b,
        measure,
        measure_id,
        statistic,
        is_reviewed,
        cast(null as double) as value,
        'not_published' as value_status,
        cast(null as varchar) as value_as_published,
        series,
        cast(null as varchar) as drop_sha256,
        cast(null as varchar) as source_member,
        cast(null as bigint) as source_row,
        cast(null as varchar) as source_column
    from cells_beside_gaps
    where nearness = 1

)

select * from observed
union all
select * from never_published
{% endmacro %}
