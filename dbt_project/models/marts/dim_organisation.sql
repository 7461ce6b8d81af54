-- Every organisation that appears in a drop, at each level, under its newest name with the older ones kept.
-- A pair (commissioner and provider) is two organisations. One never published with a name goes by its code.
with appearances as (

    {% for fact in ['fct_monthly', 'fct_quarterly', 'int_annual_figures'] %}
    select
        org_level,
        org_code,
        org_name,
        partner_code,
        partner_name,
        min(period_start) as first_period_start,
        max(period_start) as last_period_start
    from {{ ref(fact) }}
    where drop_sha256 is not null
    group by org_level, org_code, org_name, partner_code, partner_name

    {{ 'union all' if not loop.last }}
    {% endfor %}

),

organisations as (

    select
        case org_level
            when 'sub_icb_provider' then 'sub_icb'
            when 'ccg_provider' then 'ccg'
            else org_level
        end as org_level,
        org_code,
        org_name,
        first_period_start,
        last_period_start
    from appearances

    union all

    select
        'provider' as org_level,
        partner_code as org_code,
        partner_name as org_name,
        first_period_start,
        last_period_start
    from appearances
    where partner_code is not null

),

names as (

    select
        org_level,
        org_code,
        org_name,
        min(first_period_start) as first_period_start,
        max(last_period_start) as last_period_start
    from organisations
    group by org_level, org_code, org_name

),

ranked_names as (

    select
        *,
        row_number() over (
            partition by org_level, org_code
            order by
                case when org_name is null then 1 else 0 end asc,
                last_period_start desc,
                first_period_start desc,
                org_name asc
        ) as newness
    from names

)

select
    org_level,
    org_code,
    coalesce(max(case when newness = 1 then org_name end), org_code) as org_name,
    {{ dbt.listagg("case when newness > 1 then org_name end", "'; '", "order by newness") }} as former_names,
    min(first_period_start) as first_period_start,
    max(last_period_start) as last_period_start
from ranked_names
group by org_level, org_code
