"""The observations of drops in the form in which they are judged: numbered, each with its measure and kind. No rules.

A rule looks at millions of figures, so a figure is written down with nothing but what rules ask for, its words as
enumerations. Where it stands (file, row, column) is looked up again for the few that break a rule.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import duckdb

from iapt.contract import ORGANISATION_LEVELS, PAIR_LEVELS, SERIES_GRAINS, STATISTICS, VALUE_STATUSES
from iapt.sql import quote_literal, sql_list

#: What may stand in a cell instead of a number, and the one status it means.
MARKERS: Final = {"*": "suppressed", "-": "not_published", "NULL": "not_applicable", "null": "not_applicable"}
NOT_APPLICABLE_MARKERS: Final = tuple(marker for marker, status in MARKERS.items() if status == "not_applicable")
#: Whether a provider submitted a table: an exact 0 or 1 among the rounded counts of the data-quality files.
SUBMISSION: Final = "submission"
UNKNOWN: Final = "unknown"
SEEDS: Final = ("measures.csv", "measure_aliases.csv", "measure_formulas.csv")

#: Where the cells of the drops stand, in the words of the publisher's file.
PLACE: Final = ("source_member", "source_row", "source_column")

#: A total counts everyone: some layouts print `Total` as its category too.
POPULATION: Final = """
    hash(
        file_index, cells.series, period_start, org_level, org_code, partner_code, variable_type,
        case when variable_type <> 'Total' then variable_a end,
        case when variable_type <> 'Total' then variable_b end
    )
"""


def load(connection: duckdb.DuckDBPyConnection, files: Sequence[Path], seeds: Path) -> None:
    """Write the tables that rules of drops judge, from Parquet files of observations and the reviewed measures.

    The first file becomes drop number 0.
    """
    connection.execute("set preserve_insertion_order = false")  # cells are numbered, so none needs to keep its place
    _open_cells(connection, files)
    _load_measures(connection, seeds)
    _create_vocabularies(connection)
    connection.execute(_OBSERVATIONS)
    connection.execute(_POPULATIONS)
    connection.execute(_PERCENTAGES)


def _open_cells(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> None:
    connection.execute(
        f"""
        create temp view cells as
        select *, file_index, file_row_number
        from read_parquet([{sql_list(files)}], hive_partitioning = false)
        """
    )


def _load_measures(connection: duckdb.DuckDBPyConnection, seeds: Path) -> None:
    for seed in SEEDS:
        table = Path(seed).stem
        file = quote_literal(seeds / seed)
        connection.execute(f"create temp table {table} as from read_csv({file}, header = true, all_varchar = true)")
    # As dbt names them (intermediate.int_observations_with_measures): by MEASURE_ID where there is one, else through
    # the
    # reviewed alias of the column; the statistic of a measure that nobody has reviewed is what its name begins with.
    connection.execute(
        f"""
        create temp table published_measures as
        with names as (
            select distinct series, measure_id, measure_name from cells
        ),
        reviewed as (
            select
                names.*,
                case
                    when names.measure_id is null then measure_aliases.measure
                    else by_id.measure
                end as reviewed_measure
            from names
            left join measures as by_id on names.measure_id = by_id.measure_id
            left join measure_aliases
                on names.series = measure_aliases.series and names.measure_name = measure_aliases.name_as_published
        )
        select
            reviewed.series,
            reviewed.measure_id,
            reviewed.measure_name,
            coalesce(reviewed_measure, lower(coalesce(reviewed.measure_id, reviewed.measure_name))) as measure,
            case
                when reviewed.series = 'data_quality' then 'count'
                else coalesce(
                    measures.statistic,
                    case
                        when lower(reviewed.measure_name) like 'count%' then 'count'
                        when lower(reviewed.measure_name) like 'percentage%' then 'percentage'
                        when lower(reviewed.measure_name) like 'mean%' then 'mean'
                        when lower(reviewed.measure_name) like 'median%' then 'median'
                        when lower(reviewed.measure_name) like 'max%' then 'maximum'
                        when lower(reviewed.measure_name) like 'min%' then 'minimum'
                        when lower(reviewed.measure_name) like 'sum%' then 'sum'
                        else '{UNKNOWN}'
                    end
                )
            end as statistic,
            measures.unit,
            measures.base
        from reviewed
        left join measures on reviewed.reviewed_measure = measures.measure
        """
    )


def _create_vocabularies(connection: duckdb.DuckDBPyConnection) -> None:
    """An enumeration is a small number in the database and a word in a rule; a word outside of it becomes NULL."""
    for name, words in {
        "series_name": tuple(SERIES_GRAINS),
        "organisation_level": (*ORGANISATION_LEVELS, *PAIR_LEVELS),
        "status": tuple(VALUE_STATUSES),
        "marker": tuple(MARKERS),
        "statistic": (*STATISTICS, SUBMISSION, UNKNOWN),
    }.items():
        connection.execute(f"create type {name} as enum ({sql_list(words)})")
    connection.execute(
        """
        create type measure_name as enum (
            select measure from published_measures
            union select base from published_measures where base is not null
            union select measure from measure_formulas
            union select component from measure_formulas
            order by all
        )
        """
    )
    connection.execute(
        "create type unit as enum (select distinct unit from measures where unit is not null order by all)"
    )
    connection.execute(
        """
        create table measures_of_the_drops as
        select distinct
            measure::measure_name as measure,
            statistic::statistic as statistic,
            unit::unit as unit,
            base::measure_name as base,
            regexp_replace(measure, '^(mean|median|minimum|maximum)_', '') as what_is_measured
        from published_measures
        """
    )


_OBSERVATIONS: Final = f"""
    create table observations as
    select
        file_index::usmallint as drop_number,
        file_row_number::uinteger as cell_number,
        {POPULATION} as population,
        try_cast(cells.series as series_name) as series,
        try_cast(org_level as organisation_level) as org_level,
        published_measures.measure::measure_name as measure,
        case
            when cells.series = 'data_quality' and variable_b like '%Submission' then '{SUBMISSION}'::statistic
            else published_measures.statistic::statistic
        end as statistic,
        published_measures.unit::unit as unit,
        value,
        try_cast(value_status as status) as value_status,
        case when value is null then try_cast(value_as_published as marker) end as marker,
        duplicate_of_row is not null as is_duplicate
    from cells
    join published_measures
        on cells.series is not distinct from published_measures.series
        and cells.measure_name is not distinct from published_measures.measure_name
        and cells.measure_id is not distinct from published_measures.measure_id
    where
        value_status is distinct from 'not_applicable'
        or value is not null
        or value_as_published not in ({", ".join(f"'{marker}'" for marker in NOT_APPLICABLE_MARKERS)})
"""

_POPULATIONS: Final = f"""
    create table populations as
    select
        file_index::usmallint as drop_number,
        min(file_row_number)::uinteger as cell_number,
        {POPULATION} as population,
        series,
        period_grain,
        period_start,
        period_end,
        org_level,
        org_code,
        partner_code,
        variable_type,
        variable_a,
        variable_b
    from cells
    group by all
"""

#: The true count behind a published one, as far as rounding tells: exact for England, within 2 below it.
_PERCENTAGES: Final = """
    create table percentages as
    with formulas as (
        select measure::measure_name as measure, part, component::measure_name as component, sign::tinyint as sign
        from measure_formulas
    ),
    counts as (
        select
            population,
            measure,
            value_status = 'suppressed' as is_hidden,
            case
                when value_status = 'suppressed' then 0
                when org_level = 'england' then value
                else greatest(5, value - 2)
            end as least,
            case
                when value_status = 'suppressed' then 4
                when org_level = 'england' then value
                else value + 2
            end as most
        from observations
        where
            statistic = 'count'
            and value_status in ('published', 'suppressed')
            and not is_duplicate
            and measure in (select component from formulas)
    )
    select
        figures.drop_number,
        figures.cell_number,
        any_value(figures.org_level) as org_level,
        any_value(figures.value) as value,
        any_value(figures.value_status) as value_status,
        count(*) filter (part = 'numerator')::utinyint as numerator_parts,
        count(*) filter (part = 'numerator' and is_hidden)::utinyint as hidden_parts,
        count(*) filter (part = 'numerator' and not is_hidden)::utinyint as shown_parts,
        count(*) filter (counts.population is null)::utinyint as missing_counts,
        sum(least) filter (part = 'numerator') as numerator_least,
        sum(most) filter (part = 'numerator') as numerator_most,
        sum(case when sign > 0 then least else -most end) filter (part = 'denominator') as denominator_least,
        sum(case when sign > 0 then most else -least end) filter (part = 'denominator') as denominator_most
    from observations as figures
    join formulas on figures.measure = formulas.measure
    left join counts on figures.population = counts.population and formulas.component = counts.measure
    where figures.statistic = 'percentage' and not figures.is_duplicate
    group by figures.drop_number, figures.cell_number
"""
