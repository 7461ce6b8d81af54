-- Drops that released rows name and that are of no publication in use, with what else is known of them.
with known as (
    select {{ keys | join(', ') }}, state in ('present', 'superseded') as is_in_use
    from {{ batch }}
),

drops as (
    {%- for other in tables %}
    {{ 'union' if not loop.first }}
    select drop_sha256 from {{ other }}
    {%- endfor %}
)

select
    {%- for key in keys if key != 'drop_sha256' %}
    known.{{ key }},
    {%- endfor %}
    drops.drop_sha256
from drops
left join known
    on drops.drop_sha256 = known.drop_sha256
where
    drops.drop_sha256 is not null
    and known.is_in_use is distinct from true
    and exists (select listed.is_in_use from known as listed)
