"""The figures of a release as the report needs them: by report, organisation and population, a text a series.

Everything comes from the released tables; nothing is worked out. A cell is the released figure, or a letter:
`c` suppressed, `x` not published, `z` not applicable; empty where the release has no row. A total built here carries
its least, its most and its hidden parts: `1230~1224~1239~2`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain, groupby, pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import duckdb

from iapt.catalogue.report_config import Family, ReportConfig, Topic
from iapt.contract import CONTRACTS, parquet_name
from iapt.report.names import area_id, day_in_words, readable_name
from iapt.report.places import Listed, Organisation, Place, build_places, find_neighbours
from iapt.sql import quote_literal

GRAINS: Final[Mapping[str, str]] = {"monthly": "month", "quarterly": "quarter", "annual": "year"}
EVERYONE: Final = "total/total"
CURRENT_BOUNDARIES: Final = {report: f"extract_{report}_current_boundaries" for report in GRAINS}
#: Instead of a level, in a period of which the figures are sums over the areas that make up a place today.
SUM: Final = "sum"
#: How a sum in the tables of current boundaries is related to today's area where it is one of exactly that area.
_OF_THE_SAME_AREA: Final = ("same", "recoded", "merged", "summed")
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
class Related:
    """What a place came from, or became: its name, its code and, where it has one, its page."""

    area: str
    name: str
    code: str


@dataclass(frozen=True)
class Area:
    """A place, under whatever codes and levels it has had. `reports` are those that have figures of it.

    `ended` is the last day of one that is no more, in words. `before` and `after` are what it came from and became.
    """

    id: str
    family: str
    code: str
    name: str
    note: str
    reports: tuple[str, ...]
    ended: str = ""
    before: tuple[Related, ...] = ()
    after: tuple[Related, ...] = ()


@dataclass(frozen=True)
class AreaFigures:
    """What one report has of one place.

    `levels` say from which period on, by its number on the axis, the place stands at which level and under which code;
    at the level `sum`, which codes are summed. `cuts` are the periods from which on the figures are of another area
    than those before, each with the reason. `areas` say of which areas of the place the figures of a period can be.
    `series` hold, for each population, a series for each measure in the order of the outline.
    `standards` hold, for each population and measure with a national standard, the word of each period: met, missed or
    ambiguous, as the release has it. England is judged by a decimal that leaves no release, so no page could say it.
    `notes` are remarks on figures shown: population, measure, period and the number of the note. `remarks` are those on
    figures of measures that no page shows: period, the publisher's name of the measure, and the number of the note.
    """

    area: str
    prefix: str
    code: str
    levels: tuple[tuple[int, str, str], ...]
    series: Mapping[str, tuple[str, ...]]
    standards: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    cuts: tuple[tuple[int, str], ...] = ()
    areas: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    notes: tuple[tuple[str, str, int, int], ...] = ()
    remarks: tuple[tuple[int, str, int], ...] = ()


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
    """A release folder and what its tables say that every page needs."""

    folder: Path
    manifest: Mapping[str, Any]
    periods: Mapping[str, tuple[Period, ...]]
    populations: Mapping[str, tuple[Population, ...]]
    measures: Mapping[str, Mapping[str, str]]
    standards: tuple[Mapping[str, Any], ...]
    ons_codes: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    organisations: Mapping[Listed, Organisation] = field(default_factory=dict)
    places: Mapping[Listed, Place] = field(default_factory=dict)


def tables_read(outline: ReportConfig) -> tuple[str, ...]:
    """The released tables a report is made from; the dbt project names them in its exposure."""
    return (*_TABLES, *(topic.mart for topic in outline.topics))


def read_release(folder: Path, outline: ReportConfig, manifest: Mapping[str, Any]) -> Release:
    """Read what every page needs. Raises ReleaseUnreadableError where a table is missing."""
    needed = tables_read(outline)
    if missing := [parquet_name(table) for table in needed if not (folder / parquet_name(table)).is_file()]:
        raise ReleaseUnreadableError(
            f"{folder}: expected the tables of a release; not there: {', '.join(missing)}. Name a release folder."
        )
    with _open(folder, needed) as connection:
        organisations = _organisations(connection)
        return Release(
            folder=folder,
            manifest=manifest,
            periods={report: _periods(connection, report, outline) for report in GRAINS},
            populations=_populations(connection, outline),
            measures=_measures(connection, outline),
            standards=_standards(connection),
            ons_codes=_ons_codes(connection),
            notes=_notes(connection),
            organisations=organisations,
            places=build_places(organisations, outline),
        )


def _open(folder: Path, tables: tuple[str, ...]) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    for table in tables:
        connection.execute(f"create view {table} as from read_parquet({quote_literal(folder / parquet_name(table))})")
    return connection


def _periods(connection: duckdb.DuckDBPyConnection, report: str, outline: ReportConfig) -> tuple[Period, ...]:
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


def _populations(connection: duckdb.DuckDBPyConnection, outline: ReportConfig) -> dict[str, tuple[Population, ...]]:
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


def _measures(connection: duckdb.DuckDBPyConnection, outline: ReportConfig) -> dict[str, dict[str, str]]:
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
        raise ReleaseUnreadableError(
            f"dim_measure: expected every measure of the outline; not there: {', '.join(missing)}"
        )
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


def _notes(connection: duckdb.DuckDBPyConnection) -> tuple[Note, ...]:
    """The notes on figures of the release, each once."""
    rows = connection.execute(
        """
        select note_id, any_value(note order by note), any_value("source" order by note) from dim_note
        where cell_status = 'released' group by note_id order by note_id
        """
    ).fetchall()
    return tuple(Note(*map(str, row)) for row in rows)


def _organisations(connection: duckdb.DuckDBPyConnection) -> dict[Listed, Organisation]:
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
    found = {}
    for level, code, name, kind, valid_from, valid_to, before, after, moves, *today in rows:
        found[str(level), str(code)] = Organisation(
            level=str(level),
            code=str(code),
            name=str(name),
            kind=str(kind),
            valid_from=valid_from,
            valid_to=valid_to,
            predecessors=_listed(before),
            successors=_listed(after),
            boundary_moves=tuple(date.fromisoformat(day) for day in _listed(moves)),
            current_code=str(today[0]),
            current_name=str(today[1]),
            current_comparability=str(today[2]),
        )
    return found


def _listed(text: str) -> tuple[str, ...]:
    """The parts of a text that joins them by semicolons."""
    return tuple(part for part in text.split("; ") if part)


def read_area_figures(release: Release, outline: ReportConfig, report: str) -> Iterator[AreaFigures]:
    """What one report has of each organisation, one organisation at a time."""
    periods = len(release.periods[report])
    if not periods:
        return
    with _open(release.folder, tables_read(outline)) as connection:
        _create_axis(connection, outline, report)
        _create_levels(connection, outline)
        _create_cells(connection, outline, report)
        members = _create_named(connection, release, outline)
        _add_sums(connection, outline, report, members)
        stands = _stands(connection, release, members)
        notes, remarks = _notes_of_cells(connection, release, outline, report)
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
            levels=_levels(stands[prefix, code]),
            series={key: tuple(texts) for key, texts in sorted(area_series.items())},
            standards=dict(sorted(judged.get((prefix, code), {}).items())),
            cuts=_cuts(stands[prefix, code], members[prefix, code]),
            areas={stand.number: stand.areas for stand in stands[prefix, code]},
            notes=tuple(notes.get((prefix, code), ())),
            remarks=tuple(remarks.get((prefix, code), ())),
        )


def _measures_by_topic(outline: ReportConfig) -> Iterator[tuple[Topic, tuple[str, ...]]]:
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
    connection: duckdb.DuckDBPyConnection, topic: Topic, measures: tuple[str, ...], outline: ReportConfig, periods: int
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
        select named.prefix, named.code, cells.population, cells.number, {", ".join(columns)}
        from cells_of_{topic.mart} as cells
        inner join named on cells.org_level = named.org_level and cells.org_code = named.org_code
        order by named.prefix, named.code, cells.population
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


@dataclass(frozen=True)
class _Stand:
    """A period in which a page has figures: at which level and code, and of which areas of its place they can be."""

    number: int
    level: str
    code: str
    areas: tuple[int, int]


def _create_named(
    connection: duckdb.DuckDBPyConnection, release: Release, outline: ReportConfig
) -> dict[tuple[str, str], Place]:
    """Make the table `named`: the page of each organisation, by prefix and code. Placeholders have none.

    Returns the place of each page. Where two bodies of a place have figures of one period, the older ones are pages of
    their own: neither of two figures can stand in the other's stead.
    """
    stands = " union ".join(
        f"select org_level, org_code, number from cells_of_{topic.mart} where has_cells" for topic in outline.topics
    )
    connection.execute(f"create temp table stands as {stands}")
    numbers: dict[Listed, set[int]] = {}
    for level, code, number in connection.execute("select * from stands").fetchall():
        numbers.setdefault((str(level), str(code)), set()).add(int(number))
    pages: dict[tuple[str, str], Place] = {}
    named: dict[Listed, tuple[str, str]] = {}
    for listed, own in numbers.items():
        organisation = release.organisations.get(listed)
        if organisation is not None and organisation.is_placeholder:
            continue
        place = release.places.get(listed)
        if place is None:
            raise ReleaseUnreadableError(f"dim_organisation: expected {' '.join(listed)}, which has figures; not there")
        later = place.members[place.members.index(release.organisations[listed]) + 1 :]
        if any(own & numbers.get(other.listed, set()) for other in later):
            named[listed] = (listed[0].replace("_", "-"), listed[1])
            pages[named[listed]] = Place(place.family, (release.organisations[listed],))
    for listed, place in release.places.items():
        if listed not in named:
            named[listed] = (place.family, place.newest.code)
            pages[named[listed]] = place
    connection.execute("create temp table named (org_level varchar, org_code varchar, prefix varchar, code varchar)")
    rows = [(*listed, *page) for listed, page in named.items()]
    connection.execute(
        "insert into named select unnest($levels), unnest($codes), unnest($prefixes), unnest($pages)",
        dict(zip(("levels", "codes", "prefixes", "pages"), map(list, zip(*rows, strict=True)), strict=True)),
    )
    return pages


def _add_sums(
    connection: duckdb.DuckDBPyConnection, outline: ReportConfig, report: str, pages: Mapping[tuple[str, str], Place]
) -> None:
    """Add what the tables of current boundaries sum up, for places and periods without a figure of a body of theirs.

    Only sums of exactly today's area, and only where they are whole. Makes the table `sums` of the codes summed.
    """
    open_places = [place.newest for place in pages.values() if place.newest.valid_to is None]
    connection.execute(
        f"""
        create temp table todays as
        select
            axis.number, today.org_level, today.org_code, today.codes_as_published, today.measure,
            populations.population_type || '/' || populations.population as population,
            cast(cast(today.value as bigint) as varchar) || '~' || today.lower_bound || '~' || today.upper_bound
                || '~' || coalesce(today.suppressed_parts, 0) as cell
        from {CURRENT_BOUNDARIES[report]} as today
        inner join axis on today.period = axis.period
        inner join (select unnest($levels) as org_level, unnest($codes) as org_code) as open_places
            on today.org_level = open_places.org_level and today.org_code = open_places.org_code
        inner join dim_population as populations
            on today.variable_type is not distinct from populations.variable_type
            and today.variable_a is not distinct from populations.variable_a
            and today.variable_b is not distinct from populations.variable_b
        inner join kinds on populations.population_type = kinds.population_type
        where today.is_derived and today.value_status = 'published' and today.statistic = 'count'
            and today.comparability in (select unnest($same)) and today.codes_as_published like '%; %'
            and not exists (
                from stands
                inner join named on stands.org_level = named.org_level and stands.org_code = named.org_code
                inner join named as today_named
                    on today_named.org_level = today.org_level and today_named.org_code = today.org_code
                where stands.number = axis.number
                    and named.prefix = today_named.prefix and named.code = today_named.code
            )
        """,
        {
            "levels": [one.level for one in open_places],
            "codes": [one.code for one in open_places],
            "same": list(_OF_THE_SAME_AREA),
        },
    )
    for topic, measures in _measures_by_topic(outline):
        cells = ", ".join(f"max(cell) filter (measure = '{measure}') as {measure}" for measure in measures)
        connection.execute(
            f"""
            insert into cells_of_{topic.mart} by name
            select number, org_level, org_code, population, true as has_cells, {cells} from todays
            where measure in (select unnest($measures))
            group by number, org_level, org_code, population
            """,
            {"measures": list(measures)},
        )
    connection.execute(
        "create temp table sums as select number, org_level, org_code, max(codes_as_published) as codes from todays "
        "where measure in (select unnest($measures)) group by number, org_level, org_code",
        {"measures": list(outline.measure_order)},
    )


def _notes_of_cells(
    connection: duckdb.DuckDBPyConnection, release: Release, outline: ReportConfig, report: str
) -> tuple[dict[tuple[str, str], list[tuple[str, str, int, int]]], dict[tuple[str, str], list[tuple[int, str, int]]]]:
    """The notes on figures that pages show, and those on figures of measures that none shows, by page."""
    order = {note.id: number for number, note in enumerate(release.notes)}
    shown: dict[tuple[str, str], list[tuple[str, str, int, int]]] = {}
    others: dict[tuple[str, str], list[tuple[int, str, int]]] = {}
    for prefix, code, kind, population, measure, name, number, note in connection.execute(
        """
        select distinct named.prefix, named.code, populations.population_type, populations.population,
               notes.measure, measures.name, axis.number, notes.note_id
        from dim_note as notes
        inner join axis on notes.period = axis.period
        inner join named on notes.org_level = named.org_level and notes.org_code = named.org_code
        inner join dim_population as populations
            on notes.variable_type is not distinct from populations.variable_type
            and notes.variable_a is not distinct from populations.variable_a
            and notes.variable_b is not distinct from populations.variable_b
        left join dim_measure as measures on notes.measure = measures.measure
        where notes.cell_status = 'released' and notes.period_grain = $grain and notes.partner_code is null
        order by all
        """,
        {"grain": GRAINS[report]},
    ).fetchall():
        if measure in outline.measure_order:
            key = f"{kind}/{population}"
            shown.setdefault((prefix, code), []).append((key, str(measure), int(number), order[note]))
        else:
            others.setdefault((prefix, code), []).append((int(number), str(name or measure), order[note]))
    return shown, others


def _stands(
    connection: duckdb.DuckDBPyConnection, release: Release, pages: Mapping[tuple[str, str], Place]
) -> dict[tuple[str, str], list[_Stand]]:
    """In which periods each page has figures, in the order of the periods, and of which areas they can be."""
    found: dict[tuple[str, str], list[_Stand]] = {}
    for prefix, page, number, level, code, start, end in connection.execute(
        """
        select named.prefix, named.code, stands.number, stands.org_level, stands.org_code, period_start, period_end
        from stands
        inner join named on stands.org_level = named.org_level and stands.org_code = named.org_code
        inner join axis on stands.number = axis.number
        """
    ).fetchall():
        place = pages[prefix, page]
        member = place.members.index(release.organisations[level, code])
        areas = place.list_areas(member, start, end)
        found.setdefault((prefix, page), []).append(_Stand(int(number), str(level), str(code), areas))
    for prefix, page, number, codes in connection.execute(
        """
        select named.prefix, named.code, sums.number, sums.codes
        from sums inner join named on sums.org_level = named.org_level and sums.org_code = named.org_code
        """
    ).fetchall():
        today = pages[prefix, page].area_today
        found.setdefault((prefix, page), []).append(_Stand(int(number), SUM, str(codes), (today, today)))
    return {page: sorted(stands, key=lambda stand: stand.number) for page, stands in found.items()}


def _levels(stands: Sequence[_Stand]) -> tuple[tuple[int, str, str], ...]:
    """From which period on a page stands at which level and under which code."""
    runs = groupby(stands, key=lambda stand: (stand.level, stand.code))
    return tuple((next(run).number, level, code) for (level, code), run in runs)


def _cuts(stands: Sequence[_Stand], place: Place) -> tuple[tuple[int, str], ...]:
    """The periods from which on figures are of another area than those before, and why."""
    days = place.days_of_change()
    cuts = []
    for before, after in pairwise(stands):
        (least, _), (_, most) = sorted((before.areas, after.areas))
        if moved := days[least:most]:
            on = " and ".join(day_in_words(day) for day in moved)
            cuts.append((after.number, f"The boundary of this area moved on {on}."))
    return tuple(cuts)


def _create_axis(connection: duckdb.DuckDBPyConnection, outline: ReportConfig, report: str) -> None:
    connection.execute(
        """
        create temp table axis as
        select period, period_start, period_end, row_number() over (order by period_start) - 1 as number
        from dim_period
        where period_grain = $grain and period_start between $first and $last
        """,
        _axis_bounds(connection, outline, report),
    )


def _axis_bounds(connection: duckdb.DuckDBPyConnection, outline: ReportConfig, report: str) -> dict[str, Any]:
    held = " union all ".join(
        f"select period_start from {topic.mart} where period_grain = $grain" for topic in outline.topics
    )
    found = connection.execute(
        f"select min(period_start), max(period_start) from ({held})", {"grain": GRAINS[report]}
    ).fetchone()
    first, last = found or (None, None)
    return {"grain": GRAINS[report], "first": first, "last": last}


def _create_levels(connection: duckdb.DuckDBPyConnection, outline: ReportConfig) -> None:
    connection.execute("create temp table levels (org_level varchar, family varchar, rank integer)")
    for family in outline.families:
        for rank, level in enumerate(family.levels):
            connection.execute("insert into levels values (?, ?, ?)", [level, family.slug, rank])


def _create_cells(connection: duckdb.DuckDBPyConnection, outline: ReportConfig, report: str) -> None:
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


def list_areas(
    release: Release, outline: ReportConfig, figures: Mapping[str, Mapping[str, AreaFigures]]
) -> tuple[Area, ...]:
    """The places that have figures, in the order a list shows them.

    `figures` are those of each report, by place. Each is described as the newest of its bodies that has any: the lists
    name bodies that never had one.
    """
    of_areas: dict[str, dict[str, AreaFigures]] = {}
    for report, of_report in figures.items():
        for one in of_report.values():
            of_areas.setdefault(one.area, {})[report] = one
    bodies = {
        identity: _bodies(identity, tuple(reports.values()), release, outline) for identity, reports in of_areas.items()
    }
    page_of = {
        member.listed: identity
        # What a place of one body alone says of that body comes before what the whole place says.
        for identity, (place, _) in sorted(bodies.items(), key=lambda item: -len(item[1][0].members))
        for member in place.members
    }
    areas = []
    for identity, (place, body) in bodies.items():
        before, after = (
            tuple(
                Related(page_of.get(one.listed, ""), readable_name(one.name), one.code)
                for one in find_neighbours(place, release.organisations, outline, before=is_before)
            )
            for is_before in (True, False)
        )
        areas.append(
            Area(
                id=identity,
                family=place.family,
                code=body.code,
                name="England" if place.family == "england" else readable_name(body.name),
                note=_note(place, body),
                reports=tuple(report for report in GRAINS if report in of_areas[identity]),
                ended=day_in_words(body.valid_to) if _has_ended(body) and body.valid_to else "",
                before=before,
                after=after,
            )
        )
    order = [family.slug for family in outline.families]
    return tuple(sorted(areas, key=lambda area: (order.index(area.family), area.name.lower(), area.code)))


def _bodies(
    identity: str, reports: Sequence[AreaFigures], release: Release, outline: ReportConfig
) -> tuple[Place, Organisation]:
    """The place of a page, and the newest of its bodies that has figures: of one with sums alone, today's."""
    family, levels = _levels_of(reports[0].prefix, outline)
    stood = {(level, code) for one in reports for _, level, code in one.levels if level != SUM}
    listed = [*stood, *((level, reports[0].code) for level in levels)]
    place = next((release.places[one] for one in listed if one in release.places), None)
    missing = sorted(stood - release.organisations.keys())
    if place is None or missing:
        named = " ".join(missing[0] if missing else (levels[0], reports[0].code))
        raise ReleaseUnreadableError(f"dim_organisation: expected {named}, which has figures; not there")
    if identity != area_id(family.slug, reports[0].code) and family.slug != "england":
        place = Place(family.slug, (release.organisations[next(iter(stood))],))
    return place, next((one for one in reversed(place.members) if one.listed in stood), place.newest)


def _levels_of(prefix: str, outline: ReportConfig) -> tuple[Family, tuple[str, ...]]:
    for family in outline.families:
        if prefix == family.slug:
            return family, family.levels
        for level in family.levels:
            if prefix == level.replace("_", "-"):
                return family, (level,)
    raise ReleaseUnreadableError(f"expected a family of organisations; found {prefix!r}")


def _has_ended(body: Organisation) -> bool:
    return body.valid_to is not None and body.current_comparability != "same"


def _note(place: Place, body: Organisation) -> str:
    """The codes that a place had before, and what became of one that is no more, from the lists."""
    codes = list(dict.fromkeys(one.code for one in place.members if one.code != body.code))
    former = [code for code in codes if code not in {one.code for one in place.members[place.members.index(body) :]}]
    said = [f"Earlier code of this area: {', '.join(former)}."] if former else []
    if _has_ended(body) and body.valid_to:
        said.append(f"Ended on {day_in_words(body.valid_to)}.")
        if body.current_code and (body is not place.newest or body.current_comparability != "boundary_moved"):
            said.append(f"Its area is covered today by {readable_name(body.current_name)} ({body.current_code}).")
    return " ".join(said)


def to_data_script(name: str, data: Any) -> str:
    """Data as a script that hands it over: a page opened from a disk may run scripts, not fetch files."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    # What would end a script, or a line in it, is written as its number.
    for character in "<>\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f"iapt.receive({json.dumps(name)},{text});\n"
