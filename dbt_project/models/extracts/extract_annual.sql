-- What may leave of fct_annual, by the publisher's rule at every level.
{{ extract_of('fct_annual') }}
