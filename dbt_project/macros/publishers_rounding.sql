{#
  The publisher's own rounding of counts below England: to the nearest 5, those below 5 never printed. It is a property of
  what was published, measured on every file (docs/sources.md#rounding-and-suppression), and no choice of ours: the numbers of the disclosure policy
  may change without it.
#}
{% macro publisher_suppression_threshold() -%} {{ return(5) }} {%- endmacro %}
{% macro publisher_rounding_base() -%} {{ return(5) }} {%- endmacro %}

{#
  The least and the most that a count can have been, from what was printed of it. England's are exact. So is one printed
  below the threshold, which only figures that nobody has rounded yet contain.
#}
{% macro lower_bound_of_published(level, status, value) -%}
    case
        when {{ status }} = 'suppressed' then 0
        when {{ status }} <> 'published' then null
        when {{ level }} = 'england' or {{ value }} < {{ publisher_suppression_threshold() }} then {{ value }}
        else {{ lower_bound_of_rounded(value, publisher_suppression_threshold(), publisher_rounding_base() | string) }}
    end
{%- endmacro %}

{% macro upper_bound_of_published(level, status, value) -%}
    case
        when {{ status }} = 'suppressed' then {{ publisher_suppression_threshold() - 1 }}
        when {{ status }} <> 'published' then null
        when {{ level }} = 'england' or {{ value }} < {{ publisher_suppression_threshold() }} then {{ value }}
        else {{ upper_bound_of_rounded(value, publisher_rounding_base() | string) }}
    end
{%- endmacro %}
