-- What may leave of fct_monthly, by the publisher's rule at every level.
{{ extract_of('fct_monthly') }}
