{# Integer division, for rounding without floating point. Engines spell it differently. #}
{% macro integer_divide(dividend, divisor) -%}
    {{ return(adapter.dispatch('integer_divide')(dividend, divisor)) }}
{%- endmacro %}

{% macro default__integer_divide(dividend, divisor) -%}
    cast(floor(cast({{ dividend }} as decimal(38, 0)) / ({{ divisor }})) as bigint)
{%- endmacro %}

{% macro duckdb__integer_divide(dividend, divisor) -%}
    (({{ dividend }}) // ({{ divisor }}))
{%- endmacro %}

{% macro spark__integer_divide(dividend, divisor) -%}
    (({{ dividend }}) div ({{ divisor }}))
{%- endmacro %}

{# A whole count to the nearest 5 (an integer never ties). Source: the publisher's rule, disclosure notes 6. #}
{% macro nearest_five(count) -%}
    ({{ integer_divide(count ~ ' + 2', '5') }} * 5)
{%- endmacro %}

{# numerator / denominator as a whole percentage, half up, from exact integers only. #}
{% macro whole_percentage(numerator, denominator) -%}
    {{ integer_divide('200 * (' ~ numerator ~ ') + (' ~ denominator ~ ')', '2 * (' ~ denominator ~ ')') }}
{%- endmacro %}

{#
  Round half away from zero at a number of decimals, through a decimal: a double would round what it cannot hold. It comes
  back as a double, since a decimal that meets a wide integer in a CASE or COALESCE loses its decimals.
#}
{% macro round_half_away(value, decimals) -%}
    cast(round(cast({{ value }} as decimal(18, 6)), {{ decimals }}) as double)
{%- endmacro %}
