-- How complete and valid the data of each organisation are, item by item, as the monthly data quality files have it:
-- whole records, not patients. A submission item says by 0 or 1 whether the organisation sent a table at all.
with figures as (

    select * from {{ ref('stg_observations') }}
    where
        series = 'data_quality'
        and duplicate_of_row is null

),

drops as (

    select * from {{ ref('stg_drops') }}

),

-- A month can be issued again. An item is then that of one file, the one believed: definitive, revised, kept last.
ranked as (

    select
        figures.*,
        dense_rank() over (
            partition by
                figures.period_grain, figures.period_start, figures.org_level, figures.org_code,
                figures.variable_type, figures.variable_a, figures.variable_b
            order by drops.is_provisional asc, drops.revision desc, drops.sequence desc
        ) as precedence
    from figures
    inner join drops
        on figures.drop_sha256 = drops.drop_sha256

),

calendar as (

    select * from {{ ref('int_calendar') }}

),

items as (

    select
        period_grain,
        period_start,
        org_level,
        org_code,
        variable_type as data_table,
        variable_a as item_uid,
        variable_b as data_item,
        {% for column in ['valid', 'default', 'invalid', 'missing', 'denominator'] -%}
        max(case when lower(measure_name) like '{{ column }}%' then value end) as {{ column }}_records,
        max(case when lower(measure_name) like '{{ column }}%' then value_status end) as {{ column }}_status,
        {% endfor -%}
        max(drop_sha256) as drop_sha256
    from ranked
    where precedence = 1
    group by period_grain, period_start, org_level, org_code, variable_type, variable_a, variable_b

)

select
    calendar.period,
    calendar.period_start,
    calendar.period_end,
    calendar.financial_year,
    items.org_level,
    items.org_code,
    organisations.org_name,
    coalesce(organisations.org_type, 'unknown') as org_type,
    items.data_table,
    items.item_uid,
    items.data_item,
    items.data_item like '%Submission' as is_submission,
    {% for column in ['valid', 'default', 'invalid', 'missing', 'denominator'] -%}
    items.{{ column }}_records,
    items.{{ column }}_status,
    {% endfor -%}
    items.drop_sha256
from items
inner join calendar
    on
        items.period_grain = calendar.period_grain
        and items.period_start = calendar.period_start
left join {{ ref('dim_organisation') }} as organisations
    on
        items.org_level = organisations.org_level
        and items.org_code = organisations.org_code
