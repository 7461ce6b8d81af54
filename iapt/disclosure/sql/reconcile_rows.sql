-- Every row of an extract beside the value of its source under the same key, and what may be released of that: those
-- that break a rule are kept.
insert into reconciled_row by name
with source_rows as (
    select
        hash({{ row_key }}) as row_key, facts.value_status, hash({{ labels }}) as labels,
        case
            when facts.statistic = 'count' and facts.value >= {{ threshold }}
                then (cast(facts.value as bigint) + {{ base }} // 2) // {{ base }} * {{ base }}
            when facts.statistic = 'percentage'
                then coalesce(exact_percentage.whole_percentage, (cast(round(facts.value * 10) as bigint) + 5) // 10)
            when facts.statistic in ('mean', 'median') then round(cast(facts.value as decimal(18, 6)), 1)
        end as expected
    from {{ facts }} as facts
    left join exact_percentage on hash({{ row_key }}) = exact_percentage.row_key
    where
        facts.is_reviewed
        and facts.statistic in ('count', 'percentage', 'mean', 'median')
        and facts.value_status <> 'not_applicable'
),

released_rows as (
    select
        hash({{ row_key }}) as row_key, statistic, value, value_status, hash({{ labels }}) as labels,
        coalesce(is_derived, false) as is_derived,
        hash({{ total_key }}) in (select declared_total.total_key from declared_total) as is_declared_total
    from {{ extract }}
),

reconciled as (
    select
        row_key, released.statistic, released.value, released.value_status, released.labels,
        coalesce(released.is_derived, false) as is_derived, released.is_declared_total,
        source.value_status as source_status, source.labels as source_labels, source.expected,
        released.row_key is null as is_missing
    from released_rows as released
    full join source_rows as source using (row_key)
)

from reconciled
where {{ violation }}
