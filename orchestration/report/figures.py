"""The figures of a release as the report needs them: by report, organisation and population, a text a series.

Everything comes from the released tables; nothing is worked out. A cell is the released figure, or a letter:
`c` suppressed, `x` not published, `z` not applicable; empty where the release has no row. A total built here carries
its least, its most and its hidden parts: `1230~1224~1239~2`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import duckdb

from expectations.contracts import file_of
from orchestration.report.names import area_id, readable_name
from orchestration.report.outline import Family, Outline

GRAINS: Final[Mapping[str, str]] = {"monthly": "month", "quarterly": "quarter", "annual": "year"}
EVERYONE: Final = "total/total"
_TABLES: Final = ("dim_period", "dim_organisation", "dim_population", "dim_measure", "dim_standard", "extract_monthly")


class ReleaseNotReadable(Exception):
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
class Area:
    """An organisation, under whatever levels its code has had. `reports` are those that have figures of it."""

    id: str
    family: str
    code: str
    name: str
    note: str
    reports: tuple[str, ...]


@dataclass(frozen=True)
class AreaFigures:
    """What one report has of one organisation.

    `levels` say from which period on, by its number on the axis, the organisation stands at which level.
    `series` hold, for each population, a series for each measure in the order of the outline.
    """

    area: str
    prefix: str
    code: str
    levels: tuple[tuple[int, str], ...]
    series: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Population:
    """A category on a page. `comparable_from` is the period at which it cannot be compared with what was before."""

    key: str
    label: str
    comparable_from: str
    change_reason: str


@dataclass(frozen=True)
class Release:
    """A release folder and what its tables say that every page needs."""

    folder: Path
    manifest: Mapping[str, Any]
    periods: Mapping[str, tuple[Period, ...]]
    populations: Mapping[str, tuple[Population, ...]]
    measures: Mapping[str, Mapping[str, str]]
    standards: tuple[Mapping[str, Any], ...]
    ons_codes: Mapping[str, str] = field(default_factory=dict)


def tables_read(outline: Outline) -> tuple[str, ...]:
    """The released tables a report is made from; the dbt project names them in its exposure."""
    return (*_TABLES, *(topic.mart for topic in outline.topics))


def read_release(folder: Path, outline: Outline, manifest: Mapping[str, Any]) -> Release:
    """Read what every page needs. Raises ReleaseNotReadable where a table is missing."""
    needed = tables_read(outline)
    if missing := [file_of(table) for table in needed if not (folder / file_of(table)).is_file()]:
        raise ReleaseNotReadable(
            f"{folder}: expected the tables of a release; not there: {', '.join(missing)}. Name a release folder."
        )
    with _open(folder, needed) as connection:
        return Release(
            folder=folder,
            manifest=manifest,
            periods={report: _periods(connection, report, outline) for report in GRAINS},
            populations=_populations(connection, outline),
            measures=_measures(connection, outline),
            standards=_standards(connection),
            ons_codes=_ons_codes(connection),
        )


def _open(folder: Path, tables: tuple[str, ...]) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    for table in tables:
        file = str(folder / file_of(table)).replace("'", "''")
        connection.execute(f"create view {table} as from read_parquet('{file}')")
    return connection


def _periods(connection: duckdb.DuckDBPyConnection, report: str, outline: Outline) -> tuple[Period, ...]:
    """The calendar from the first to the last period of which the marts have a row. Empty where they have none."""
    held = " union ".join(
        f"select period_start from {topic.mart} where period_grain = ${'grain'}" for topic in outline.topics
    )
    rows = connection.execute(
        f"""
        with held as ({held})
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


def _populations(connection: duckdb.DuckDBPyConnection, outline: Outline) -> dict[str, tuple[Population, ...]]:
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
        {"types": [variable.population_type for variable in outline.variables]},
    ).fetchall()
    return {
        kind: tuple(Population(*row[1:]) for row in group) for kind, group in groupby(rows, key=lambda row: str(row[0]))
    }


def _measures(connection: duckdb.DuckDBPyConnection, outline: Outline) -> dict[str, dict[str, str]]:
    rows = connection.execute(
        """
        select measure, statistic, unit, definition, coalesce(numerator, ''), coalesce(denominator, ''), name
        from dim_measure where measure in (select unnest($measures))
        """,
        {"measures": list(outline.measure_order)},
    ).fetchall()
    found = {
        str(measure): dict(
            zip(("statistic", "unit", "definition", "numerator", "denominator", "name"), rest, strict=True)
        )
        for measure, *rest in rows
    }
    if missing := [measure for measure in outline.measure_order if measure not in found]:
        raise ReleaseNotReadable(f"dim_measure: expected every measure of the outline; not there: {', '.join(missing)}")
    return found


def _standards(connection: duckdb.DuckDBPyConnection) -> tuple[dict[str, Any], ...]:
    """The national standards whose text we have: the others are not drawn."""
    rows = connection.execute(
        """
        select measure, threshold, label, cast(valid_from as varchar), coalesce(cast(valid_to as varchar), '')
        from dim_standard where certainty = 'stated' order by measure, valid_from
        """
    ).fetchall()
    return tuple(dict(zip(("measure", "threshold", "label", "from", "to"), row, strict=True)) for row in rows)


def _ons_codes(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    rows = connection.execute(
        "select ons_code, org_code from dim_organisation where org_level = 'icb' and ons_code is not null order by 1"
    ).fetchall()
    return {str(ons): str(code) for ons, code in rows}


def figures_of(release: Release, outline: Outline, report: str) -> Iterator[AreaFigures]:
    """What one report has of each organisation, one organisation at a time."""
    periods = {period.period: number for number, period in enumerate(release.periods[report])}
    with _open(release.folder, tables_read(outline)) as connection:
        rows = _rows(connection, outline, report, len(periods))
        for (prefix, code), area_rows in groupby(rows, key=lambda row: (row[0], row[1])):
            series: dict[str, list[str]] = {}
            levels = []
            for _, _, key, measure, cells, stood in area_rows:
                levels = stood
                series.setdefault(key, [""] * len(outline.measure_order))[measure] = cells
            yield AreaFigures(
                area=area_id(prefix, code) if prefix != "england" else "england",
                prefix=str(prefix),
                code=str(code),
                levels=tuple((int(first), str(level)) for first, level in levels),
                series={key: tuple(cells) for key, cells in series.items()},
            )


def _rows(connection: duckdb.DuckDBPyConnection, outline: Outline, report: str, periods: int) -> Iterator[Any]:
    """Every series: prefix and code of its organisation, population, number of the measure, cells, first of each level.

    Where a code has figures at two levels in one period, the older level is an organisation of its own.
    """
    connection.execute(
        """
        create temp table axis as
        select period, row_number() over (order by period_start) - 1 as number from dim_period
        where period_grain = $grain and period_start between $first and $last
        """,
        _axis_bounds(connection, outline, report),
    )
    _create_levels(connection, outline)
    _create_cells(connection, outline, report)
    connection.execute(
        """
        create temp table shared as
        select distinct levels.family, cells.org_code
        from cells inner join levels using (org_level)
        group by levels.family, cells.org_code, cells.number
        having count(distinct cells.org_level) > 1
        """
    )
    # A column a period, joined to one text: far quicker than a list of them.
    cells = " || ',' || ".join(f"coalesce(max(cell) filter (number = {number}), '')" for number in range(periods))
    query = (
        connection.execute(
            f"""
        with named as (
            select
                case when shared.org_code is not null and levels.rank > 0 then replace(cells.org_level, '_', '-')
                     else levels.family end as prefix,
                cells.*
            from cells
            inner join levels on cells.org_level = levels.org_level
            left join shared on cells.org_code = shared.org_code and levels.family = shared.family
        ),
        since as (
            select prefix, org_code, org_level, min(number) as first from named group by all
        ),
        stood as (
            select prefix, org_code, list((first, org_level) order by first) as levels from since group by all
        ),
        series as (
            select prefix, org_code, population, measure, rtrim({cells}, ',') as cells
            from named
            group by prefix, org_code, population, measure
            having bool_or(cell <> 'z')
        )
        select series.*, stood.levels
        from series inner join stood on series.prefix = stood.prefix and series.org_code = stood.org_code
        order by prefix, org_code, population, measure
        """
        )
        if periods
        else connection.execute("select 1 where false")
    )
    while batch := query.fetchmany(10_000):
        yield from batch


def _axis_bounds(connection: duckdb.DuckDBPyConnection, outline: Outline, report: str) -> dict[str, Any]:
    held = " union all ".join(
        f"select period_start from {topic.mart} where period_grain = $grain" for topic in outline.topics
    )
    found = connection.execute(
        f"select min(period_start), max(period_start) from ({held})", {"grain": GRAINS[report]}
    ).fetchone()
    first, last = found or (None, None)
    return {"grain": GRAINS[report], "first": first, "last": last}


def _create_levels(connection: duckdb.DuckDBPyConnection, outline: Outline) -> None:
    connection.execute("create temp table levels (org_level varchar, family varchar, rank integer)")
    for family in outline.families:
        for rank, level in enumerate(family.levels):
            connection.execute("insert into levels values (?, ?, ?)", [level, family.slug, rank])


def _create_cells(connection: duckdb.DuckDBPyConnection, outline: Outline, report: str) -> None:
    """Every cell of the marts' measures that the report shows, once, as text."""
    kinds = ["total", *(variable.population_type for variable in outline.variables)]
    connection.execute("create temp table kinds as select unnest($kinds) as population_type", {"kinds": kinds})
    seen: set[str] = set()
    parts = []
    for topic in outline.topics:
        cells = [
            f"struct_pack(measure := {outline.measure_order.index(measure)}, slug := '{measure}', "
            f"value := {measure}, status := {measure}_status, "
            + (
                f"least := {measure}_lower, most := {measure}_upper)"
                if measure.startswith("count_")
                else "least := cast(null as bigint), most := cast(null as bigint))"
            )
            for measure in topic.measures
            if measure not in seen
        ]
        seen |= set(topic.measures)
        parts.append(
            "select period, org_level, org_code, population_type, population, is_derived, "
            f"unnest([{', '.join(cells)}]) as cell from {topic.mart} where period_grain = '{GRAINS[report]}'"
        )
    hidden_parts = (
        "select period, org_level, org_code, measure, suppressed_parts from extract_monthly where is_derived"
        if report == "monthly"
        else "select null as period, null as org_level, null as org_code, null as measure, null as suppressed_parts "
        "where false"
    )
    connection.execute(
        f"""
        create temp table cells as
        with long as ({" union all ".join(parts)}),
        hidden as ({hidden_parts})
        select
            axis.number, long.org_level, long.org_code, long.population_type || '/' || long.population as population,
            long.cell.measure as measure,
            case long.cell.status
                when 'suppressed' then 'c'
                when 'not_published' then 'x'
                when 'not_applicable' then 'z'
                when 'published' then
                    case when long.cell.value = floor(long.cell.value) and long.cell.slug not like 'me%'
                         then cast(cast(long.cell.value as bigint) as varchar)
                         else printf('%.1f', long.cell.value) end
                    || case when long.is_derived
                            then '~' || long.cell.least || '~' || long.cell.most
                                 || '~' || coalesce(hidden.suppressed_parts, 0)
                            else '' end
                else error('expected a value status; found ' || long.cell.status)
            end as cell
        from long
        inner join axis on long.period = axis.period
        inner join levels on long.org_level = levels.org_level
        inner join kinds on long.population_type = kinds.population_type
        left join hidden
            on long.is_derived and long.period = hidden.period and long.org_level = hidden.org_level
            and long.org_code = hidden.org_code and long.cell.slug = hidden.measure
        where long.cell.status is not null
        """
    )


def areas_of(
    release: Release, outline: Outline, reports_of: Mapping[str, set[str]], codes: Mapping[str, tuple[str, str]]
) -> tuple[Area, ...]:
    """The organisations that have figures, in the order a list shows them.

    `reports_of` names the reports of each area, `codes` its prefix and code.
    """
    with _open(release.folder, ("dim_organisation",)) as connection:
        rows = connection.execute(
            """
            select org_level, org_code, org_name, coalesce(former_names, ''), coalesce(today_level, ''),
                   coalesce(today_code, ''), coalesce(today_name, ''), coalesce(today_comparability, ''),
                   coalesce(cast(valid_to as varchar), ''), coalesce(parent_name_today, parent_name, '')
            from dim_organisation
            """
        ).fetchall()
    described = {(str(row[0]), str(row[1])): row[2:] for row in rows}
    areas = []
    for identity, (prefix, code) in codes.items():
        family, levels = _levels_of(prefix, outline)
        found = next((described[level, code] for level in levels if (level, code) in described), None)
        if found is None:
            raise ReleaseNotReadable(f"dim_organisation: expected {levels[0]} {code}, which has figures; not there")
        name, *_ = found
        areas.append(
            Area(
                id=identity,
                family=family.slug,
                code=code,
                name="England" if family.slug == "england" else readable_name(str(name)),
                note=_note(found),
                reports=tuple(report for report in GRAINS if report in reports_of[identity]),
            )
        )
    order = [family.slug for family in outline.families]
    return tuple(sorted(areas, key=lambda area: (order.index(area.family), area.name.lower(), area.code)))


def _levels_of(prefix: str, outline: Outline) -> tuple[Family, tuple[str, ...]]:
    for family in outline.families:
        if prefix == family.slug:
            return family, family.levels
        for level in family.levels:
            if prefix == level.replace("_", "-"):
                return family, (level,)
    raise ReleaseNotReadable(f"expected a family of organisations; found {prefix!r}")


def _note(described: Any) -> str:
    """What became of an organisation that is no more, from the lists."""
    _, _, _, today_code, today_name, comparability, valid_to, _ = described
    if not valid_to or comparability == "same":
        return ""
    ended = f"Ended on {valid_to}."
    return (
        f"{ended} Its area is covered today by {readable_name(str(today_name))} ({today_code})."
        if today_code
        else ended
    )


def as_script(name: str, data: Any) -> str:
    """Data as a script that hands it over: a page opened from a disk may run scripts, not fetch files."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    # What would end a script, or a line in it, is written as its number.
    for character in "<>\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f"iapt.receive({json.dumps(name)},{text});\n"
