{#
  Models by period are made again for the periods alone that a build affects: those of landing.affected_periods, and those
  whose rows carry a label that a dimension has no more. `replace_periods` is their incremental strategy; in
  landing.period_builds stands in which build the rows of each of their periods were made last. A full refresh makes all.

  Whether a row is of a period that is made again. The days are literals, with the first and the last of them: engines
  then leave out files and row groups, and carry the span over to whatever is joined on the column. What is joined on the
  label of a period instead is spared where its column is named too, as `period`. A model whose rows, or
  the `labelled_rows` of them, take the name and type of their organisation from dim_organisation names it.
#}
{% macro in_affected_periods(grain, period_start, period=none, organisations=none, labelled_rows='true') -%}
    {%- if this and is_incremental() -%} {#- a unit test has no relation of its own -#}
        {%- set query -%}
            select period_start from {{ source('landing', 'affected_periods') }}
            where period_grain = '{{ grain }}'
            {% if organisations %} union {{ periods_with_stale_labels(organisations, labelled_rows) }} {% endif %}
            order by period_start
        {%- endset -%}
        {%- set days = run_query(query).columns[0].values() | map('string') | list -%}
        {%- if days -%}
            {{ period_start }} between cast('{{ days | first }}' as date) and cast('{{ days | last }}' as date)
            and {{ period_start }} in (
                {%- for day in days -%} cast('{{ day }}' as date) {{- ', ' if not loop.last }} {%- endfor -%}
            )
            {%- if period %}
            and {{ period }} between '{{ label_period(grain, days | first) }}' and '{{ label_period(grain, days | last) }}'
            {%- endif %}
        {%- else -%}
            false
        {%- endif -%}
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{# The same of a model with rows of several grains; `stale` selects grain and first day of the periods with stale labels. #}
{% macro in_affected_periods_of_every_grain(period_grain, period_start, stale) -%}
    {%- if this and is_incremental() -%}
        {%- set query -%}
            select period_grain, period_start from {{ source('landing', 'affected_periods') }}
            union
            {{ stale }}
            order by period_grain, period_start
        {%- endset -%}
        {%- set periods = run_query(query).rows -%}
        {%- if periods -%}
            ({{ period_grain }}, {{ period_start }}) in (
                {%- for grain, day in periods -%}
                ('{{ grain }}', cast('{{ day }}' as date)) {{- ', ' if not loop.last }}
                {%- endfor -%}
            )
        {%- else -%}
            false
        {%- endif -%}
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{# The label of the period of a grain that begins on a day, written as 2026-04-01: as int_calendar has it. #}
{% macro label_period(grain, day) -%}
    {%- set year, month = day[:4] | int, day[5:7] | int -%}
    {%- set first_year = year - (1 if month < 4 else 0) -%}
    {%- set financial_year = first_year ~ '-' ~ ('%02d' % ((first_year + 1) % 100)) -%}
    {{ return({
        'month': day[:7], 'quarter': financial_year ~ ' Q' ~ ((month + 8) % 12 // 3 + 1), 'year': financial_year,
    }[grain]) }}
{%- endmacro %}

{# The days on which periods begin of which such rows name their organisation otherwise than the dimension does now. #}
{% macro periods_with_stale_labels(organisations, labelled_rows) -%}
    select carried.period_start
    from (
        select distinct period_start, org_level, org_code, org_name, org_type
        from {{ this }}
        where {{ labelled_rows }}
    ) as carried
    left join {{ organisations }} as organisations
        on
            carried.org_level = organisations.org_level
            and carried.org_code = organisations.org_code
    where
        carried.org_name is distinct from organisations.org_name
        or carried.org_type is distinct from coalesce(organisations.org_type, 'unknown')
{%- endmacro %}

{# The grain of a row of the model that is built: its own, or a column where it has rows of several. #}
{% macro grain_of_row() -%}
    {%- set grain = model.config.meta.get('grain') -%}
    {{ return("'" ~ grain ~ "'" if grain else 'period_grain') }}
{%- endmacro %}

{#
  The incremental strategy of models by period. Every affected period leaves the table, one without new rows too, and
  every period that the model gave rows for; then those rows are inserted.
#}
{% macro get_incremental_replace_periods_sql(arg_dict) -%}
    {%- set target, rows = arg_dict['target_relation'], arg_dict['temp_relation'] -%}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    {%- set replaced -%}
        select period_grain, period_start from {{ source('landing', 'affected_periods') }}
        union
        select {{ grain_of_row() }} as period_grain, period_start from {{ rows }}
    {%- endset -%}
    delete from {{ source('landing', 'period_builds') }}
    where model = '{{ this.identifier }}' and (period_grain, period_start) in ({{ replaced }});

    delete from {{ target }}
    where ({{ grain_of_row() }}, period_start) in ({{ replaced }});

    insert into {{ target }} ({{ columns }})
    select {{ columns }} from {{ rows }}
{%- endmacro %}

{# Before a model by period is made whole: no period of it has been made. Nothing where only some are replaced. #}
{% macro forget_period_builds() -%}
    {%- if execute and model.config.incremental_strategy == 'replace_periods' and not is_incremental() -%}
        delete from {{ source('landing', 'period_builds') }}
        where model = '{{ this.identifier }}'
    {%- endif -%}
{%- endmacro %}

{#
  After it: each of its periods that no earlier build is known to have made is of this one. A run of dbt that is not the
  pipeline's may be of other models than those of the build that landed last, so what it makes has a name of its own.
#}
{% macro record_period_builds() -%}
    {%- if execute and model.config.incremental_strategy == 'replace_periods' -%}
        insert into {{ source('landing', 'period_builds') }} (model, period_grain, period_start, build)
        select
            '{{ this.identifier }}',
            made.period_grain,
            made.period_start,
            '{{ env_var('IAPT_BUILD', '') or 'by hand ' ~ invocation_id }}'
        from (select distinct {{ grain_of_row() }} as period_grain, period_start from {{ this }}) as made
        left join {{ source('landing', 'period_builds') }} as recorded
            on
                recorded.model = '{{ this.identifier }}'
                and made.period_grain = recorded.period_grain
                and made.period_start = recorded.period_start
        where recorded.model is null
    {%- endif -%}
{%- endmacro %}
