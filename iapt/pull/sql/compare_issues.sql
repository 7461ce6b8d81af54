-- What became of each cell from one issue of a publication to the next, counted. Figures are compared, not texts: `20.0` is `20`.
with earlier as (

    select
        {key},
        any_value(value) as value,
        any_value(value_status) as value_status
    from read_parquet($earlier)
    group by all

),

later as (

    select
        {key},
        any_value(value) as value,
        any_value(value_status) as value_status
    from read_parquet($later)
    group by all

),

compared as (

    select
        earlier.value_status as earlier_status,
        later.value_status as later_status,
        earlier.value is distinct from later.value as is_other_value
    from earlier
    full outer join later
        on {same_key}

)

select
    count(earlier_status) as earlier_cells,
    count(later_status) as later_cells,
    count(*) filter (where earlier_status is null) as added,
    count(*) filter (where later_status is null) as withdrawn,
    count(*) filter (where earlier_status = 'published' and later_status = 'suppressed') as newly_suppressed,
    count(*) filter (where earlier_status = 'suppressed' and later_status = 'published') as shown_again,
    count(*) filter (
        where
            earlier_status is not null
            and later_status is not null
            and (earlier_status <> later_status or is_other_value)
            and not (earlier_status = 'published' and later_status = 'suppressed')
            and not (earlier_status = 'suppressed' and later_status = 'published')
    ) as changed
from compared
