-- Keys of more than one row. Hashes are compared first: few rows are left whose keys must be grouped.
with repeated_hashes as (
    select hash({{ keys | join(', ') }}) as key_hash
    from {{ table }}
    group by key_hash
    having count(*) > 1
)

select {{ keys | join(', ') }}
from {{ batch }}
where hash({{ keys | join(', ') }}) in (from repeated_hashes)
group by {{ keys | join(', ') }}
having count(*) > 1
