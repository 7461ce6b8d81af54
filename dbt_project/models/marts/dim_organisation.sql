-- Every organisation that the reviewed lists name or a drop publishes, at each level: under its newest published name
-- with the older ones kept, else the list's; what came before and after it, whom it belonged to, and what covers it
-- today. A pair (commissioner and provider) is two organisations. One without any name goes by its code.
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

),

published as (

    select
        org_level,
        org_code,
        max(case when newness = 1 then org_name end) as org_name,
        {{ dbt.listagg("case when newness > 1 then org_name end", "'; '", "order by newness") }} as former_names,
        min(first_period_start) as first_period_start,
        max(last_period_start) as last_period_start
    from ranked_names
    group by org_level, org_code

),

listed_organisations as (

    select * from {{ ref('organisations') }}

),

listed_or_published as (

    select
        coalesce(published.org_level, listed_organisations.org_level) as org_level,
        coalesce(published.org_code, listed_organisations.org_code) as org_code,
        coalesce(published.org_name, listed_organisations.org_name, published.org_code) as org_name,
        published.former_names,
        published.first_period_start,
        published.last_period_start,
        published.org_code is not null as is_in_drops,
        case
            when listed_organisations.org_code is null then 'unknown'
            when not listed_organisations.is_place then 'placeholder'
            else listed_organisations.org_level
        end as org_type,
        listed_organisations.ons_code,
        listed_organisations.valid_from,
        listed_organisations.valid_to
    from listed_organisations
    full outer join published
        on
            listed_organisations.org_level = published.org_level
            and listed_organisations.org_code = published.org_code

),

-- A boundary that moves under the same code is in the lists as a succession to itself: nothing came before or after.
successions as (

    select * from {{ ref('organisation_successions') }}
    where predecessor_level <> successor_level or predecessor_code <> successor_code

),

predecessors as (

    select
        successor_level as org_level,
        successor_code as org_code,
        {{ dbt.listagg("predecessor_code", "'; '", "order by predecessor_code") }} as predecessors
    from successions
    group by successor_level, successor_code

),

successors as (

    select
        predecessor_level as org_level,
        predecessor_code as org_code,
        {{ dbt.listagg("successor_code", "'; '", "order by successor_code") }} as successors
    from successions
    group by predecessor_level, predecessor_code

),

-- The days on which its area changed: a line that moved under its code, or an end as something of another area.
days_of_change as (

    select distinct
        predecessor_level as org_level,
        predecessor_code as org_code,
        changed_on
    from {{ ref('organisation_successions') }}
    where not is_comparable

),

boundary_moves as (

    select
        org_level,
        org_code,
        {{ dbt.listagg("cast(changed_on as varchar)", "'; '", "order by changed_on") }} as boundary_moves
    from days_of_change
    group by org_level, org_code

),

parents as (

    select
        *,
        row_number() over (partition by org_level, org_code order by valid_from desc) as newness
    from {{ ref('organisation_parents') }}

),

last_parents as (

    select * from parents
    where newness = 1

),

current_parents as (

    select * from parents
    where valid_to is null

),

current_regions as (

    select
        org_level,
        org_code,
        org_code as region_code
    from listed_organisations
    where
        org_level = 'region'
        and valid_to is null
        and is_place

    union all

    select
        org_level,
        org_code,
        parent_code as region_code
    from current_parents
    where parent_level = 'region'

    union all

    select
        current_parents.org_level,
        current_parents.org_code,
        grandparents.parent_code as region_code
    from current_parents
    inner join current_parents as grandparents
        on
            current_parents.parent_level = grandparents.org_level
            and current_parents.parent_code = grandparents.org_code
            and grandparents.parent_level = 'region'

),

current_organisations as (

    select * from {{ ref('int_organisation_current') }}

)

select
    organisations.org_level,
    organisations.org_code,
    organisations.org_name,
    organisations.former_names,
    organisations.first_period_start,
    organisations.last_period_start,
    organisations.org_type,
    organisations.is_in_drops,
    organisations.ons_code,
    organisations.valid_from,
    organisations.valid_to,
    predecessors.predecessors,
    successors.successors,
    last_parents.parent_level,
    last_parents.parent_code,
    last_parent_names.org_name as parent_name,
    current_parents.parent_code as current_parent_code,
    current_parent_names.org_name as current_parent_name,
    current_regions.region_code as current_region_code,
    current_region_names.org_name as current_region_name,
    current_organisations.current_level,
    current_organisations.current_code,
    current_names.org_name as current_name,
    coalesce(current_organisations.comparability, 'not_known') as current_comparability,
    current_organisations.boundary_moved_on,
    current_organisations.certainty as current_certainty,
    boundary_moves.boundary_moves
from listed_or_published as organisations
left join predecessors
    on
        organisations.org_level = predecessors.org_level
        and organisations.org_code = predecessors.org_code
left join successors
    on
        organisations.org_level = successors.org_level
        and organisations.org_code = successors.org_code
left join last_parents
    on
        organisations.org_level = last_parents.org_level
        and organisations.org_code = last_parents.org_code
left join listed_or_published as last_parent_names
    on
        last_parents.parent_level = last_parent_names.org_level
        and last_parents.parent_code = last_parent_names.org_code
left join current_organisations
    on
        organisations.org_level = current_organisations.org_level
        and organisations.org_code = current_organisations.org_code
left join listed_or_published as current_names
    on
        current_organisations.current_level = current_names.org_level
        and current_organisations.current_code = current_names.org_code
left join boundary_moves
    on
        organisations.org_level = boundary_moves.org_level
        and organisations.org_code = boundary_moves.org_code
left join current_parents
    on
        current_organisations.current_level = current_parents.org_level
        and current_organisations.current_code = current_parents.org_code
left join listed_or_published as current_parent_names
    on
        current_parents.parent_level = current_parent_names.org_level
        and current_parents.parent_code = current_parent_names.org_code
left join current_regions
    on
        current_organisations.current_level = current_regions.org_level
        and current_organisations.current_code = current_regions.org_code
left join listed_or_published as current_region_names
    on
        current_regions.region_code = current_region_names.org_code
        and current_region_names.org_level = 'region'
