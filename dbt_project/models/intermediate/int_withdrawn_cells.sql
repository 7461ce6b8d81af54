{{ config(materialized='table') }}

-- Cells of a replaced drop that the issue which replaces it no longer has: the publisher withdrew them. Each grain is
-- asked for by itself: where nothing of a grain is replaced, its observations are not read at all.
with replaced_levels as (

    select * from {{ ref('stg_replaced_levels') }}

),

replacing_levels as (

    select distinct
        series,
        period_grain,
        period_start,
        org_level,
        replaced_by_drop_sha256
    from replaced_levels

),

replaced as (

    {% for grain in ['month', 'quarter', 'year'] -%}
    select
        measured.series,
        {{ observation_key('measured') }},
        measured.drop_sha256,
        replaced_levels.replaced_by_drop_sha256 as withdrawn_by_drop_sha256
    from {{ ref('int_observations_with_measures') }} as measured
    inner join replaced_levels
        on
            measured.drop_sha256 = replaced_levels.drop_sha256
            and measured.series = replaced_levels.series
            and measured.period_start = replaced_levels.period_start
            and measured.org_level = replaced_levels.org_level
    where
        measured.period_grain = '{{ grain }}'
        and replaced_levels.period_grain = '{{ grain }}'
        and measured.duplicate_of_row is null

    {{ 'union all' if not loop.last }}
    {% endfor %}

),

replacing as (

    {% for grain in ['month', 'quarter', 'year'] -%}
    select
        {{ observation_key('measured') }},
        measured.drop_sha256
    from {{ ref('int_observations_with_measures') }} as measured
    inner join replacing_levels
        on
            measured.drop_sha256 = replacing_levels.replaced_by_drop_sha256
            and measured.series = replacing_levels.series
            and measured.period_start = replacing_levels.period_start
            and measured.org_level = replacing_levels.org_level
    where
        measured.period_grain = '{{ grain }}'
        and replacing_levels.period_grain = '{{ grain }}'
        and measured.duplicate_of_row is null

    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    replaced.series,
    {{ observation_key('replaced') }},
    replaced.drop_sha256,
    replaced.withdrawn_by_drop_sha256
from replaced
left join replacing
    on
        {{ same_observation('replaced', 'replacing') }}
        and replaced.withdrawn_by_drop_sha256 = replacing.drop_sha256
where replacing.drop_sha256 is null
