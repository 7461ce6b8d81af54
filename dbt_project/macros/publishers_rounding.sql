{#
  The publisher's own rounding of counts below England: to the nearest 5, those below 5 never printed. It is a property of
  what was published, measured on every file (docs/sources.md#rounding-and-suppression), and no choice of ours: the numbers of the disclosure policy
  may change without it.
#}
{% macro publisher_prints_no_count_below() -%} {{ return(5) }} {%- endmacro %}
{% macro publisher_rounds_counts_to() -%} {{ return(5) }} {%- endmacro %}

{#
  The least and the most that a count can have been, from what was printed of it. England's are exact. So is one printed
  below the threshold, which only figures that nobody has rounded yet hold.
#}
{% macro least_behind_printed(level, status, value) -%}
    case
        when {{ status }} = 'suppressed' then 0
        when {{ status }} <> 'published' then null
        when {{ level }} = 'england' or {{ value }} < {{ publisher_prints_no_count_below() }} then {{ value }}
        else {{ least_of_shown(value, publisher_prints_no_count_below(), publisher_rounds_counts_to() | string) }}
    end
{%- endmacro %}

{% macro most_behind_printed(level, status, value) -%}
    case
        when {{ status }} = 'suppressed' then {{ publisher_prints_no_count_below() - 1 }}
        when {{ status }} <> 'published' then null
        when {{ level }} = 'england' or {{ value }} < {{ publisher_prints_no_count_below() }} then {{ value }}
        else {{ most_of_shown(value, publisher_rounds_counts_to() | string) }}
    end
{%- endmacro %}
