{{ config(materialized='view') }}

-- Every figure published for a financial year, at source precision, current vintage, with the line it came from; and the cells
-- that do not apply, straight from the observations. Asking for other statuses only never reads those.
with figures as (

    select * from {{ ref('int_annual_figures') }}

),

not_applicable as (

    select
        {% for column in fact_columns() -%}
        {{ "'not_applicable' as value_status" if column == 'value_status' else column }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ ref('int_ranked_observations') }}
    where
        period_grain = 'year'
        and precedence = 1
        and value_status = 'not_applicable'

)

select * from figures
union all
select * from not_applicable
