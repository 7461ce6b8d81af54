{#
  Whether a percentage met a standard: 'met', 'missed', or 'ambiguous' where what was rounded away decides. What was printed
  stands for a truth from value - half_width up to, and not quite at, value + half_width: a whole percentage has a half
  width of 0.5, since halves are rounded up; one taken as printed has 0. `comparison` is at_least or below. The value is read
  as a decimal, so that no double decides at the threshold.
#}
{% macro assess_against_standard(value, half_width, threshold, comparison) -%}
    {%- set figure = 'cast(' ~ value ~ ' as decimal(18, 6))' -%}
    case
        when {{ value }} is null then null
        when {{ figure }} - {{ half_width }} >= {{ threshold }}
            then case {{ comparison }} when 'at_least' then 'met' when 'below' then 'missed' end
        when {{ figure }} + {{ half_width }} <= {{ threshold }}
            then case {{ comparison }} when 'at_least' then 'missed' when 'below' then 'met' end
        else 'ambiguous'
    end
{%- endmacro %}
