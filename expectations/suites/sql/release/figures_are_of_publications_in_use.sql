-- Rows whose drop is of no publication in use, where the release has publications at all.
with publications_in_use as (
    select distinct drop_sha256
    from publications
    where state in ('present', 'superseded')
),

figures as (
    select {{ keys | join(', ') }}, drop_sha256
    from {{ batch }}
)

select figures.{{ keys | join(', figures.') }}
from figures
left join publications_in_use
    on figures.drop_sha256 = publications_in_use.drop_sha256
where
    figures.drop_sha256 is not null
    and publications_in_use.drop_sha256 is null
    and exists (select listed.state from publications as listed)
