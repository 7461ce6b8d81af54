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
  observations. They are read twice, the second time for the periods beside gaps alone: a common table that both parts
  shared would be held in memory whole.
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
        and {{ in_affected_periods(grain, 'period_start') }}

),

calendar as (

    select * from {{ ref('int_calendar') }}
    where period_grain = '{{ grain }}'

),

gaps as (

    select
        calendar.period,
        calendar.period_start,
        calendar.period_end,
        calendar.financial_year,
        calendar.previous_period,
        calendar.next_period,
        known_gaps.series
    from {{ ref('stg_gaps') }} as known_gaps
    inner join calendar
        on
            known_gaps.period_grain = calendar.period_grain
            and known_gaps.period = calendar.period
    where {{ in_affected_periods(grain, 'calendar.period_start') }}

),

-- Two equality joins, not one on either: an OR between relations is compared row by row.
periods_beside_gaps as (

    select
        gaps.*,
        calendar.period_start as neighbour_start
    from gaps
    inner join calendar
        on gaps.previous_period = calendar.period

    union all

    select
        gaps.*,
        calendar.period_start as neighbour_start
    from gaps
    inner join calendar
        on gaps.next_period = calendar.period

),

cells_beside_gaps as (

    select
        gaps.period,
        gaps.period_start,
        gaps.period_end,
        gaps.financial_year,
        neighbouring_cells.org_level,
        neighbouring_cells.org_code,
        neighbouring_cells.org_name,
        neighbouring_cells.partner_code,
        neighbouring_cells.partner_name,
        neighbouring_cells.parent_code,
        neighbouring_cells.parent_name,
        neighbouring_cells.variable_type,
        neighbouring_cells.variable_a,
        neighbouring_cells.variable_b,
        neighbouring_cells.measure,
        neighbouring_cells.measure_id,
        neighbouring_cells.statistic,
        neighbouring_cells.is_reviewed,
        gaps.series,
        row_number() over (
            partition by
                gaps.period, neighbouring_cells.org_level, neighbouring_cells.org_code, neighbouring_cells.partner_code,
                neighbouring_cells.variable_type, neighbouring_cells.variable_a, neighbouring_cells.variable_b, neighbouring_cells.measure
            order by neighbouring_cells.period_start desc
        ) as nearness
    from periods_beside_gaps as gaps
    inner join {{ ref('int_ranked_observations') }} as neighbouring_cells
        on gaps.neighbour_start = neighbouring_cells.period_start
    where
        neighbouring_cells.period_grain = '{{ grain }}'
        and neighbouring_cells.precedence = 1
        and neighbouring_cells.value_status in ('published', 'suppressed')

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
