-- Detects: two definitive drops that publish different figures for one cell, such as a month and a later time series,
-- or a file and its re-issue.
-- Why: one of them was revised, and which is believed is a rule (catalogue/precedence.yml), not knowledge.
-- A returned row is a pair of drops and a period, with the first few cells that both publish as numbers; where one of
-- them hides the figure, only how many. See which of them the publisher revised: if it is the one not believed, add a
-- dated row to catalogue/precedence.yml. What was not believed stands in marts.mart_superseded_cells.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'int_conflicting_observations'}}}) }}
with drops as (

    select * from {{ ref('stg_drops') }}
    where not is_provisional

),

believed as (

    select * from {{ ref('int_conflicting_observations') }}
    where precedence = 1

),

not_believed as (

    select * from {{ ref('int_conflicting_observations') }}
    where precedence > 1

),

pairs as (

    select
        believed.period,
        believed.series as believed_series,
        not_believed.series as other_series,
        believed.drop_sha256 as believed_drop_sha256,
        not_believed.drop_sha256 as other_drop_sha256,
        believed.value_status = 'published' and not_believed.value_status = 'published' as is_shown_by_both,
        case
            when believed.partner_code is null then believed.org_code
            else believed.org_code || ' with ' || believed.partner_code
        end
        || case when believed.variable_type = 'Total' then '' else ' ' || believed.variable_type end
        || coalesce(' ' || believed.variable_a, '') || coalesce(' ' || believed.variable_b, '')
        || ' ' || believed.measure as cell
    from not_believed
    inner join believed
        on
            {{ same_observation('not_believed', 'believed') }}
    where
        not_believed.drop_sha256 <> believed.drop_sha256
        and (
            not_believed.value_status <> believed.value_status
            or (not_believed.value_status = 'published' and not_believed.value <> believed.value)
        )

),

numbered as (

    select
        *,
        row_number() over (
            partition by period, believed_drop_sha256, other_drop_sha256
            order by case when is_shown_by_both then 0 else 1 end asc, cell asc
        ) as place
    from pairs

)

select
    numbered.period,
    numbered.believed_series,
    believed_drop.label as believed_drop,
    numbered.other_series,
    other_drop.label as other_drop,
    cast(count(*) as varchar) || case when count(*) = 1 then ' cell' else ' cells' end
    || case
        when sum(case when numbered.is_shown_by_both then 1 else 0 end) = 0 then ''
        else ', ' || {{ list_first("case when numbered.is_shown_by_both then numbered.cell end", "numbered.place") }}
    end
    || case
        when sum(case when numbered.is_shown_by_both then 0 else 1 end) = 0 then ''
        else
            '; of them, '
            || cast(sum(case when numbered.is_shown_by_both then 0 else 1 end) as varchar)
            || ' where only one publishes a number'
    end as what
from numbered
inner join drops as believed_drop
    on numbered.believed_drop_sha256 = believed_drop.drop_sha256
inner join drops as other_drop
    on numbered.other_drop_sha256 = other_drop.drop_sha256
group by numbered.period, numbered.believed_series, believed_drop.label, numbered.other_series, other_drop.label
