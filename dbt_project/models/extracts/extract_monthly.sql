-- What may leave of the monthly figures, and the counts of ICBs and regions that are sums of it.
{{ extract_of('fct_monthly') }}
union all
select * from {{ ref('int_derived_monthly_totals') }}
