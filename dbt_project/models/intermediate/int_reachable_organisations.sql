{{ config(materialized='table') }}

-- Every place that an area, or a part of it, went on to: each listed place itself, and all that came of it by the
-- successions, those of a split too. Which part went where is not known.
{% set longest_route = 6 %}
with places as (

    select
        org_level,
        org_code
    from {{ ref('organisations') }}
    where
        is_place
        and org_level in ('region', 'stp', 'icb', 'ccg', 'sub_icb')

),

successions as (

    select distinct
        predecessor_level,
        predecessor_code,
        successor_level,
        successor_code
    from {{ ref('organisation_successions') }}
    where predecessor_level <> successor_level or predecessor_code <> successor_code

),

reached_after_0 as (

    select
        org_level,
        org_code,
        org_level as reached_level,
        org_code as reached_code
    from places

){% for step in range(1, longest_route + 1) %},

reached_after_{{ step }} as (

    select * from reached_after_{{ step - 1 }}

    union distinct

    select
        reached.org_level,
        reached.org_code,
        successions.successor_level as reached_level,
        successions.successor_code as reached_code
    from reached_after_{{ step - 1 }} as reached
    inner join successions
        on
            reached.reached_level = successions.predecessor_level
            and reached.reached_code = successions.predecessor_code

){% endfor %}

select
    org_level,
    org_code,
    reached_level,
    reached_code
from reached_after_{{ longest_route }}
