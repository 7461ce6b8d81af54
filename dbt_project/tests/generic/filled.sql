{#
  Fails on every row in which one of the columns is empty or blank: not_null for several columns in one reading.
  A returned row is such a row, with its columns.
#}
{% test filled(model, columns) %}
select {{ columns | join(', ') }}
from {{ model }}
where
    {% for column in columns -%}
    {{ 'or ' if not loop.first }}{{ column }} is null
    or trim(cast({{ column }} as {{ dbt.type_string() }})) = ''
    {% endfor %}
{% endtest %}
