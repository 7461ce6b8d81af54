-- What a later issue of a file changed of the earlier one, a period and level a row: cells, organisations and measures
-- that it no longer has, that it has anew, and cells that say something else. Of hidden cells, counts only.
with replaced_levels as (

    select * from {{ ref('stg_replaced_levels') }}

),

conflicting_observations as (

    select * from {{ ref('int_conflicting_observations') }}

),

-- Cells of both issues. Two equality joins, not one on either: an OR between relations is compared row by row.
cells as (

    {% for column in ['drop_sha256', 'replaced_by_drop_sha256'] -%}
    select
        replaced_levels.drop_sha256,
        replaced_levels.replaced_by_drop_sha256,
        conflicting_observations.series,
        conflicting_observations.period_grain,
        conflicting_observations.period,
        conflicting_observations.org_level,
        case
            when conflicting_observations.partner_code is null then conflicting_observations.org_code
            else conflicting_observations.org_code || ' with ' || conflicting_observations.partner_code
        end as organisation,
        conflicting_observations.variable_type,
        conflicting_observations.variable_a,
        conflicting_observations.variable_b,
        conflicting_observations.measure,
        conflicting_observations.value,
        conflicting_observations.value_status,
        {{ 1 if column == 'drop_sha256' else 0 }} as in_earlier
    from conflicting_observations
    inner join replaced_levels
        on
            conflicting_observations.drop_sha256 = replaced_levels.{{ column }}
            and conflicting_observations.series = replaced_levels.series
            and conflicting_observations.period_grain = replaced_levels.period_grain
            and conflicting_observations.period_start = replaced_levels.period_start
            and conflicting_observations.org_level = replaced_levels.org_level

    {{ 'union all' if not loop.last }}
    {% endfor %}

),

compared as (

    select
        drop_sha256,
        replaced_by_drop_sha256,
        series,
        period_grain,
        period,
        org_level,
        organisation,
        measure,
        max(in_earlier) as in_earlier,
        max(1 - in_earlier) as in_later,
        case
            when count(*) = 2 and (
                min(value_status) <> max(value_status)
                or count(value) = 1
                or min(value) <> max(value)
            ) then 1 else 0
        end as is_changed
    from cells
    group by
        drop_sha256, replaced_by_drop_sha256, series, period_grain, period, org_level, organisation, variable_type,
        variable_a, variable_b, measure

),

effects as (

    select
        drop_sha256,
        replaced_by_drop_sha256,
        series,
        period_grain,
        period,
        org_level,
        'replaces_whole_file' as effect,
        sum(in_earlier) as cells_before,
        sum(in_later) as cells_after,
        sum(1 - in_later) as cells_withdrawn,
        sum(1 - in_earlier) as cells_new,
        sum(is_changed) as cells_changed
    from compared
    group by drop_sha256, replaced_by_drop_sha256, series, period_grain, period, org_level

    union all

    -- Taken for an extract: it withdraws nothing.
    select
        narrower_issues.drop_sha256,
        narrower_issues.narrower_drop_sha256 as replaced_by_drop_sha256,
        narrower_issues.series,
        narrower_issues.period_grain,
        calendar.period,
        narrower_issues.org_level,
        'adds' as effect,
        narrower_issues.cells as cells_before,
        narrower_issues.narrower_cells as cells_after,
        0 as cells_withdrawn,
        null as cells_new,
        null as cells_changed
    from {{ ref('stg_narrower_issues') }} as narrower_issues
    inner join {{ ref('int_calendar') }} as calendar
        on
            narrower_issues.period_grain = calendar.period_grain
            and narrower_issues.period_start = calendar.period_start

),

{% for subject in ['organisation', 'measure'] -%}
{% for what, issue in [('withdrawn', 'in_later'), ('new', 'in_earlier')] -%}
{{ subject }}s_{{ what }} as (

    select
        drop_sha256,
        replaced_by_drop_sha256,
        series,
        period_grain,
        period,
        org_level,
        count(*) as how_many,
        {{ list_first('code', 'place') }} as codes
    from (
        select
            drop_sha256,
            replaced_by_drop_sha256,
            series,
            period_grain,
            period,
            org_level,
            {{ subject }} as code,
            row_number() over (
                partition by drop_sha256, replaced_by_drop_sha256, series, period_grain, period, org_level
                order by {{ subject }}
            ) as place
        from compared
        group by drop_sha256, replaced_by_drop_sha256, series, period_grain, period, org_level, {{ subject }}
        having sum({{ issue }}) = 0
    ) as listed
    group by drop_sha256, replaced_by_drop_sha256, series, period_grain, period, org_level

),

{% endfor -%}
{% endfor -%}
drops as (

    select * from {{ ref('stg_drops') }}

)

select
    effects.series,
    effects.period_grain,
    effects.period,
    effects.org_level,
    effects.effect,
    earlier_drop.label as replaced,
    later_drop.label as replaced_by,
    cast(effects.cells_before as bigint) as cells_before,
    cast(effects.cells_after as bigint) as cells_after,
    cast(effects.cells_withdrawn as bigint) as cells_withdrawn,
    cast(effects.cells_new as bigint) as cells_new,
    cast(effects.cells_changed as bigint) as cells_changed,
    later_drop.quarantined_cells as cells_quarantined_in_later_drop,
    cast(coalesce(organisations_withdrawn.how_many, 0) as bigint) as count_organisations_withdrawn,
    organisations_withdrawn.codes as organisations_withdrawn,
    cast(coalesce(organisations_new.how_many, 0) as bigint) as count_organisations_new,
    organisations_new.codes as organisations_new,
    cast(coalesce(measures_withdrawn.how_many, 0) as bigint) as count_measures_withdrawn,
    measures_withdrawn.codes as measures_withdrawn,
    cast(coalesce(measures_new.how_many, 0) as bigint) as count_measures_new,
    measures_new.codes as measures_new,
    effects.drop_sha256,
    effects.replaced_by_drop_sha256
from effects
inner join drops as earlier_drop
    on effects.drop_sha256 = earlier_drop.drop_sha256
inner join drops as later_drop
    on effects.replaced_by_drop_sha256 = later_drop.drop_sha256
{% for subject in ['organisation', 'measure'] -%}
{% for what in ['withdrawn', 'new'] -%}
left join {{ subject }}s_{{ what }}
    on
        effects.drop_sha256 = {{ subject }}s_{{ what }}.drop_sha256
        and effects.replaced_by_drop_sha256 = {{ subject }}s_{{ what }}.replaced_by_drop_sha256
        and effects.series = {{ subject }}s_{{ what }}.series
        and effects.period_grain = {{ subject }}s_{{ what }}.period_grain
        and effects.period = {{ subject }}s_{{ what }}.period
        and effects.org_level = {{ subject }}s_{{ what }}.org_level
{% endfor -%}
{% endfor %}
