{#
  Fails on every combination of columns that stands more than once; empty cells count as equal.
  A returned row is a key that two figures share.
#}
{% test unique_combination(model, columns) %}
select
    {{ columns | join(', ') }},
    count(*) as repeats
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
