{# SQL that lists the first few codes of a group and says how many more there are; `place` numbers them, 1 first. #}
{% macro list_first(code, place, how_many=5) -%}
{{ dbt.listagg("case when " ~ place ~ " <= " ~ how_many ~ " then " ~ code ~ " end", "', '", "order by " ~ code) }}
        || case when count({{ code }}) > {{ how_many }}
            then ' and ' || cast(count({{ code }}) - {{ how_many }} as varchar) || ' more' else '' end
{%- endmacro %}
