"""A small staged release that keeps every rule of the gate. Every organisation and every figure is invented.

Two months, three quarters of which the middle one was never published, and two years. England, a region, an
ICB whose monthly figures are totals that we built, its two sub-ICBs, a provider and a pair; everyone, and one
group. What is small at the provider is suppressed, and so is what rests on it.
"""

import re
import shutil
import tempfile
from pathlib import Path

import duckdb

from iapt.contract import CONTRACTS, CURRENT_BOUNDARIES, EXTRACT_GRAINS, TOPICS, parquet_name

REFERENCE = """
create table organisations (org_level, org_code, org_name, partner_code, partner_name, size) as
values
    ('england', 'E92000001', 'England', null, null, 40),
    ('region', 'Y90', 'Invented Region', null, null, 20),
    ('icb', 'Q90', 'Invented ICB', null, null, 10),
    ('sub_icb', '90A', 'Invented sub-ICB', null, null, 5),
    ('sub_icb', '90B', 'Another invented sub-ICB', null, null, 5),
    ('provider', 'RZ90', 'Invented Provider', null, null, 1),
    ('sub_icb_provider', '90A', 'Invented sub-ICB', 'RZ90', 'Invented Provider', 1);

create table populations (variable_type, variable_a, variable_b) as
values ('Total', null, null), ('Ethnic Group', 'Invented group', 'Invented part');

create table dim_measure as
select
    measure, measure_id, name, statistic, unit, numerator, denominator, base,
    cast(null as varchar) as former_names,
    statistic = 'count' as is_additive,
    case statistic when 'percentage' then 'higher' when 'count' then 'neither' else 'lower' end as better_direction,
    'An invented definition.' as definition,
    '2020-12' as first_period, cast(null as varchar) as last_period
from (values
    ('count_referrals_received', 'M001', 'Referrals received', 'count', 'referrals', null, null, null),
    ('count_accessing_services', 'M031', 'People accessing services', 'count', 'people', null, null, null),
    ('count_ended_referrals', 'M056', 'Referrals ended', 'count', 'referrals', null, null, null),
    ('count_ended_treated_once', 'M075', 'Treated once', 'count', 'referrals', null, null, null),
    ('count_finished_course', 'M076', 'Courses finished', 'count', 'referrals', null, null, null),
    ('count_not_at_caseness', 'M179', 'Not at caseness', 'count', 'referrals', null, null, null),
    ('count_recovery', 'M191', 'Recovered', 'count', 'referrals', null, null, null),
    ('percentage_treated', 'M080', 'Treated at least once', 'percentage', 'per cent',
        'count_ended_treated_once + count_finished_course', 'count_ended_referrals', null),
    ('percentage_recovery', 'M192', 'Recovery rate', 'percentage', 'per cent',
        'count_recovery', 'count_finished_course - count_not_at_caseness', null),
    ('mean_wait', 'M048', 'Mean wait', 'mean', 'days', null, null, 'count_accessing_services'),
    ('median_wait', 'M049', 'Median wait', 'median', 'days', null, null, 'count_accessing_services')
) as measures (measure, measure_id, name, statistic, unit, numerator, denominator, base);

create table dim_period as
with spells (period_grain, first_day, last_day, months) as (values
    ('month', date '2020-12-01', date '2021-03-01', 1),
    ('quarter', date '2020-04-01', date '2021-01-01', 3),
    ('year', date '2019-04-01', date '2020-04-01', 12)
),
starts as (
    select
        period_grain, months,
        cast(unnest(generate_series(first_day, last_day, to_months(months))) as date) as period_start
    from spells
),
named as (
    select
        period_grain, period_start,
        cast(period_start + to_months(months) - interval 1 day as date) as period_end,
        strftime(period_start - interval 3 month, '%Y') || '-'
            || strftime(period_start + interval 9 month, '%y') as financial_year,
        case period_grain
            when 'month' then strftime(period_start, '%Y-%m')
            when 'quarter' then financial_year || ' Q' || quarter(period_start - interval 3 month)
            else financial_year
        end as period
    from starts
)
select
    period, period_grain, period_start, period_end, financial_year,
    lag(period) over neighbours as previous_period,
    lead(period) over neighbours as next_period,
    case period
        when '2020-21 Q2' then 'not_published'
        when '2021-02' then 'not_loaded'
        when '2021-03' then 'not_due'
        when '2020-21 Q4' then 'not_due'
        else 'published'
    end as publication_status,
    case when publication_status = 'not_published' then 'An invented reason.' end as reason,
    case when publication_status = 'not_published' then 'An invented source.' end as "source",
    period as period_label, replace(financial_year, '-', '/') as financial_year_label,
    cast(case when period_grain <> 'year' then quarter(period_start - interval 3 month) end as integer)
        as financial_quarter,
    cast(strftime(period_start, '%Y%m%d') as integer) as period_sort, '2.0' as dataset_version,
    false as breaks_sums, cast(null as varchar) as series_break, cast(null as varchar) as series_break_reason,
    cast(period_end + interval 40 day as date) as expected_on
from named
window neighbours as (partition by period_grain order by period_start);

create table dim_organisation as
select
    org_level, org_code, org_name, cast(null as varchar) as former_names,
    date '2019-04-01' as first_period_start, date '2021-01-01' as last_period_start,
    org_level as org_type, true as is_in_drops, cast(null as varchar) as ons_code,
    date '2013-04-01' as valid_from, cast(null as date) as valid_to,
    cast(null as varchar) as predecessors, cast(null as varchar) as successors,
    cast(null as varchar) as parent_level, cast(null as varchar) as parent_code, cast(null as varchar) as parent_name,
    case org_level when 'sub_icb' then 'Q90' end as current_parent_code, cast(null as varchar) as current_parent_name,
    case org_level when 'region' then 'Y90' end as current_region_code, cast(null as varchar) as current_region_name,
    org_level as current_level, org_code as current_code, org_name as current_name, 'same' as current_comparability,
    cast(null as date) as boundary_moved_on, 'stated' as current_certainty,
    cast(null as varchar) as boundary_moves
from organisations where partner_code is null;

create table dim_date as
select
    cast(unnest(generate_series(date '2020-12-01', date '2021-03-31', interval 1 day)) as date) as calendar_date,
    strftime(calendar_date, '%Y-%m') as month_period, strftime(calendar_date, '%B %Y') as month_label,
    cast(strftime(calendar_date, '%Y%m01') as integer) as month_sort,
    '2020-21 Q' || quarter(calendar_date - interval 3 month) as quarter_period, quarter_period as quarter_label,
    '2020-21' as financial_year, '2020/21' as financial_year_label,
    calendar_date = last_day(calendar_date) as is_last_day_of_month;

create table dim_organisation_history as
select
    org_level, org_code, date '2013-04-01' as valid_from, cast(null as date) as valid_to,
    case org_level when 'sub_icb' then 'icb' end as parent_level,
    case org_level when 'sub_icb' then 'Q90' end as parent_code, cast(null as varchar) as parent_name,
    cast(null as varchar) as parent_certainty
from dim_organisation;

create table dim_population as
select
    variable_type, cast(variable_a as varchar) as variable_a, cast(variable_b as varchar) as variable_b,
    lower(replace(variable_type, ' ', '_')) as population_type, 'invented' as population,
    coalesce(variable_b, 'Everyone') as population_name, 'invented' as scheme, 1::integer as sort_order,
    cast(null as integer) as imd_decile, true as is_listed,
    cast(null as boolean) as is_comparable_with_previous_scheme, cast(null as varchar) as comparable_from,
    cast(null as varchar) as change_reason, date '2019-04-01' as first_period_start,
    date '2021-01-01' as last_period_start
from populations;

create table dim_measure_name as
select
    measure, measure_id, name, 'monthly' as series, '2020-09' as first_period, cast(null as varchar) as last_period,
    cast(null as varchar) as note
from dim_measure;

create table dim_standard as
select
    'percentage_recovery' as measure, 50 as threshold, 'at_least' as comparison, date '2016-04-01' as valid_from,
    cast(null as date) as valid_to, 'stated' as certainty, 'An invented standard' as label,
    'An invented source.' as "source";

create table dim_note as
select
    note_id, 'monthly' as series, 'extract_monthly' as table_name, 'month' as period_grain, '2021-01' as period,
    org_level, org_code, cast(null as varchar) as partner_code, variable_type, cast(null as varchar) as variable_a,
    cast(null as varchar) as variable_b, measure, cell_status, 'note' as "action", 'An invented note.' as note,
    'An invented source.' as "source"
from (values
    ('a-long-wait', 'region', 'Y90', 'Total', 'mean_wait', 'released'),
    ('of-another-year', 'provider', 'RZ91', null, 'mean_wait', 'not_loaded'),
    ('of-a-mean-that-stays', 'region', 'Y90', 'Total', 'mean_of_nothing', 'not_released')
) as notes (note_id, org_level, org_code, variable_type, measure, cell_status);

create table publications as
select
    case period_grain when 'month' then 'monthly' when 'quarter' then 'quarterly' else 'annual' end as series,
    period_grain, period, period as first_period, revision, 'definitive' as status, state,
    case when state <> 'present' then 'An invented reason.' end as reason,
    expected_on, date '2021-06-20' as as_of,
    case when state in ('late', 'expected') then 'not_listed' else 'reviewed' end as listed,
    'https://example.org/a-page' as page, 'https://example.org/a-file.csv' as address, 'a-file.csv' as file,
    case when state in ('present', 'held') then sha256(period || repeat(' held', revision - 1)) end as drop_sha256,
    cast(case when state in ('present', 'held') then 1000 end as bigint) as bytes,
    case when state in ('present', 'held') then date '2021-06-20' end as archived_on,
    case when state = 'superseded' then 'monthly/2021-02/2' end as superseded_by
from (
    select
        *, 1::integer as revision,
        case
            when publication_status = 'published' then 'present'
            when publication_status = 'not_published' then 'not_published'
            when period = '2021-02' then 'superseded'
            when period = '2021-03' then 'expected'
            else 'late'
        end as state
    from dim_period
    union all
    select *, 2::integer as revision, 'held' as state from dim_period where period = '2021-02'
    union all
    select *, 2::integer as revision, 'missing' as state from dim_period where period = '2021-01'
);

insert into publications
select * replace ('data_quality' as series, sha256('data quality') as drop_sha256)
from publications where period = '2021-01' and state = 'present';

create table mart_data_quality as
select
    '2021-01' as period, date '2021-01-01' as period_start, date '2021-01-31' as period_end,
    '2020-21' as financial_year, 'provider' as org_level, 'RZ90' as org_code, 'Invented Provider' as org_name,
    'provider' as org_type, 'An invented table' as data_table, item_uid, data_item, is_submission,
    cast(valid as double) as valid_records, 'published' as valid_status,
    cast(null as double) as default_records, 'suppressed' as default_status,
    cast(0 as double) as invalid_records, 'published' as invalid_status,
    cast(0 as double) as missing_records, 'published' as missing_status,
    cast(valid as double) as denominator_records, 'published' as denominator_status,
    sha256('data quality') as drop_sha256
from (values ('X1', 'Invented item', false, 15), ('X0', 'Invented Submission', true, 1)) as items
    (item_uid, data_item, is_submission, valid);
"""

# Suppressed at a provider and at a pair: treated once, recovered, and so the recovery rate. At a pair also
# people accessing services, and so their waits. 'percentage_treated' stays: only one of the two parts of its
# numerator is suppressed.
EXTRACT = """
create table {table} as
with cells as (
    select
        *,
        publication_status = 'not_published' as is_gap,
        statistic = 'count' as is_count,
        org_level = 'icb' and is_count and period_grain = 'month' as is_total,
        measure in ('count_ended_treated_once', 'count_recovery', 'percentage_recovery') as is_small,
        measure in ('count_accessing_services', 'mean_wait', 'median_wait') as is_small_at_a_pair,
        case
            when is_gap then 'not_published'
            when is_small and partner_code is not null then 'suppressed'
            when is_small and org_level = 'provider' then 'suppressed'
            when is_small_at_a_pair and partner_code is not null then 'suppressed'
            else 'published'
        end as status,
        case statistic
            when 'count' then 5 * size * (1 + length(measure))
            when 'percentage' then 40 + size
            else 20.5 + size
        end as figure
    from dim_period, organisations, populations, dim_measure
    where period_grain = '{grain}' and publication_status in ('published', 'not_published')
)
select
    period, period_start, period_end, financial_year,
    org_level, org_code, org_name,
    org_level as org_type, partner_code, partner_name,
    variable_type, variable_a, variable_b,
    measure, measure_id, statistic,
    cast(case when status = 'published' then figure end as double) as value,
    status as value_status,
    case status when 'suppressed' then '[c]' when 'not_published' then '[x]' end as value_marker,
    is_total as is_derived,
    cast(case when is_count and status = 'published' then greatest(5, figure - 2)
        when is_count and status = 'suppressed' then 0 end as bigint) as lower_bound,
    cast(case when is_count and status = 'published' then figure + case when is_total then 6 else 2 end
        when is_count and status = 'suppressed' then 4 end as bigint) as upper_bound,
    cast(case when is_total then 1 end as integer) as suppressed_parts,
    case when not is_gap and not is_total then sha256(period) end as drop_sha256
from cells
order by period, org_level, org_code, partner_code nulls first, variable_type, variable_a, measure
"""

#: The figures of an extract on current boundaries, which here is that of their day.
TODAYS = """
create table {table} as
select
    period, period_start, period_end, financial_year, org_level, org_code, org_name, org_type,
    org_level as level_as_published, org_code as codes_as_published, 'same' as comparability,
    variable_type, variable_a, variable_b, measure, measure_id, statistic,
    value, value_status, value_marker, is_derived, lower_bound, upper_bound, suppressed_parts
from {extract} where org_level in ('england', 'region', 'icb', 'sub_icb')
order by all
"""

#: Every cell of the wide marts is one of an extract, but those of one measure, which applies to nobody.
APPLIES_TO_NOBODY = "percentage_reliable_recovery"
ALL_FIGURES = " union all ".join(
    f"select '{grain}' as period_grain, * from {table}" for table, grain in EXTRACT_GRAINS.items()
)
LABELS = """
    period_grain, period, any_value(period) as period_label, any_value(period_start) as period_start,
    any_value(period_end) as period_end, any_value(financial_year) as financial_year, org_level, org_code,
    any_value(org_name) as org_name, any_value(org_type) as org_type,
    cast(null as varchar) as parent_code, cast(null as varchar) as parent_name,
    cast(null as varchar) as current_region_code, cast(null as varchar) as current_region_name,
    partner_code, any_value(partner_name) as partner_name, variable_type, variable_a, variable_b,
    lower(variable_type) as population_type, 'invented' as population, 'Invented' as population_name
"""
OF_ONE_CELL = "group by period_grain, period, org_level, org_code, partner_code, variable_type, variable_a, variable_b"


def _cell(column: str, measure: str) -> str:
    return f"max({column}) filter (measure = '{measure}')"


def _topic(table: str) -> str:
    cells = []
    for measure in TOPICS[table]:
        status = "'not_applicable'" if measure == APPLIES_TO_NOBODY else _cell("value_status", measure)
        cells.append(f"{_cell('value', measure)} as {measure}, {status} as {measure}_status")
        if measure.startswith("count_"):
            cells.append(f"{_cell('lower_bound', measure)} as {measure}_lower")
            cells.append(f"{_cell('upper_bound', measure)} as {measure}_upper")
        if f"{measure}_standard" in CONTRACTS[table]:
            cells.append(f"cast(null as integer) as {measure}_standard")
            cells.append(f"cast(null as varchar) as {measure}_standard_status")
    columns = ", ".join(cells)
    derived = "bool_or(is_derived) as is_derived"
    return f"create table {table} as select {LABELS}, {derived}, {columns} from ({ALL_FIGURES}) {OF_ONE_CELL}"


RECOVERY_RATE = f"""
create table mart_recovery_rate as
select
    {LABELS},
    {_cell("value", "percentage_recovery")} as recovery_rate,
    {_cell("value_status", "percentage_recovery")} as recovery_rate_status,
    {_cell("value_marker", "percentage_recovery")} as recovery_rate_marker,
    50 as standard, 'An invented standard' as standard_label, 'stated' as standard_certainty,
    case when recovery_rate is not null then 'missed' end as standard_status,
    recovery_rate - standard as gap_to_standard,
    {_cell("value", "count_recovery")} as count_recovery,
    {_cell("value_status", "count_recovery")} as count_recovery_status,
    {_cell("value", "count_finished_course_treatment")} as count_finished_course_treatment,
    {_cell("value_status", "count_finished_course_treatment")} as count_finished_course_treatment_status,
    cast(null as varchar) as reason
from ({ALL_FIGURES}) where org_level in ('england', 'icb') {OF_ONE_CELL}
"""

#: There are too few months for a window: each is empty and says why.
WINDOWS = """
create table mart_rolling_totals as
select
    total_type, period, period as period_label, date '2020-04-01' as total_start, period_end as total_end,
    financial_year, org_level, org_code, org_name, org_type, measure,
    12::bigint as months_needed, 1::bigint as months_available,
    cast(null as double) as value, 'not_published' as value_status, '[x]' as value_marker,
    '2020-11 is not loaded.' as reason, true as is_derived, cast(null as bigint) as lower_bound,
    cast(null as bigint) as upper_bound, cast(null as integer) as suppressed_parts
from extract_monthly, (values ('rolling_12_months'), ('financial_year_to_date')) as windows (total_type)
where statistic = 'count' and variable_type = 'Total' and partner_code is null and value_status <> 'not_published'
order by all
"""


def build_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables of the staged release in a DuckDB database."""
    connection.execute(REFERENCE)
    for table, grain in EXTRACT_GRAINS.items():
        connection.execute(EXTRACT.format(table=table, grain=grain))
    for table, extract in CURRENT_BOUNDARIES.items():
        connection.execute(TODAYS.format(table=table, extract=extract))
    for table in TOPICS:
        connection.execute(_topic(table))
    connection.execute(RECOVERY_RATE)
    connection.execute(WINDOWS)


def build_staged_release(folder: Path) -> Path:
    """Write the staged release as Parquet files into a folder and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        build_tables(connection)
        for table in CONTRACTS:
            _write(connection, table, folder)
    return folder


def mutate(folder: Path, sql: str) -> None:
    """Run SQL on a copy of the staged tables it names, and write back every one that it changes."""
    with duckdb.connect() as connection:
        for table in CONTRACTS.keys() & set(re.findall(r"\w+", sql)):
            connection.execute(f"create table {table} as from read_parquet(?)", [str(folder / parquet_name(table))])
        connection.execute(sql)
        for table in set(re.findall(r"(?:update|insert into|delete from|alter table|replace table) (\w+)", sql)):
            _write(connection, table, folder)


def _write(connection: duckdb.DuckDBPyConnection, table: str, folder: Path) -> None:
    # a folder's name may hold what COPY or a glob would not take as it stands
    with tempfile.TemporaryDirectory() as workshop:
        file = Path(workshop) / parquet_name(table)
        connection.execute(f"copy {table} to '{file}' (format parquet)")
        shutil.copyfile(file, folder / file.name)
