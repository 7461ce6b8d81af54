-- Every figure published for a quarter, at source precision, current vintage, with the line it came from.
{{ facts_at('quarter') }}
