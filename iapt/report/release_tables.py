"""What the tables of a release say that every page needs: periods, populations, measures, standards, organisations.

Everything comes from the released tables; nothing is worked out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import duckdb

from iapt.catalogue.report_config import ReportConfig
from iapt.contract import parquet_name
from iapt.duckdb_connections import open_duckdb
from iapt.report.places import Organisation, OrganisationKey, Place, build_places
from iapt.sql import quote_literal

#: The grain of the periods of each report.
GRAINS: Final[Mapping[str, str]] = {"monthly": "month", "quarterly": "quarter", "annual": "year"}
#: The population of everyone.
EVERYONE: Final = "total/total"
CURRENT_BOUNDARIES: Final = {report: f"extract_{report}_current_boundaries" for report in GRAINS}
#: A report is built beside the database of its release.
_WORKERS: Final = 2
_TABLES: Final = (
    "dim_period",
    "dim_organisation",
    "dim_population",
    "dim_measure",
    "dim_standard",
    "dim_note",
    "extract_monthly",
    *CURRENT_BOUNDARIES.values(),
)


class ReleaseUnreadableError(Exception):
    """Raised where a folder is not a release with the tables that a report is made from."""


@dataclass(frozen=True)
class Period:
    """A month, quarter or financial year on the axis of a report. `reason` says why there are no figures."""

    period: str
    label: str
    start: str
    status: str
    reason: str
    break_name: str
    break_reason: str
    breaks_sums: bool


@dataclass(frozen=True)
class Note:
    """A remark on figures that are known to be wrong or surprising, and where it comes from."""

    id: str
    text: str
    source: str


@dataclass(frozen=True)
class Population:
    """A category on a page. `comparable_from` is the period at which it cannot be compared with what was before."""

    key: str
    label: str
    comparable_from: str
    change_reason: str


@dataclass(frozen=True)
class Release:
    """A release folder and what its tables say that every page needs. DuckDB spills into `spill`, if anywhere."""

    folder: Path
    manifest: Mapping[str, Any]
    periods: Mapping[str, tuple[Period, ...]]
    populations: Mapping[str, tuple[Population, ...]]
    measures: Mapping[str, Mapping[str, str]]
    standards: tuple[Mapping[str, Any], ...]
    ons_codes: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    organisations: Mapping[OrganisationKey, Organisation] = field(default_factory=dict)
    places: Mapping[OrganisationKey, Place] = field(default_factory=dict)
    spill: Path | None = None


def list_tables_read(config: ReportConfig) -> tuple[str, ...]:
    """The released tables a report is made from; the dbt project names them in its exposure."""
    return (*_TABLES, *(topic.mart for topic in config.topics))


def read_release(folder: Path, config: ReportConfig, manifest: Mapping[str, Any], spill: Path | None = None) -> Release:
    """Read what every page needs; what does not fit into memory is spilt into `spill`, if anywhere.

    Raises ReleaseUnreadableError where a table is missing.
    """
    tables = list_tables_read(config)
    if missing := [parquet_name(table) for table in tables if not (folder / parquet_name(table)).is_file()]:
        raise ReleaseUnreadableError(
            f"{folder}: expected the tables of a release; not there: {', '.join(missing)}. Name a release folder."
        )
    with open_tables(folder, config, spill) as connection:
        organisations = _read_organisations(connection)
        return Release(
            folder=folder,
            manifest=manifest,
            periods={report: _read_periods(connection, report, config) for report in GRAINS},
            populations=_read_populations(connection, config),
            measures=_read_measures(connection, config),
            standards=_read_standards(connection),
            ons_codes=_read_ons_codes(connection),
            notes=_read_notes(connection),
            organisations=organisations,
            places=build_places(organisations, config),
            spill=spill,
        )


def open_tables(folder: Path, config: ReportConfig, spill: Path | None) -> duckdb.DuckDBPyConnection:
    """A connection in which the tables of a release folder are views, and `topic_periods` are the periods with rows."""
    connection = open_duckdb(spill=spill, workers=_WORKERS, preserve_insertion_order=True)
    for table in list_tables_read(config):
        connection.execute(f"create view {table} as from read_parquet({quote_literal(folder / parquet_name(table))})")
    held = " union ".join(f"select period_grain, period_start from {topic.mart}" for topic in config.topics)
    connection.execute(f"create view topic_periods as {held}")
    return connection


def _read_periods(connection: duckdb.DuckDBPyConnection, report: str, config: ReportConfig) -> tuple[Period, ...]:
    """The calendar from the first to the last period of which the marts have a row. Empty where they have none."""
    rows = connection.execute(
        """
        with held as (select period_start from topic_periods where period_grain = $grain)
        select period, period_label, cast(period_start as varchar), publication_status, coalesce(reason, ''),
               coalesce(series_break, ''), coalesce(series_break_reason, ''), coalesce(breaks_sums, false)
        from dim_period
        where period_grain = $grain
          and period_start between (select min(period_start) from held) and (select max(period_start) from held)
        order by period_start
        """,
        {"grain": GRAINS[report]},
    ).fetchall()
    return tuple(Period(*row) for row in rows)


def _read_populations(connection: duckdb.DuckDBPyConnection, config: ReportConfig) -> dict[str, tuple[Population, ...]]:
    """The categories of each variable in their order; where schemes differ on one, the newest speaks of it."""
    rows = connection.execute(
        """
        select population_type, population_type || '/' || population, arg_max(population_name, first_period_start),
               coalesce(max(comparable_from), ''),
               coalesce(arg_max(change_reason, first_period_start) filter (comparable_from is not null), '')
        from dim_population
        where population_type in (select unnest($types)) and population is not null and first_period_start is not null
        group by population_type, population
        order by population_type, arg_max(sort_order, first_period_start), population
        """,
        {"types": [variable.population_type for variable in config.variables]},
    ).fetchall()
    return {
        population_type: tuple(Population(*row[1:]) for row in group)
        for population_type, group in groupby(rows, key=lambda row: str(row[0]))
    }


def _read_measures(connection: duckdb.DuckDBPyConnection, config: ReportConfig) -> dict[str, dict[str, str]]:
    rows = connection.execute(
        """
        select measure, statistic, unit, definition, coalesce(numerator, ''), coalesce(denominator, ''), name
        from dim_measure where measure in (select unnest($measures))
        """,
        {"measures": list(config.measure_order)},
    ).fetchall()
    columns = ("statistic", "unit", "definition", "numerator", "denominator", "name")
    measures = {str(measure): dict(zip(columns, values, strict=True)) for measure, *values in rows}
    if missing := [measure for measure in config.measure_order if measure not in measures]:
        raise ReleaseUnreadableError(
            f"dim_measure: expected every measure of the report; not there: {', '.join(missing)}"
        )
    return measures


def _read_standards(connection: duckdb.DuckDBPyConnection) -> tuple[dict[str, Any], ...]:
    """The national standards whose text we have: the others are not drawn."""
    rows = connection.execute(
        """
        select measure, threshold, label, cast(valid_from as varchar), coalesce(cast(valid_to as varchar), '')
        from dim_standard where certainty = 'stated' order by measure, valid_from
        """
    ).fetchall()
    return tuple(dict(zip(("measure", "threshold", "label", "from", "to"), row, strict=True)) for row in rows)


def _read_ons_codes(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    rows = connection.execute(
        "select ons_code, org_code from dim_organisation where org_level = 'icb' and ons_code is not null order by 1"
    ).fetchall()
    return {str(ons_code): str(code) for ons_code, code in rows}


def _read_notes(connection: duckdb.DuckDBPyConnection) -> tuple[Note, ...]:
    """The notes on figures of the release, each once."""
    rows = connection.execute(
        """
        select note_id, any_value(note order by note), any_value("source" order by note) from dim_note
        where cell_status = 'released' group by note_id order by note_id
        """
    ).fetchall()
    return tuple(Note(*map(str, row)) for row in rows)


def _read_organisations(connection: duckdb.DuckDBPyConnection) -> dict[OrganisationKey, Organisation]:
    """The list of organisations. Raises ReleaseUnreadableError where it was made before boundaries were in it."""
    columns = {str(row[0]) for row in connection.execute("describe dim_organisation").fetchall()}
    if "boundary_moves" not in columns:
        raise ReleaseUnreadableError(
            "dim_organisation: expected the column boundary_moves; not there. The release was made by an older version "
            "of this project: build its report with that version, or refresh and use the new release."
        )
    rows = connection.execute(
        """
        select org_level, org_code, org_name, coalesce(org_type, ''), valid_from, valid_to,
               coalesce(predecessors, ''), coalesce(successors, ''), coalesce(boundary_moves, ''),
               coalesce(current_code, ''), coalesce(current_name, ''), coalesce(current_comparability, '')
        from dim_organisation
        """
    ).fetchall()
    organisations = (
        Organisation(
            *row[:6],
            predecessors=_split_list(predecessors),
            successors=_split_list(successors),
            boundary_moves=tuple(date.fromisoformat(day) for day in _split_list(moves)),
            current_code=current_code,
            current_name=current_name,
            current_comparability=current_comparability,
        )
        for *row, predecessors, successors, moves, current_code, current_name, current_comparability in rows
    )
    return {organisation.key: organisation for organisation in organisations}


def _split_list(text: str) -> tuple[str, ...]:
    """The parts of a text that joins them by semicolons."""
    return tuple(part for part in text.split("; ") if part)
