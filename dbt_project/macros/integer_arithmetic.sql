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

{# A whole count to the nearest multiple of a base, half up. Source: the publisher's rule, docs/sources.md#rounding-and-suppression. #}
{% macro round_to_multiple(count, base) -%}
    ({{ integer_divide(count ~ ' + ' ~ integer_divide(base, '2'), base) }} * {{ base }})
{%- endmacro %}

{# How many steps of so many decimals make 1: 10 steps of 0.1. The facts are read at six decimals. #}
{% macro steps_in_one(decimals) -%}
    case {{ decimals }}{% for power in range(7) %} when {{ power }} then {{ 10 ** power }}{% endfor %} end
{%- endmacro %}

{#
  numerator / denominator as a percentage, half up, from exact integers only: the number of steps is whole, and the double
  nearest to it is the last thing made.
#}
{% macro exact_percentage(numerator, denominator, steps) -%}
    cast({{ integer_divide(
        '200 * ' ~ steps ~ ' * (' ~ numerator ~ ') + (' ~ denominator ~ ')', '2 * (' ~ denominator ~ ')'
    ) }} as double) / {{ steps }}
{%- endmacro %}

{#
  A figure rounded half away from zero to a number of steps. It is read as a decimal, since a double would round what it
  cannot hold, and counted in millionths, since engines round a decimal to a constant number of places only. The sign is
  put back on an integer: a double would keep it on a zero.
#}
{% macro round_half_away(value, steps) -%}
    {%- set millionths = 'abs(cast(cast(' ~ value ~ ' as decimal(18, 6)) * 1000000 as bigint))' -%}
    cast(
        case when {{ value }} < 0 then -1 else 1 end
        * {{ integer_divide('2 * ' ~ steps ~ ' * ' ~ millionths ~ ' + 1000000', '2000000') }} as double
    ) / {{ steps }}
{%- endmacro %}
