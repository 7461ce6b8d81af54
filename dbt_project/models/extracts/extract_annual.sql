-- What is released of the annual figures.
{{ released_at('year') }}
