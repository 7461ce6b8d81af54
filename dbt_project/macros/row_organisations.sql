{# The organisation of a row, and in a pair its provider, from dim_organisation: a pair is two organisations. #}
{% macro join_organisations(relation) -%}
left join {{ ref('dim_organisation') }} as organisations
    on
        {{ relation }}.org_code = organisations.org_code
        and case {{ relation }}.org_level
            when 'sub_icb_provider' then 'sub_icb'
            when 'ccg_provider' then 'ccg'
            else {{ relation }}.org_level
        end = organisations.org_level
left join {{ ref('dim_organisation') }} as partners
    on
        {{ relation }}.partner_code = partners.org_code
        and partners.org_level = 'provider'
{%- endmacro %}

{#
  What the organisation of a row is, of relations joined as above: a placeholder if it is one, or in a pair if either is;
  unknown if no list names it; else its level.
#}
{% macro org_type_of_row(relation) -%}
case
            when organisations.org_type = 'placeholder' or partners.org_type = 'placeholder' then 'placeholder'
            when coalesce(organisations.org_type, 'unknown') = 'unknown' then 'unknown'
            when {{ relation }}.partner_code is not null and coalesce(partners.org_type, 'unknown') = 'unknown' then 'unknown'
            else {{ relation }}.org_level
        end
{%- endmacro %}
