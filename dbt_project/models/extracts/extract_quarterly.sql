-- What is released of the quarterly figures.
{{ released_at('quarter') }}
