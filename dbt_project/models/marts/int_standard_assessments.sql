-- Every published percentage beside each national standard that held throughout its period. England is judged as
-- printed; elsewhere percentages are printed whole, and one that rounding puts on either side is ambiguous.
with percentages as (

    {% for grain, fact in [('month', 'fct_monthly'), ('quarter', 'fct_quarterly'), ('year', 'int_annual_figures')] %}
    select
        '{{ grain }}' as period_grain,
        period,
        period_start,
        period_end,
        org_level,
        org_code,
        partner_code,
        variable_type,
        variable_a,
        variable_b,
        measure,
        value,
        cast(case when org_level = 'england' then 0 else 0.5 end as decimal(2, 1)) as half_width
    from {{ ref(fact) }}
    where
        statistic = 'percentage'
        and value_status = 'published'

    {{ 'union all' if not loop.last }}
    {% endfor %}

),

standards as (

    select * from {{ ref('dim_standard') }}

)

select
    percentages.period_grain,
    percentages.period,
    percentages.period_start,
    percentages.org_level,
    percentages.org_code,
    percentages.partner_code,
    percentages.variable_type,
    percentages.variable_a,
    percentages.variable_b,
    percentages.measure,
    percentages.value,
    standards.threshold,
    standards.comparison,
    standards.label,
    standards.certainty,
    {{ assess_against_standard(
        'percentages.value', 'percentages.half_width', 'standards.threshold', 'standards.comparison'
    ) }} as standard_status
from percentages
inner join standards
    on
        percentages.measure = standards.measure
        and percentages.period_start >= standards.valid_from
        and (standards.valid_to is null or percentages.period_end <= standards.valid_to)
