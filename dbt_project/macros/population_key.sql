{# The columns that say which cell a figure is, its measure apart: period, organisation, partner and population. #}
{% macro population_key_columns() -%}
    {{ return(['period', 'org_level', 'org_code', 'partner_code', 'variable_type', 'variable_a', 'variable_b']) }}
{%- endmacro %}

{# Those columns of one relation, as a list for SELECT or GROUP BY. #}
{% macro population_key(relation) -%}
    {%- for column in population_key_columns() -%}
    {{ relation }}.{{ column }}{{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{# Two relations are of the same population; empty categories and partners count as equal. #}
{% macro same_population(left, right) -%}
    {%- for column in population_key_columns() %}
    {% if column in ['partner_code', 'variable_a', 'variable_b'] -%}
    coalesce({{ left }}.{{ column }}, '') = coalesce({{ right }}.{{ column }}, '')
    {%- else -%}
    {{ left }}.{{ column }} = {{ right }}.{{ column }}
    {%- endif %}
    {%- if not loop.last %} and {% endif -%}
    {%- endfor %}
{%- endmacro %}

{# The columns that say which cell of any grain a figure is, its measure with them. #}
{% macro cell_key(relation) -%}
    {{ relation }}.period_grain, {{ population_key(relation) }}, {{ relation }}.measure
{%- endmacro %}

{# Two relations are of the same population at the same grain. #}
{% macro same_population_of_grain(left, right) -%}
    {{ left }}.period_grain = {{ right }}.period_grain
    and {{ same_population(left, right) }}
{%- endmacro %}

{# Two relations are of the same cell. #}
{% macro same_cell(left, right) -%}
    {{ left }}.measure = {{ right }}.measure
    and {{ same_population_of_grain(left, right) }}
{%- endmacro %}

{# The columns that say which cell an observation is of, over all drops. #}
{% macro observation_key_columns() -%}
    {{ return([
        'period_grain', 'period_start', 'org_level', 'org_code', 'partner_code', 'variable_type', 'variable_a',
        'variable_b', 'measure',
    ]) }}
{%- endmacro %}

{# Those columns of one relation, as a list for SELECT or GROUP BY. #}
{% macro observation_key(relation) -%}
    {%- for column in observation_key_columns() -%}
    {{ relation }}.{{ column }}{{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{# Two observations are of the same cell; an empty category is not one that was published as an empty text. #}
{% macro same_observation(left, right) -%}
    {%- for column in observation_key_columns() %}
    {{ left }}.{{ column }} {{ 'is not distinct from' if column in ['partner_code', 'variable_a', 'variable_b'] else '=' }}
    {{- ' ' }}{{ right }}.{{ column }}
    {%- if not loop.last %} and {% endif -%}
    {%- endfor %}
{%- endmacro %}

{# A dated row is in force on a day; without a day it always was, or still is. #}
{% macro in_force_on(day, dated) -%}
    ({{ dated }}.valid_from is null or {{ day }} >= {{ dated }}.valid_from)
    and ({{ dated }}.valid_to is null or {{ day }} <= {{ dated }}.valid_to)
{%- endmacro %}
