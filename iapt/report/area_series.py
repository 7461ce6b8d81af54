"""The figures of each organisation in one report: by population, a text a measure with a cell a period.

Everything comes from the released tables; nothing is worked out. A cell is the released figure, or a letter:
`c` suppressed, `x` not published, `z` not applicable; empty where the release has no row. A total built here carries
its lower and upper bound and the number of its suppressed parts: `1230~1224~1239~2`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, groupby, pairwise
from operator import itemgetter
from typing import Final, NamedTuple, TypeAlias

import duckdb

from iapt.catalogue.report_config import ReportConfig, Topic
from iapt.contract import CONTRACTS
from iapt.periods import format_day
from iapt.report.area_notes import FigureNote, Remark, read_notes
from iapt.report.names import make_area_id
from iapt.report.places import OrganisationKey, Place
from iapt.report.release_tables import (
    CURRENT_BOUNDARIES,
    EVERYONE,
    GRAINS,
    Release,
    ReleaseUnreadableError,
    open_tables,
)

#: Instead of a level, in a period of which the figures are sums over the areas that make up a place today.
SUM: Final = "sum"
#: The cells of a series that applies nowhere.
_NO_FIGURE: Final[frozenset[str | None]] = frozenset({None, "z"})
#: How a sum in the tables of current boundaries is related to today's area where it is one of exactly that area.
_OF_THE_SAME_AREA: Final = ("same", "recoded", "merged", "summed")

PageKey: TypeAlias = tuple[str, str]
"""What names a page of an organisation: the prefix and the code of its address."""
SeriesKey: TypeAlias = tuple[str, str, str]
"""A page and a population."""


class LevelSpan(NamedTuple):
    """From which period on, by its number on the axis, a place stands at which level and under which code.

    At the level `sum`, `code` holds the codes that are summed.
    """

    first: int
    level: str
    code: str


class BoundaryBreak(NamedTuple):
    """The number of the period from which on the figures are of another area than those before, and why."""

    first: int
    reason: str


@dataclass(frozen=True)
class AreaFigures:
    """What one report has of one place.

    `areas` say of which areas of the place the figures of a period can be.
    `series` hold, for each population, a text for each measure in the order of the report's settings.
    `standards` hold, for each population and measure with a national standard, the status of each period: met, missed
    or ambiguous, as the release has it. England is judged by a decimal that is not released, so no page could say it.
    `notes` are about figures shown, `remarks` about figures of measures that no page shows.
    """

    area: str
    prefix: str
    code: str
    levels: tuple[LevelSpan, ...]
    series: Mapping[str, tuple[str, ...]]
    standards: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    boundary_breaks: tuple[BoundaryBreak, ...] = ()
    areas: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    notes: tuple[FigureNote, ...] = ()
    remarks: tuple[Remark, ...] = ()


class _PeriodLevel(NamedTuple):
    """A period in which a page has figures: at which level and code, and of which areas of its place they can be."""

    number: int
    level: str
    code: str
    areas: tuple[int, int]


def read_area_figures(release: Release, config: ReportConfig, report: str) -> Iterator[AreaFigures]:
    """What one report has of each organisation, one organisation at a time."""
    if not release.periods[report]:
        return
    with open_tables(release.folder, config, release.spill) as connection:
        _create_axis(connection, report)
        _create_levels(connection, config)
        _create_cells(connection, config, report)
        places = _create_pages(connection, release, config)
        _add_sums(connection, config, report, places)
        period_levels = _read_period_levels(connection, release, places)
        notes, remarks = read_notes(connection, release, config, report)
        periods = len(release.periods[report])
        series, standards = _read_series(connection, config, periods)
    for page, populations in sorted(series.items()):
        prefix, code = page
        levels = period_levels[page]
        yield AreaFigures(
            area=make_area_id(prefix, code) if prefix != "england" else "england",
            prefix=prefix,
            code=code,
            levels=_list_level_spans(levels),
            series={population: tuple(texts) for population, texts in sorted(populations.items())},
            standards=dict(sorted(standards.get(page, {}).items())),
            boundary_breaks=_list_boundary_breaks(levels, places[page]),
            areas={level.number: level.areas for level in levels},
            notes=tuple(notes.get(page, ())),
            remarks=tuple(remarks.get(page, ())),
        )


# -- series ------------------------------------------------------------------------------------------------------------


def _read_series(
    connection: duckdb.DuckDBPyConnection, config: ReportConfig, periods: int
) -> tuple[dict[PageKey, dict[str, list[str]]], dict[PageKey, dict[str, dict[str, str]]]]:
    """By page and population, a text for each measure, and how each stands to its standard by period.

    A series of which no cell applies is empty. Of standards, only populations that are drawn beside one.
    """
    drawn = (EVERYONE.split("/")[0], *config.recovery_rate.variables)
    series: dict[PageKey, dict[str, list[str]]] = {}
    statuses: dict[PageKey, dict[str, dict[str, str]]] = {}
    for topic, measures in _measures_by_topic(config):
        places = [config.measure_order.index(measure) for measure in measures]
        assessed = _select_assessed(topic, measures)
        columns = (*measures, *map(_standard_column, assessed))
        for (prefix, code, population), topic_texts in _read_texts(connection, topic, columns, periods):
            if not any(topic_texts):
                continue
            page = (prefix, code)
            texts = series.setdefault(page, {}).setdefault(population, [""] * len(config.measure_order))
            for place, text in zip(places, topic_texts, strict=False):  # those of standards follow
                texts[place] = text
            of_standards = zip(assessed, topic_texts[len(measures) :], strict=True)
            by_measure = {measure: text for measure, text in of_standards if text}
            if by_measure and population.split("/")[0] in drawn:
                statuses.setdefault(page, {}).setdefault(population, {}).update(by_measure)
    return series, statuses


def _measures_by_topic(config: ReportConfig) -> Iterator[tuple[Topic, tuple[str, ...]]]:
    """The measures that are read of each topic's mart: one that several marts have, of the first."""
    seen: set[str] = set()
    for topic in config.topics:
        yield topic, tuple(measure for measure in topic.measures if measure not in seen)
        seen |= set(topic.measures)


def _select_assessed(topic: Topic, measures: tuple[str, ...]) -> tuple[str, ...]:
    """Those measures of a topic beside which its mart says how they stand to a national standard."""
    return tuple(measure for measure in measures if _standard_column(measure) in CONTRACTS[topic.mart])


def _standard_column(measure: str) -> str:
    """The column of a mart that says whether a measure met its standard."""
    return f"{measure}_standard_status"


def _read_texts(
    connection: duckdb.DuckDBPyConnection, topic: Topic, columns: tuple[str, ...], periods: int
) -> Iterator[tuple[SeriesKey, list[str]]]:
    """Each page and population, and the text over the axis of each column of a topic."""
    query = connection.execute(
        f"""
        select pages.prefix, pages.code, cells.population, cells.number, {", ".join(columns)}
        from cells_of_{topic.mart} as cells
        inner join pages on cells.org_level = pages.org_level and cells.org_code = pages.org_code
        order by pages.prefix, pages.code, cells.population
        """
    )
    rows = chain.from_iterable(iter(lambda: query.fetchmany(10_000), []))
    for key, group in groupby(rows, key=itemgetter(0, 1, 2)):
        numbers, *cells_of_columns = tuple(zip(*group, strict=True))[3:]
        yield key, [_join_cells(numbers, cells, periods) for cells in cells_of_columns]


def _join_cells(numbers: Sequence[int], cells: Sequence[str | None], periods: int) -> str:
    """The cells of a series as one text, each in the place of its period; empty where no cell applies."""
    if _NO_FIGURE.issuperset(cells):
        return ""
    texts = [""] * periods
    for number, cell in zip(numbers, cells, strict=True):
        if cell is not None and cell > texts[number]:
            texts[number] = cell
    return ",".join(texts).rstrip(",")


# -- the tables that series are read from ------------------------------------------------------------------------------


def _create_axis(connection: duckdb.DuckDBPyConnection, report: str) -> None:
    connection.execute(
        """
        create temp table axis as
        with held as (select period_start from topic_periods where period_grain = $grain)
        select period, period_start, period_end, row_number() over (order by period_start) - 1 as number
        from dim_period
        where period_grain = $grain
            and period_start between (select min(period_start) from held) and (select max(period_start) from held)
        """,
        {"grain": GRAINS[report]},
    )


def _create_levels(connection: duckdb.DuckDBPyConnection, config: ReportConfig) -> None:
    """The levels and the kinds of populations that the report shows."""
    population_types = ["total", *(variable.population_type for variable in config.variables)]
    connection.execute(
        "create temp table levels as select unnest($levels) as org_level", {"levels": [*config.families_by_level]}
    )
    connection.execute(
        "create temp table population_types as select unnest($types) as population_type", {"types": population_types}
    )


def _create_cells(connection: duckdb.DuckDBPyConnection, config: ReportConfig, report: str) -> None:
    """A table for each topic: its mart's rows that the report shows, every measure's cell as text.

    `has_cells` says whether the row has a status of any of them.
    """
    connection.execute(
        "create temp table derived_parts as select period, org_level, org_code, measure, suppressed_parts "
        f"from extract_monthly where is_derived and {'true' if report == 'monthly' else 'false'}"
    )
    for topic, measures in _measures_by_topic(config):
        parts = ", ".join(f"max(suppressed_parts) filter (measure = '{measure}') as {measure}" for measure in measures)
        statuses = ", ".join(f"mart.{measure}_status" for measure in measures)
        # A suppressed figure is on neither side of a standard, whatever a release says beside it.
        standards = "".join(
            f", if(mart.{measure}_status = 'published', mart.{_standard_column(measure)}, null) "
            f"as {_standard_column(measure)}"
            for measure in _select_assessed(topic, measures)
        )
        connection.execute(
            f"""
            create temp table cells_of_{topic.mart} as
            with suppressed_parts as (
                select period, org_level, org_code, {parts} from derived_parts group by period, org_level, org_code
            )
            select
                axis.number, mart.org_level, mart.org_code,
                mart.population_type || '/' || mart.population as population,
                coalesce({statuses}) is not null as has_cells,
                {", ".join(_write_cell_sql(measure) for measure in measures)}{standards}
            from {topic.mart} as mart
            inner join axis on mart.period = axis.period
            inner join levels on mart.org_level = levels.org_level
            inner join population_types on mart.population_type = population_types.population_type
            left join suppressed_parts
                on mart.is_derived and mart.period = suppressed_parts.period
                and mart.org_level = suppressed_parts.org_level and mart.org_code = suppressed_parts.org_code
            where mart.period_grain = '{GRAINS[report]}'
            """
        )


def _write_cell_sql(measure: str) -> str:
    """The cell of a measure in a row of its mart, as text: none where the release has none."""
    number = f"printf('%.1f', mart.{measure})"
    if not measure.startswith("me"):  # means and medians keep their decimal
        number = (
            f"case when mart.{measure} = floor(mart.{measure}) "
            f"then cast(cast(mart.{measure} as bigint) as varchar) else {number} end"
        )
    # Of a figure that has no bounds, a total built here has no text either.
    bounds = (
        f"'~' || mart.{measure}_lower || '~' || mart.{measure}_upper || '~' || coalesce(suppressed_parts.{measure}, 0)"
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


def _create_pages(
    connection: duckdb.DuckDBPyConnection, release: Release, config: ReportConfig
) -> dict[PageKey, Place]:
    """Make the table `pages`: the page of each organisation, by prefix and code. Placeholders have none.

    Returns the place of each page. Where two organisations of a place have figures of one period, the older ones are
    pages of their own: neither of two figures can stand for the other.
    """
    held = " union ".join(
        f"select org_level, org_code, number from cells_of_{topic.mart} where has_cells" for topic in config.topics
    )
    connection.execute(f"create temp table organisation_periods as {held}")
    numbers: dict[OrganisationKey, set[int]] = {}
    for level, code, number in connection.execute("select * from organisation_periods").fetchall():
        numbers.setdefault((str(level), str(code)), set()).add(int(number))
    places: dict[PageKey, Place] = {}
    pages: dict[OrganisationKey, PageKey] = {}
    for key, own_numbers in numbers.items():
        organisation = release.organisations.get(key)
        if organisation is not None and organisation.is_placeholder:
            continue
        place = release.places.get(key)
        if organisation is None or place is None:
            raise ReleaseUnreadableError(f"dim_organisation: expected {' '.join(key)}, which has figures; not there")
        later = place.members[place.members.index(organisation) + 1 :]
        if any(own_numbers & numbers.get(other.key, set()) for other in later):
            pages[key] = (key[0].replace("_", "-"), key[1])
            places[pages[key]] = Place(place.family, (organisation,))
    for key, place in release.places.items():
        if key not in pages:
            pages[key] = (place.family, place.newest.code)
            places[pages[key]] = place
    connection.execute("create temp table pages (org_level varchar, org_code varchar, prefix varchar, code varchar)")
    rows = [(*key, *page) for key, page in pages.items()]
    columns = ("levels", "codes", "prefixes", "pages")
    connection.execute(
        "insert into pages select unnest($levels), unnest($codes), unnest($prefixes), unnest($pages)",
        dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True)),
    )
    return places


def _add_sums(
    connection: duckdb.DuckDBPyConnection, config: ReportConfig, report: str, places: Mapping[PageKey, Place]
) -> None:
    """Add what the tables of current boundaries sum up, for places and periods without a figure of their own.

    Only sums of exactly today's area, and only where they are whole. Makes the table `summed_periods` of their codes.
    """
    open_organisations = [place.newest for place in places.values() if place.newest.valid_to is None]
    connection.execute(
        f"""
        create temp table current_sums as
        select
            axis.number, sums.org_level, sums.org_code, sums.codes_as_published, sums.measure,
            populations.population_type || '/' || populations.population as population,
            cast(cast(sums.value as bigint) as varchar) || '~' || sums.lower_bound || '~' || sums.upper_bound
                || '~' || coalesce(sums.suppressed_parts, 0) as cell
        from {CURRENT_BOUNDARIES[report]} as sums
        inner join axis on sums.period = axis.period
        inner join (select unnest($levels) as org_level, unnest($codes) as org_code) as open_organisations
            on sums.org_level = open_organisations.org_level and sums.org_code = open_organisations.org_code
        inner join dim_population as populations
            on sums.variable_type is not distinct from populations.variable_type
            and sums.variable_a is not distinct from populations.variable_a
            and sums.variable_b is not distinct from populations.variable_b
        inner join population_types on populations.population_type = population_types.population_type
        where sums.is_derived and sums.value_status = 'published' and sums.statistic = 'count'
            and sums.comparability in (select unnest($same)) and sums.codes_as_published like '%; %'
            and not exists (
                from organisation_periods as held
                inner join pages on held.org_level = pages.org_level and held.org_code = pages.org_code
                inner join pages as current_pages
                    on current_pages.org_level = sums.org_level and current_pages.org_code = sums.org_code
                where held.number = axis.number
                    and pages.prefix = current_pages.prefix and pages.code = current_pages.code
            )
        """,
        {
            "levels": [organisation.level for organisation in open_organisations],
            "codes": [organisation.code for organisation in open_organisations],
            "same": list(_OF_THE_SAME_AREA),
        },
    )
    for topic, measures in _measures_by_topic(config):
        cells = ", ".join(f"max(cell) filter (measure = '{measure}') as {measure}" for measure in measures)
        connection.execute(
            f"""
            insert into cells_of_{topic.mart} by name
            select number, org_level, org_code, population, true as has_cells, {cells} from current_sums
            where measure in (select unnest($measures))
            group by number, org_level, org_code, population
            """,
            {"measures": list(measures)},
        )
    connection.execute(
        "create temp table summed_periods as "
        "select number, org_level, org_code, max(codes_as_published) as codes from current_sums "
        "where measure in (select unnest($measures)) group by number, org_level, org_code",
        {"measures": list(config.measure_order)},
    )


# -- levels and areas --------------------------------------------------------------------------------------------------


def _read_period_levels(
    connection: duckdb.DuckDBPyConnection, release: Release, places: Mapping[PageKey, Place]
) -> dict[PageKey, list[_PeriodLevel]]:
    """In which periods each page has figures, in the order of the periods, and of which areas they can be."""
    levels: dict[PageKey, list[_PeriodLevel]] = {}
    for prefix, code, number, org_level, org_code, start, end in connection.execute(
        """
        select pages.prefix, pages.code, held.number, held.org_level, held.org_code, period_start, period_end
        from organisation_periods as held
        inner join pages on held.org_level = pages.org_level and held.org_code = pages.org_code
        inner join axis on held.number = axis.number
        """
    ).fetchall():
        place = places[prefix, code]
        member = place.members.index(release.organisations[org_level, org_code])
        areas = place.list_areas(member, start, end)
        levels.setdefault((prefix, code), []).append(_PeriodLevel(int(number), str(org_level), str(org_code), areas))
    for prefix, code, number, codes in connection.execute(
        """
        select pages.prefix, pages.code, sums.number, sums.codes
        from summed_periods as sums
        inner join pages on sums.org_level = pages.org_level and sums.org_code = pages.org_code
        """
    ).fetchall():
        current = places[prefix, code].current_area
        levels.setdefault((prefix, code), []).append(_PeriodLevel(int(number), SUM, str(codes), (current, current)))
    return {page: sorted(page_levels, key=itemgetter(0)) for page, page_levels in levels.items()}


def _list_level_spans(levels: Sequence[_PeriodLevel]) -> tuple[LevelSpan, ...]:
    """From which period on a page stands at which level and under which code."""
    runs = groupby(levels, key=lambda level: (level.level, level.code))
    return tuple(LevelSpan(next(run).number, level, code) for (level, code), run in runs)


def _list_boundary_breaks(levels: Sequence[_PeriodLevel], place: Place) -> tuple[BoundaryBreak, ...]:
    """The periods from which on figures are of another area than those before, and why."""
    days = place.list_days_of_change()
    breaks = []
    for before, after in pairwise(levels):
        (first, _), (_, last) = sorted((before.areas, after.areas))
        if days_between := days[first:last]:
            moves = " and ".join(map(format_day, days_between))
            breaks.append(BoundaryBreak(after.number, f"The boundary of this area moved on {moves}."))
    return tuple(breaks)
