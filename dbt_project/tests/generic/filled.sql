{#
  Fails on every row in which one of the columns is empty: not_null for several columns of a view in one reading.
  A returned row is such a row, with its columns.
#}
{% test filled(model, columns) %}
select {{ columns | join(', ') }}
from {{ model }}
where
    {% for column in columns -%}
    {{ 'or ' if not loop.first }}{{ column }} is null
    {% endfor %}
{% endtest %}
