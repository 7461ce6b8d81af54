{# What each topic mart is about, in the order of its columns. A measure more takes one line here and its columns in YAML. #}
{% macro topic_measures(topic) -%}
    {{ return({
        'activity': [
            'count_referrals_received', 'count_accessing_services', 'count_ended_referrals',
            'count_ended_treated_once', 'count_finished_course_treatment',
        ],
        'waiting_times': [
            'mean_wait_accessing_services', 'median_wait_accessing_services',
            'count_finished_course_treatment',
            'count_accessing_services_6_weeks_finished_course_treatment',
            'percentage_accessing_services_6_weeks_finished_course_treatment',
            'count_accessing_services_18_weeks_finished_course_treatment',
            'percentage_accessing_services_18_weeks_finished_course_treatment',
            'percentage_first_to_second_treatment_28_days',
            'percentage_first_to_second_treatment_29_to_90_days',
            'percentage_first_to_second_treatment_over_90_days',
        ],
        'outcomes': [
            'count_finished_course_treatment', 'count_not_at_caseness',
            'count_recovery', 'percentage_recovery',
            'count_reliable_improvement', 'percentage_reliable_improvement',
            'count_reliable_recovery', 'percentage_reliable_recovery',
            'count_reliable_deterioration', 'percentage_reliable_deterioration',
            'count_no_reliable_change',
        ],
    }[topic]) }}
{%- endmacro %}

{# The percentages that a topic mart shows beside the national standard of their day, where one is stated by the publisher. #}
{% macro measures_with_standards() -%}
    {{ return([
        'percentage_accessing_services_6_weeks_finished_course_treatment',
        'percentage_accessing_services_18_weeks_finished_course_treatment',
        'percentage_recovery',
    ]) }}
{%- endmacro %}

{# Every measure of some topic, once. #}
{% macro all_topic_measures() -%}
    {%- set measures = [] -%}
    {%- for topic in ['activity', 'waiting_times', 'outcomes'] -%}
    {%- for measure in topic_measures(topic) if measure not in measures -%}
    {%- do measures.append(measure) -%}
    {%- endfor -%}
    {%- endfor -%}
    {{ return(measures) }}
{%- endmacro %}

{# Words as a list of SQL literals. #}
{% macro literals(words) -%}
    {%- for word in words -%}'{{ word }}'{{ ', ' if not loop.last }}{%- endfor -%}
{%- endmacro %}

{#
  A topic in a wide table: one row a period, organisation and population; for each measure its value and status, and the
  bounds of a count. The figures are those of the extracts, nothing is worked out anew, and a status is the one the cell
  has there; the cells that do not apply say so. A status is empty only where the cell was in no drop at all.
#}
{% macro topic_mart(topic) %}
{%- set measures = topic_measures(topic) -%}
{%- set measures_with_standard = measures | select('in', measures_with_standards()) | list -%}
{%- set key = ['period_grain', 'period', 'org_level', 'org_code', 'partner_code', 'variable_type', 'variable_a', 'variable_b'] -%}
with cells as (

    select * from {{ ref('int_topic_values') }}
    where
        measure in ({{ literals(measures) }})
        and {{ in_affected_periods_of_every_grain('period_grain', 'period_start', stale_topic_labels()) }}

),

wide as (

    select
        {{ key | join(',\n        ') }},
        max(case when is_derived then 1 else 0 end) = 1 as is_derived
        {%- for measure in measures %},
        max(case when measure = '{{ measure }}' then value end) as {{ measure }},
        max(case when measure = '{{ measure }}' then value_status end) as {{ measure }}_status
        {%- if measure.startswith('count_') %},
        max(case when measure = '{{ measure }}' then lower_bound end) as {{ measure }}_lower,
        max(case when measure = '{{ measure }}' then upper_bound end) as {{ measure }}_upper
        {%- endif %}
        {%- endfor %}
    from cells
    group by {{ key | join(', ') }}

)
{%- if measures_with_standard %},

assessed as (

    select
        {{ key | join(',\n        ') }}
        {%- for measure in measures_with_standard %},
        max(case when measure = '{{ measure }}' then threshold end) as {{ measure }}_standard,
        max(case when measure = '{{ measure }}' then standard_status end) as {{ measure }}_standard_status
        {%- endfor %}
    from {{ ref('int_standard_assessments') }}
    where
        certainty = 'stated'
        and measure in ({{ literals(measures_with_standard) }})
    group by {{ key | join(', ') }}

)
{%- endif %}

select
    {{ topic_labels('wide') }},
    wide.is_derived
    {%- for measure in measures %},
    wide.{{ measure }},
    wide.{{ measure }}_status
    {%- if measure.startswith('count_') %},
    wide.{{ measure }}_lower,
    wide.{{ measure }}_upper
    {%- endif %}
    {%- if measure in measures_with_standard %},
    case when wide.{{ measure }} is not null then assessed.{{ measure }}_standard end as {{ measure }}_standard,
    case when wide.{{ measure }} is not null then assessed.{{ measure }}_standard_status end
        as {{ measure }}_standard_status
    {%- endif %}
    {%- endfor %}
from wide
{{ topic_joins('wide') }}
{%- if measures_with_standard %}
left join assessed
    on
        wide.period_grain = assessed.period_grain
        and {{ same_population('wide', 'assessed') }}
{%- endif %}
{% endmacro %}

{# The labels of the organisation, provider and population of a row of a topic mart, in relations joined as below. #}
{% macro topic_label_columns(relation) -%}
    {{ return({
        'org_name': 'organisations.org_name',
        'org_type': org_type_of_row(relation),
        'parent_code': 'organisations.parent_code',
        'parent_name': 'organisations.parent_name',
        'current_region_code': 'organisations.current_region_code',
        'current_region_name': 'organisations.current_region_name',
        'partner_name': 'partners.org_name',
        'population_type': 'populations.population_type',
        'population': 'populations.population',
        'population_name': 'populations.population_name',
    }) }}
{%- endmacro %}

{# What a reader needs to pick, sort and group the rows of a topic mart without a join. #}
{% macro topic_labels(relation) -%}
    {%- set labels = topic_label_columns(relation) -%}
    {{ relation }}.period_grain,
    {{ relation }}.period,
    periods.period_label,
    periods.period_start,
    periods.period_end,
    periods.financial_year,
    {{ relation }}.org_level,
    {{ relation }}.org_code
    {%- for column in ['org_name', 'org_type', 'parent_code', 'parent_name', 'current_region_code', 'current_region_name'] %},
    {{ labels[column] }} as {{ column }}
    {%- endfor %},
    {{ relation }}.partner_code,
    {{ labels['partner_name'] }} as partner_name,
    {{ relation }}.variable_type,
    {{ relation }}.variable_a,
    {{ relation }}.variable_b
    {%- for column in ['population_type', 'population', 'population_name'] %},
    {{ labels[column] }} as {{ column }}
    {%- endfor %}
{%- endmacro %}

{# The periods of which a row of the topic mart that is built carries a label that its dimension has no more. #}
{% macro stale_topic_labels() -%}
    select
        carried.period_grain,
        carried.period_start
    from {{ this }} as carried
    {{ topic_joins('carried') }}
    where
        {%- for column, label in topic_label_columns('carried').items() %}
        {{ 'or ' if not loop.first }}carried.{{ column }} is distinct from {{ label }}
        {%- endfor %}
{%- endmacro %}

{% macro topic_joins(relation) -%}
inner join {{ ref('dim_period') }} as periods
    on
        {{ relation }}.period_grain = periods.period_grain
        and {{ relation }}.period = periods.period
{{ join_organisations(relation) }}
left join {{ ref('dim_population') }} as populations
    on
        {{ relation }}.variable_type = populations.variable_type
        and coalesce({{ relation }}.variable_a, '') = coalesce(populations.variable_a, '')
        and coalesce({{ relation }}.variable_b, '') = coalesce(populations.variable_b, '')
{%- endmacro %}
