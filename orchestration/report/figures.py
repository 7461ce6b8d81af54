"""The figures of a release as the report needs them: by report, organisation and population, a text a series.

Everything comes from the released tables; nothing is worked out. A cell is the released figure, or a letter:
`c` suppressed, `x` not published, `z` not applicable; empty where the release has no row. A total built here carries
its least, its most and its hidden parts: `1230~1224~1239~2`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import duckdb

from expectations.contracts import CONTRACTS, file_of
from orchestration.report.names import area_id, readable_name
from orchestration.report.outline import Family, Outline, Topic

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
    `standards` hold, for each population and measure with a national standard, the word of each period: met, missed or
    ambiguous, as the release has it. England is judged by a decimal that leaves no release, so no page could say it.
    """

    area: str
    prefix: str
    code: str
    levels: tuple[tuple[int, str], ...]
    series: Mapping[str, tuple[str, ...]]
    standards: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


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
    periods = len(release.periods[report])
    if not periods:
        return
    with _open(release.folder, tables_read(outline)) as connection:
        _create_axis(connection, outline, report)
        _create_levels(connection, outline)
        _create_cells(connection, outline, report)
        _create_named(connection, outline)
        levels = _levels(connection)
        found: dict[tuple[str, str], dict[str, list[str]]] = {}
        judged: dict[tuple[str, str], dict[str, dict[str, str]]] = {}
        for topic, measures in _measures_by_topic(outline):
            for (prefix, code, key), texts in _series(connection, topic, measures, periods):
                series = found.setdefault((prefix, code), {}).setdefault(key, [""] * len(outline.measure_order))
                for measure, text in zip(measures, texts, strict=True):
                    series[outline.measure_order.index(measure)] = text
            with_standard = _with_standard(topic, measures)
            for (prefix, code, key), words in _judgements(connection, topic, with_standard, outline, periods):
                judged.setdefault((prefix, code), {}).setdefault(key, {}).update(words)
    for (prefix, code), area_series in sorted(found.items()):
        yield AreaFigures(
            area=area_id(prefix, code) if prefix != "england" else "england",
            prefix=prefix,
            code=code,
            levels=levels[prefix, code],
            series={key: tuple(texts) for key, texts in sorted(area_series.items())},
            standards=dict(sorted(judged.get((prefix, code), {}).items())),
        )


def _measures_by_topic(outline: Outline) -> Iterator[tuple[Topic, tuple[str, ...]]]:
    """The measures that are read of each topic's mart: one that several marts have, of the first."""
    seen: set[str] = set()
    for topic in outline.topics:
        yield topic, tuple(measure for measure in topic.measures if measure not in seen)
        seen |= set(topic.measures)


def _series(
    connection: duckdb.DuckDBPyConnection, topic: Topic, measures: tuple[str, ...], periods: int
) -> Iterator[tuple[tuple[str, str, str], list[str]]]:
    """Prefix and code of each organisation with a population, and its text of each measure of the topic.

    A series of which no cell applies is empty, and what has no other is left out.
    """
    for of_whom, texts in _texts(connection, topic, measures, periods):
        if any(texts):
            yield of_whom, texts


def _judgements(
    connection: duckdb.DuckDBPyConnection, topic: Topic, measures: tuple[str, ...], outline: Outline, periods: int
) -> Iterator[tuple[tuple[str, str, str], dict[str, str]]]:
    """Of each organisation and population that is drawn beside a standard, how each measure stands to it by period."""
    if not measures:
        return
    drawn = (EVERYONE.split("/")[0], *outline.recovery_rate.variables)
    for (prefix, code, key), texts in _texts(connection, topic, tuple(map(_standing, measures)), periods):
        words = {measure: text for measure, text in zip(measures, texts, strict=True) if text}
        if words and key.split("/")[0] in drawn:
            yield (prefix, code, key), words


def _with_standard(topic: Topic, measures: tuple[str, ...]) -> tuple[str, ...]:
    """Those measures of a topic beside which its mart says how they stand to a national standard."""
    return tuple(measure for measure in measures if _standing(measure) in CONTRACTS[topic.mart])


def _standing(measure: str) -> str:
    """The column of a mart that says whether a measure met its standard."""
    return f"{measure}_standard_status"


def _texts(
    connection: duckdb.DuckDBPyConnection, topic: Topic, columns: tuple[str, ...], periods: int
) -> Iterator[tuple[tuple[str, str, str], list[str]]]:
    """Prefix and code of each organisation with a population, and the text over the axis of each column of a topic."""
    query = connection.execute(
        f"""
        select named.prefix, cells.org_code, cells.population, cells.number, {", ".join(columns)}
        from cells_of_{topic.mart} as cells
        inner join named on cells.org_level = named.org_level and cells.org_code = named.org_code
        order by named.prefix, cells.org_code, cells.population
        """
    )
    rows = chain.from_iterable(iter(lambda: query.fetchmany(10_000), []))
    for of_whom, group in groupby(rows, key=itemgetter(0, 1, 2)):
        numbers, *cells_of_columns = tuple(zip(*group, strict=True))[3:]
        yield of_whom, [_text(numbers, cells, periods) for cells in cells_of_columns]


def _text(numbers: Sequence[int], cells: Sequence[str | None], periods: int) -> str:
    """The cells of a series as one text, each in the place of its period."""
    placed = [""] * periods
    applies = False
    for number, cell in zip(numbers, cells, strict=True):
        if cell is not None:
            applies = applies or cell != "z"
            placed[number] = max(placed[number], cell)
    return ",".join(placed).rstrip(",") if applies else ""


def _create_named(connection: duckdb.DuckDBPyConnection, outline: Outline) -> None:
    """The prefix of each organisation at each of its levels, and the first period in which it stands there.

    Where a code has figures at two levels in one period, the older level is an organisation of its own.
    """
    stands = " union ".join(
        f"select org_level, org_code, number from cells_of_{topic.mart} where has_cells" for topic in outline.topics
    )
    connection.execute(
        f"""
        create temp table named as
        with stands as ({stands}),
        shared as (
            select distinct levels.family, stands.org_code
            from stands inner join levels using (org_level)
            group by levels.family, stands.org_code, stands.number
            having count(distinct stands.org_level) > 1
        ),
        since as (
            select org_level, org_code, min(number) as first from stands group by org_level, org_code
        )
        select
            case when shared.org_code is not null and levels.rank > 0 then replace(since.org_level, '_', '-')
                 else levels.family end as prefix,
            since.*
        from since
        inner join levels on since.org_level = levels.org_level
        left join shared on since.org_code = shared.org_code and levels.family = shared.family
        """
    )


def _levels(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], tuple[tuple[int, str], ...]]:
    """From which period on each organisation stands at which level."""
    rows = connection.execute(
        "select prefix, org_code, first, org_level from named order by prefix, org_code, first, org_level"
    ).fetchall()
    return {
        (str(prefix), str(code)): tuple((int(first), str(level)) for _, _, first, level in group)
        for (prefix, code), group in groupby(rows, key=lambda row: (row[0], row[1]))
    }


def _create_axis(connection: duckdb.DuckDBPyConnection, outline: Outline, report: str) -> None:
    connection.execute(
        """
        create temp table axis as
        select period, row_number() over (order by period_start) - 1 as number from dim_period
        where period_grain = $grain and period_start between $first and $last
        """,
        _axis_bounds(connection, outline, report),
    )


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
    """A table for each topic: its mart's rows that the report shows, every measure's cell as text.

    `has_cells` says whether the row has a status of any of them.
    """
    kinds = ["total", *(variable.population_type for variable in outline.variables)]
    connection.execute("create temp table kinds as select unnest($kinds) as population_type", {"kinds": kinds})
    connection.execute(
        "create temp table hidden as select period, org_level, org_code, measure, suppressed_parts "
        f"from extract_monthly where is_derived and {'true' if report == 'monthly' else 'false'}"
    )
    for topic, measures in _measures_by_topic(outline):
        parts = ", ".join(f"max(suppressed_parts) filter (measure = '{measure}') as {measure}" for measure in measures)
        statuses = ", ".join(f"mart.{measure}_status" for measure in measures)
        # A suppressed figure is on neither side of a standard, whatever a release says beside it.
        standings = "".join(
            f", if(mart.{measure}_status = 'published', mart.{_standing(measure)}, null) as {_standing(measure)}"
            for measure in _with_standard(topic, measures)
        )
        connection.execute(
            f"""
            create temp table cells_of_{topic.mart} as
            with hidden_parts as (
                select period, org_level, org_code, {parts} from hidden group by period, org_level, org_code
            )
            select
                axis.number, mart.org_level, mart.org_code,
                mart.population_type || '/' || mart.population as population,
                coalesce({statuses}) is not null as has_cells,
                {", ".join(_cell(measure) for measure in measures)}{standings}
            from {topic.mart} as mart
            inner join axis on mart.period = axis.period
            inner join levels on mart.org_level = levels.org_level
            inner join kinds on mart.population_type = kinds.population_type
            left join hidden_parts
                on mart.is_derived and mart.period = hidden_parts.period
                and mart.org_level = hidden_parts.org_level and mart.org_code = hidden_parts.org_code
            where mart.period_grain = '{GRAINS[report]}'
            """
        )


def _cell(measure: str) -> str:
    """The cell of a measure in a row of its mart, as text: none where the release has none."""
    number = f"printf('%.1f', mart.{measure})"
    if not measure.startswith("me"):  # means and medians keep their decimal
        number = (
            f"case when mart.{measure} = floor(mart.{measure}) "
            f"then cast(cast(mart.{measure} as bigint) as varchar) else {number} end"
        )
    # Of a figure that has no bounds, a total built here has no text either.
    bounds = (
        f"'~' || mart.{measure}_lower || '~' || mart.{measure}_upper || '~' || coalesce(hidden_parts.{measure}, 0)"
        if measure.startswith("count_")
        else "null"
    )
    return f"""
        case mart.{measure}_status
            when 'suppressed' then 'c'
            when 'not_published' then 'x'
            when 'not_applicable' then 'z'
            when 'published' then {number} || case when mart.is_derived then {bounds} else '' end
            else if(
                mart.{measure}_status is null, null, error('expected a value status; found ' || mart.{measure}_status)
            )
        end as {measure}
    """


def areas_of(release: Release, outline: Outline, figures: Mapping[str, Mapping[str, AreaFigures]]) -> tuple[Area, ...]:
    """The organisations that have figures, in the order a list shows them.

    `figures` are those of each report, by organisation. Each organisation is described as it stands at the newest level
    at which it has any: the lists name bodies of its code that never had one.
    """
    described = _described(release)
    of_areas: dict[str, dict[str, AreaFigures]] = {}
    for report, of_report in figures.items():
        for one in of_report.values():
            of_areas.setdefault(one.area, {})[report] = one
    areas = []
    for identity, reports in of_areas.items():
        any_of_them = next(iter(reports.values()))
        code = any_of_them.code
        family, levels = _levels_of(any_of_them.prefix, outline)
        stood = {level for one in reports.values() for _, level in one.levels}
        level = next(level for level in levels if level in stood)
        if (level, code) not in described:
            raise ReleaseNotReadable(f"dim_organisation: expected {level} {code}, which has figures; not there")
        name, note = described[level, code]
        areas.append(
            Area(
                id=identity,
                family=family.slug,
                code=code,
                name="England" if family.slug == "england" else readable_name(name),
                note=note,
                reports=tuple(report for report in GRAINS if report in reports),
            )
        )
    order = [family.slug for family in outline.families]
    return tuple(sorted(areas, key=lambda area: (order.index(area.family), area.name.lower(), area.code)))


def _described(release: Release) -> dict[tuple[str, str], tuple[str, str]]:
    """Name of every listed organisation, and what became of it, by its level and code."""
    with _open(release.folder, ("dim_organisation",)) as connection:
        rows = connection.execute(
            """
            select org_level, org_code, org_name, coalesce(today_code, ''), coalesce(today_name, ''),
                   coalesce(today_comparability, ''), coalesce(cast(valid_to as varchar), '')
            from dim_organisation
            """
        ).fetchall()
    return {(str(level), str(code)): (str(name), _note(*map(str, fate))) for level, code, name, *fate in rows}


def _levels_of(prefix: str, outline: Outline) -> tuple[Family, tuple[str, ...]]:
    for family in outline.families:
        if prefix == family.slug:
            return family, family.levels
        for level in family.levels:
            if prefix == level.replace("_", "-"):
                return family, (level,)
    raise ReleaseNotReadable(f"expected a family of organisations; found {prefix!r}")


def _note(today_code: str, today_name: str, comparability: str, valid_to: str) -> str:
    """What became of an organisation that is no more, from the lists."""
    if not valid_to or comparability == "same":
        return ""
    ended = f"Ended on {valid_to}."
    return f"{ended} Its area is covered today by {readable_name(today_name)} ({today_code})." if today_code else ended


def as_script(name: str, data: Any) -> str:
    """Data as a script that hands it over: a page opened from a disk may run scripts, not fetch files."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    # What would end a script, or a line in it, is written as its number.
    for character in "<>\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f"iapt.receive({json.dumps(name)},{text});\n"
