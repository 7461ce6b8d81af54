{# The day that stands for "still in force": later than every day on which anything changed or was counted. #}
{% macro open_ended_date() -%} cast('9999-12-31' as date) {%- endmacro %}
