{{ config(materialized='incremental', incremental_strategy='replace_periods', on_schema_change='fail') }}

-- Counts of ICBs and regions for months, which the monthly files print for sub-ICB locations only; before July 2022 of
-- STPs, from CCGs. Sums of the rounded counts that are released, with exact bounds: whole or not at all, so a body is
-- left out of a month in which one of its locations has no row, or to which one may have belonged whose parent no list
-- names. Never a percentage: none can be made from rounded counts.
with parents as (

    select
        *,
        coalesce(valid_to, {{ open_ended_date() }}) as last_day
    from {{ ref('organisation_parents') }}

),

policy as (

    select * from {{ ref('stg_disclosure_policy') }}

),

additive_counts as (

    select * from {{ ref('measures') }}
    where
        statistic = 'count'
        and is_additive

),

commissioner_counts as (

    select
        fact.period,
        fact.period_start,
        fact.period_end,
        fact.financial_year,
        fact.org_level,
        fact.org_code,
        fact.variable_type,
        fact.variable_a,
        fact.variable_b,
        fact.measure,
        fact.measure_id,
        fact.statistic,
        {{ count_to_release('fact.value', 'fact.value_status', 'policy') }}
    from {{ ref('fct_monthly') }} as fact
    inner join additive_counts
        on fact.measure = additive_counts.measure
    cross join policy
    where
        fact.org_level in ('sub_icb', 'ccg')
        and fact.value_status <> 'not_applicable'
        and fact.is_reviewed
        and {{ in_affected_periods('month', 'fact.period_start', organisations=ref('dim_organisation')) }}

),

months as (

    select distinct
        period,
        period_start,
        period_end
    from commissioner_counts

),

parts_of_stps_and_icbs as (

    select
        months.period,
        months.period_start,
        parents.org_level,
        parents.org_code,
        parents.parent_level as total_level,
        parents.parent_code as total_code,
        1 as is_listed
    from months
    inner join parents
        on months.period_start between parents.valid_from and parents.last_day
    where
        parents.org_level in ('sub_icb', 'ccg')
        and parents.parent_level in ('icb', 'stp')

    union all

    select
        months.period,
        months.period_start,
        possible_parents.org_level,
        possible_parents.org_code,
        possible_parents.parent_level as total_level,
        possible_parents.parent_code as total_code,
        0 as is_listed
    from months
    inner join {{ ref('int_location_parents') }} as possible_parents
        on months.period_end = possible_parents.as_of
    where not possible_parents.is_certain

),

parts_of_regions as (

    select
        parts_of_stps_and_icbs.period,
        parts_of_stps_and_icbs.period_start,
        parts_of_stps_and_icbs.org_level,
        parts_of_stps_and_icbs.org_code,
        parents.parent_level as total_level,
        parents.parent_code as total_code,
        parts_of_stps_and_icbs.is_listed
    from parts_of_stps_and_icbs
    inner join parents
        on
            parts_of_stps_and_icbs.total_level = parents.org_level
            and parts_of_stps_and_icbs.total_code = parents.org_code
            and parts_of_stps_and_icbs.period_start between parents.valid_from and parents.last_day
    where parents.parent_level = 'region'

),

parts_of_totals as (

    select * from parts_of_stps_and_icbs
    union all
    select * from parts_of_regions

),

total_sizes as (

    select
        period,
        total_level,
        total_code,
        org_level,
        count(*) as parts
    from parts_of_totals
    group by period, total_level, total_code, org_level
    having min(is_listed) = 1

),

sums as (

    select
        counts.period,
        counts.period_start,
        counts.period_end,
        counts.financial_year,
        parts.total_level as org_level,
        parts.total_code as org_code,
        counts.variable_type,
        counts.variable_a,
        counts.variable_b,
        counts.measure,
        counts.measure_id,
        counts.statistic,
        total_sizes.parts,
        count(*) as parts_available,
        {{ sum_of_parts('counts') }}
    from commissioner_counts as counts
    inner join parts_of_totals as parts
        on
            counts.period = parts.period
            and counts.org_level = parts.org_level
            and counts.org_code = parts.org_code
    inner join total_sizes
        on
            parts.period = total_sizes.period
            and parts.total_level = total_sizes.total_level
            and parts.total_code = total_sizes.total_code
            and parts.org_level = total_sizes.org_level
    group by
        counts.period, counts.period_start, counts.period_end, counts.financial_year,
        parts.total_level, parts.total_code, counts.variable_type, counts.variable_a, counts.variable_b,
        counts.measure, counts.measure_id, counts.statistic, total_sizes.parts

),

organisations as (

    select * from {{ ref('dim_organisation') }}

),

-- What the publisher prints of a body itself is believed before any sum.
published as (

    select * from {{ ref('fct_monthly') }}
    where
        statistic = 'count'
        and org_level in ('icb', 'stp', 'region')

)

select
    sums.period,
    sums.period_start,
    sums.period_end,
    sums.financial_year,
    sums.org_level,
    sums.org_code,
    organisations.org_name,
    organisations.org_type,
    cast(null as varchar) as partner_code,
    cast(null as varchar) as partner_name,
    sums.variable_type,
    sums.variable_a,
    sums.variable_b,
    sums.measure,
    sums.measure_id,
    sums.statistic,
    sums.value,
    sums.value_status,
    sums.value_marker,
    true as is_derived,
    sums.lower_bound,
    sums.upper_bound,
    sums.suppressed_parts,
    cast(null as varchar) as drop_sha256
from sums
inner join organisations
    on
        sums.org_level = organisations.org_level
        and sums.org_code = organisations.org_code
left join published
    on
        sums.measure = published.measure
        and sums.period = published.period
        and sums.org_level = published.org_level
        and sums.org_code = published.org_code
        and sums.variable_type = published.variable_type
        and coalesce(sums.variable_a, '') = coalesce(published.variable_a, '')
        and coalesce(sums.variable_b, '') = coalesce(published.variable_b, '')
where
    sums.parts_available = sums.parts
    and published.measure is null
