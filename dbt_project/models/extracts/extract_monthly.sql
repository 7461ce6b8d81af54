-- What is released of the monthly figures, and the counts of ICBs and regions that are sums of it.
{{ released_at('month') }}
union all
select * from {{ ref('int_derived_monthly_totals') }}
