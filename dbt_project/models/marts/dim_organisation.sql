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

listed as (

    select * from {{ ref('organisations') }}

),

listed_or_published as (

    select
        coalesce(published.org_level, listed.org_level) as org_level,
        coalesce(published.org_code, listed.org_code) as org_code,
        coalesce(published.org_name, listed.org_name, published.org_code) as org_name,
        published.former_names,
        published.first_period_start,
        published.last_period_start,
        published.org_code is not null as is_in_drops,
        case
            when listed.org_code is null then 'unknown'
            when not listed.is_place then 'placeholder'
            else listed.org_level
        end as org_type,
        listed.ons_code,
        listed.valid_from,
        listed.valid_to
    from listed
    full outer join published
        on
            listed.org_level = published.org_level
            and listed.org_code = published.org_code

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

parents_today as (

    select * from parents
    where valid_to is null

),

regions_today as (

    select
        org_level,
        org_code,
        org_code as region_code
    from listed
    where
        org_level = 'region'
        and valid_to is null
        and is_place

    union all

    select
        org_level,
        org_code,
        parent_code as region_code
    from parents_today
    where parent_level = 'region'

    union all

    select
        parents_today.org_level,
        parents_today.org_code,
        grandparents.parent_code as region_code
    from parents_today
    inner join parents_today as grandparents
        on
            parents_today.parent_level = grandparents.org_level
            and parents_today.parent_code = grandparents.org_code
            and grandparents.parent_level = 'region'

),

today as (

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
    last_bodies.org_name as parent_name,
    parents_today.parent_code as current_parent_code,
    bodies_today.org_name as current_parent_name,
    regions_today.region_code as current_region_code,
    names_of_regions.org_name as current_region_name,
    today.current_level,
    today.current_code,
    organisations_today.org_name as current_name,
    coalesce(today.comparability, 'not_known') as current_comparability,
    today.boundary_moved_on,
    today.certainty as current_certainty,
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
left join listed_or_published as last_bodies
    on
        last_parents.parent_level = last_bodies.org_level
        and last_parents.parent_code = last_bodies.org_code
left join today
    on
        organisations.org_level = today.org_level
        and organisations.org_code = today.org_code
left join listed_or_published as organisations_today
    on
        today.current_level = organisations_today.org_level
        and today.current_code = organisations_today.org_code
left join boundary_moves
    on
        organisations.org_level = boundary_moves.org_level
        and organisations.org_code = boundary_moves.org_code
left join parents_today
    on
        today.current_level = parents_today.org_level
        and today.current_code = parents_today.org_code
left join listed_or_published as bodies_today
    on
        parents_today.parent_level = bodies_today.org_level
        and parents_today.parent_code = bodies_today.org_code
left join regions_today
    on
        today.current_level = regions_today.org_level
        and today.current_code = regions_today.org_code
left join listed_or_published as names_of_regions
    on
        regions_today.region_code = names_of_regions.org_code
        and names_of_regions.org_level = 'region'
