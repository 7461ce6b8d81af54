-- What may leave of fct_quarterly, by the publisher's rule at every level.
{{ extract_of('fct_quarterly') }}
