{#
  Totals that we build are sums of rounded figures over the parts that are published, with the bounds within which the true
  total lies: those of the parts added up. A part that is hidden adds nothing to the value and its whole range to the
  bounds. Of a part that was never published there is no total.

  These are the columns of such a sum over a relation of parts, each with value, value_status, its bounds and, where it is
  a sum itself, suppressed_parts. `is_whole` says in SQL whether all the parts that there must be are there.
#}
{% macro sum_of_parts(parts, is_whole='true') -%}
{%- set is_known = "max(case when " ~ parts ~ ".value_status = 'not_published' then 1 else 0 end) = 0 and " ~ is_whole -%}
{%- set shown = "max(case when " ~ parts ~ ".value_status = 'published' then 1 else 0 end) = 1" -%}
    case when {{ is_known }} then sum({{ parts }}.value) end as value,
    case
        when not ({{ is_known }}) then 'not_published'
        when {{ shown }} then 'published'
        else 'suppressed'
    end as value_status,
    case
        when not ({{ is_known }}) then {{ value_marker('not_published') }}
        when not ({{ shown }}) then {{ value_marker('suppressed') }}
    end as value_marker,
    case when {{ is_known }} then cast(sum({{ parts }}.lower_bound) as bigint) end as lower_bound,
    case when {{ is_known }} then cast(sum({{ parts }}.upper_bound) as bigint) end as upper_bound,
    case
        when {{ is_known }} then cast(
            sum(
                case
                    when {{ parts }}.suppressed_parts is not null then {{ parts }}.suppressed_parts
                    when {{ parts }}.value_status = 'suppressed' then 1
                    else 0
                end
            ) as integer
        )
    end as suppressed_parts
{%- endmacro %}

{# The columns by which a count is released, from a fact's value and status and the numbers of the disclosure policy. #}
{% macro count_to_release(value, value_status, policy) -%}
{%- set is_hidden = value_status ~ " = 'suppressed' or " ~ value ~ " < " ~ policy ~ ".suppress_counts_below" -%}
{%- set rounded = round_to_multiple('cast(' ~ value ~ ' as bigint)', policy ~ '.round_counts_to') -%}
    case
        when {{ value_status }} = 'not_published' or {{ is_hidden }} then null
        else cast({{ rounded }} as double)
    end as value,
    case
        when {{ value_status }} = 'not_published' then 'not_published'
        when {{ is_hidden }} then 'suppressed'
        else 'published'
    end as value_status,
    case
        when {{ value_status }} = 'not_published' then null
        when {{ is_hidden }} then 0
        else {{ lower_bound_of_rounded(rounded, policy ~ '.suppress_counts_below', policy ~ '.round_counts_to') }}
    end as lower_bound,
    case
        when {{ value_status }} = 'not_published' then null
        when {{ is_hidden }} then {{ policy }}.suppress_counts_below - 1
        else {{ upper_bound_of_rounded(rounded, policy ~ '.round_counts_to') }}
    end as upper_bound,
    cast(null as integer) as suppressed_parts
{%- endmacro %}
