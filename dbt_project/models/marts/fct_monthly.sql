-- Every figure published for a month, at source precision, current vintage, with the line it came from.
{{ facts_at('month') }}
