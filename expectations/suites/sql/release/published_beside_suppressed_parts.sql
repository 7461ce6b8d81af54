-- Percentages beside their numerator, or means beside their base, that are shown though all parts of it are suppressed.
with shown_figures as (
    select {{ keys | join(', ') }}
    from {{ batch }}
    where statistic in ({{ statistics }}) and value is not null
),

suppressed_counts as (
    select {{ keys | join(', ') }}
    from {{ table }}
    where value_status = 'suppressed'
),

parts_of_measures as (
    select distinct measure, unnest(string_split({{ rests_on }}, ' + ')) as part
    from dim_measure
    where statistic in ({{ statistics }})
),

numbers_of_parts as (
    select measure, count(*) as parts
    from parts_of_measures
    group by measure
),

suppressed_parts_of_figures as (
    select shown_figures.{{ keys | join(', shown_figures.') }}, count(distinct part) as suppressed_parts
    from shown_figures
    inner join parts_of_measures using (measure)
    inner join suppressed_counts
        on
            parts_of_measures.part = suppressed_counts.measure
            {%- for column in population %}
            and shown_figures.{{ column }} is not distinct from suppressed_counts.{{ column }}
            {%- endfor %}
    group by all
)

select {{ keys | join(', ') }}
from suppressed_parts_of_figures
inner join numbers_of_parts using (measure)
where suppressed_parts = parts
