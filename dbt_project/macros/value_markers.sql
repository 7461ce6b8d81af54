{# The marker that stands in place of a value of one status, as a literal: see `value_statuses` in dbt_project.yml. #}
{% macro value_marker(status) -%}
    '{{ var('value_statuses')[status].marker }}'
{%- endmacro %}

{# The marker that belongs to each status in a column; none beside a number. #}
{% macro render_value_marker(column) -%}
    case {{ column }}
        {%- for status, meaning in var('value_statuses').items() if meaning.marker %}
        when '{{ status }}' then '{{ meaning.marker }}'
        {%- endfor %}
    end
{%- endmacro %}
