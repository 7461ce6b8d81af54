{{ config(materialized='view') }}

-- Every figure published for a financial year, at source precision, current vintage, with the line it came from; and
-- the cells that do not apply, straight from the observations. Asking for other statuses only never reads those.
with figures as (

    select * from {{ ref('int_annual_figures') }}

),

not_applicable as (

    select
        {{ fact_columns() | join(',\n        ') | replace('value_status', "'not_applicable' as value_status") }}
    from {{ ref('int_ranked_observations') }}
    where
        period_grain = 'year'
        and precedence = 1
        and value_status = 'not_applicable'

)

select * from figures
union all
select * from not_applicable
