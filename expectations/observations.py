"""The observations of drops as their rules read them: numbered, each with its measure and statistic. Holds no rule.

Rules read millions of figures, so a figure is stored with nothing but what rules ask for, its words as enumerations.
Its place in the file (member, row, column) is looked up again for the few that violate a rule.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import duckdb

from expectations.rules import render_sql
from iapt.contract import ORGANISATION_LEVELS, PAIR_LEVELS, SERIES_GRAINS, STATISTICS, VALUE_STATUSES
from iapt.sql import quote_literal, sql_list

#: What a cell may hold instead of a number, and the one status it means.
MARKERS: Final = {"*": "suppressed", "-": "not_published", "NULL": "not_applicable", "null": "not_applicable"}
NOT_APPLICABLE_MARKERS: Final = tuple(marker for marker, status in MARKERS.items() if status == "not_applicable")
#: Whether a provider submitted a table: an exact 0 or 1 among the rounded counts of the data-quality files.
SUBMISSION: Final = "submission"
UNKNOWN: Final = "unknown"
SEEDS: Final = ("measures.csv", "measure_aliases.csv", "measure_formulas.csv", "organisations.csv")

#: The place of a cell in the publisher's file.
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
    """Create the tables that rules of drops read, from Parquet files of observations and the reviewed measures.

    The first file becomes drop number 0. `seeds` is the folder of the reviewed measures.
    """
    connection.execute("set preserve_insertion_order = false")  # cells are numbered, so none needs to keep its place
    connection.execute(
        f"""
        create temp view cells as
        select *, file_index, file_row_number
        from read_parquet([{sql_list(files)}], hive_partitioning = false)
        """
    )
    for seed in SEEDS:
        file = quote_literal(seeds / seed)
        connection.execute(
            f"create temp table {Path(seed).stem} as from read_csv({file}, header = true, all_varchar = true)"
        )
    connection.execute(render_sql("drops/load_published_measures", unknown=UNKNOWN))
    _create_vocabularies(connection)
    # Words become enumerations once a measure, not once a figure.
    connection.execute(
        """
        create temp table known_measures as
        select
            series, measure_name, measure_id, measure::measure_name as measure, statistic::statistic as statistic,
            unit::unit as unit
        from published_measures
        """
    )
    connection.execute(
        render_sql(
            "drops/load_observations",
            population=POPULATION,
            submission=SUBMISSION,
            not_applicable_markers=sql_list(NOT_APPLICABLE_MARKERS),
        )
    )
    connection.execute(render_sql("drops/load_names_of_others"))
    connection.execute(render_sql("drops/load_populations", population=POPULATION))
    connection.execute(render_sql("drops/load_percentages"))


def _create_vocabularies(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the enumerations: a small number in the database, a word in a rule; other words become NULL."""
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
