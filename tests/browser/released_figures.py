"""What a release says, read from its extracts by DuckDB and without any code of the report: the tables to expect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import yaml

from iapt.contract import CONTRACTS, TOPICS, parquet_name
from iapt.workspace import CATALOGUE
from tests.browser.page_objects import Cell, Row
from tests.factories.report_release import FOLLOWED_BY, MERGED, NOTES, ODD

GRAIN = {"monthly": "month", "quarterly": "quarter", "annual": "year"}
FAMILY = {
    "england": "england",
    "region": "region",
    "icb": "icb",
    "stp": "icb",
    "sub_icb": "sub-icb",
    "ccg": "sub-icb",
    "provider": "provider",
}
LEVEL_WORDS = {"stp": "as STP", "icb": "as ICB", "ccg": "as CCG", "sub_icb": "as sub-ICB location"}
STANDARD_STATUSES = {"met": "met", "missed": "missed", "ambiguous": "within rounding of the standard"}
MARKERS = {"suppressed": "[c]", "not_published": "[x]", "not_applicable": "[z]"}
EVERYONE = "total/total"
#: What a table writes where the release has no row.
DASH = "\N{EN DASH}"
EMPTY_CELL = Cell(DASH)
#: In the made release: from which periods on figures are of another area than those before.
BOUNDARY_BREAKS = {("annual", "icb-QF7"): {"2022-23"}, ("annual", "region-Y63"): {"2022-23", "2024-25"}}


@dataclass(frozen=True)
class Figure:
    """A figure of the extract: `value` is empty where `marker` is not; totals built here carry their bounds."""

    value: str
    marker: str = ""
    bounds: tuple[int, int, int] | None = None
    has_note: bool = False
    is_off_scale: bool = False

    @property
    def text(self) -> str:
        """As a table writes it."""
        whole, _, decimals = self.value.partition(".")
        return self.marker or f"{int(whole):,}{'.' + decimals if decimals else ''}"

    @property
    def cell(self) -> Cell:
        """As a cell of a table."""
        if self.bounds is None:
            return Cell(self.text + (" [note]" if self.has_note else ""))
        lower, upper, hidden = self.bounds
        return Cell(self.text, range=f"{lower:,} to {upper:,}{f', {hidden} hidden' if hidden else ''}")


@dataclass(frozen=True)
class Period:
    """A period on an axis."""

    period: str
    label: str
    status: str
    reason: str
    break_name: str
    breaks_sums: bool


@dataclass(frozen=True, eq=False)
class ReleasedFigures:
    """Every figure by (report, area, population, measure, period), and the words around them.

    `standard_statuses` are how figures stand to their standards, by the same keys; `standards` the names of those.
    """

    figures: Mapping[tuple[str, str, str, str, str], Figure]
    levels: Mapping[tuple[str, str, str], tuple[str, str]]
    periods: Mapping[str, Sequence[Period]]
    populations: Mapping[str, Sequence[tuple[str, str]]]
    config: Mapping[str, Any]
    standard_statuses: Mapping[tuple[str, str, str, str, str], str]
    standards: Mapping[str, str]

    @property
    def measure_labels(self) -> dict[str, str]:
        return {one["measure"]: one["label"] for one in self.config["measures"]}

    @cached_property
    def areas(self) -> dict[str, set[str]]:
        """The reports of each area."""
        found: dict[str, set[str]] = {}
        for report, area, _, _, _ in self.figures:
            found.setdefault(area, set()).add(report)
        return found

    def population_label(self, key: str) -> str:
        if key == EVERYONE:
            return "Everyone"
        return dict(self.populations[key.split("/")[0]])[key]

    def get(self, report: str, area: str, population: str, measure: str, period: Period) -> Figure | None:
        """A figure; a gap of the calendar is one in every series that has no row there."""
        found = self.figures.get((report, area, population, measure, period.period))
        return found or (Figure("", "[x]") if period.status == "not_published" else None)

    def find_assessed(self, report: str, series: Sequence[tuple[str, str, str]]) -> list[int]:
        """Which of some series are said to have met a standard or missed it."""
        has = {key[:4] for key in self.standard_statuses}
        return [number for number, one in enumerate(series) if (report, *one) in has]

    def format_standard_status(self, report: str, one: tuple[str, str, str], period: Period) -> str:
        """How a figure stands to its standard: a marker where there is none."""
        found = self.get(report, *one, period)
        if found is None or found.marker:
            return found.marker if found else DASH
        return STANDARD_STATUSES[self.standard_statuses[report, *one, period.period]]

    def columns(self, report: str, series: Iterable[tuple[str, str, str]]) -> list[list[Figure | None]]:
        """The figures of series of (area, population, measure) over the whole axis of a report."""
        return [[self.get(report, *one, period) for period in self.periods[report]] for one in series]

    def shown_axis(self, report: str, series: Sequence[tuple[str, str, str]]) -> list[int]:
        """Which periods a chart and table of those series reach over: from the first to the last with anything."""
        columns = self.columns(report, series)
        has = [number for number in range(len(self.periods[report])) if any(column[number] for column in columns)]
        return list(range(has[0], has[-1] + 1)) if has else []

    def period_rows(self, report: str, series: Sequence[tuple[str, str, str]], *, level_of: str = "") -> list[Row]:
        """The rows of a table by period: newest first, what is not held in one row.

        `level_of` is the area whose level each row names, where it has had two.
        """
        columns = self.columns(report, series)
        axis = self.shown_axis(report, series)
        rows: list[Row] = []
        run: list[str] = []
        for number in reversed(axis):
            period = self.periods[report][number]
            cells = [column[number] for column in columns]
            if period.status == "not_loaded" and not any(cells):
                if run:
                    rows.pop()
                run.append(period.label)
                header = run[0] if len(run) == 1 else f"{run[-1]} to {run[0]}"
                rows.append(Row(header, (Cell("not held in this release"),), is_not_held=True))
                continue
            run = []
            remark = self._describe_level(report, level_of, number)
            is_boundary_break = period.period in BOUNDARY_BREAKS.get((report, level_of), ())
            flag = (bool(period.break_name) or is_boundary_break) and number != axis[0]
            assessed = [series[position] for position in self.find_assessed(report, series)]
            statuses = tuple(self.format_standard_status(report, one, period) for one in assessed)
            shown = tuple(figure.cell if figure else EMPTY_CELL for figure in cells)
            rows.append(Row(period.label, shown, flag, False, remark, statuses))
        return rows

    def _describe_level(self, report: str, area: str, number: int) -> str:
        """As what an area stands in a period, where it has stood as several: at a level, under a code or as a sum."""
        own = {level for (of, one, _), level in self.levels.items() if (of, one) == (report, area)}
        if len(own) < 2:
            return ""
        level, code = self._level(report, area, number)
        if level == "sum":
            return f"sum of {code.replace('; ', ' and ')}"
        return LEVEL_WORDS[level] + (f" {code}" if code != area.rsplit("-", 1)[1] else "")

    def _level(self, report: str, area: str, number: int) -> tuple[str, str]:
        """The level at which an area stands: that of the last period up to this one in which it has figures."""
        known = [
            self.levels[report, area, period.period]
            for period in self.periods[report][: number + 1]
            if (report, area, period.period) in self.levels
        ]
        later = [level for (of, one, _), level in sorted(self.levels.items()) if (of, one) == (report, area)]
        return known[-1] if known else later[0]

    def chart_facts(self, report: str, series: Sequence[tuple[str, str, str]], labels: Sequence[str]) -> set[str]:
        """What the points of a chart say: every published or suppressed figure, with its series and period."""
        facts = set()
        find_assessed = self.find_assessed(report, series)
        for at, (one, label, column) in enumerate(zip(series, labels, self.columns(report, series), strict=True)):
            measure = one[2]
            unit = "%" if measure.startswith("percentage_") else " days" if measure.startswith(("me",)) else ""
            for period, figure in zip(self.periods[report], column, strict=True):
                if figure and figure.marker in ("", "[c]"):
                    fact = f"{label}, {period.label}: {figure.text}{'' if figure.marker else unit}"
                    fact += " [note]" if figure.has_note else ""
                    if at in find_assessed and not figure.marker:
                        fact += f"; {self.standards[measure]}: {self.format_standard_status(report, one, period)}"
                    facts.add(fact)
        return facts


def read_released_figures(release: Path) -> ReleasedFigures:
    """Read the extracts, and from the marts what does not apply, which is not in an extract."""
    with duckdb.connect() as connection:
        for table in (
            *TOPICS,
            "extract_monthly",
            "extract_quarterly",
            "extract_annual",
            "extract_annual_current_boundaries",
            "dim_organisation",
            "dim_period",
            "dim_population",
            "dim_standard",
        ):
            connection.execute(f"create view {table} as from read_parquet('{release / parquet_name(table)}')")
        figures: dict[tuple[str, str, str, str, str], Figure] = {}
        levels: dict[tuple[str, str, str], tuple[str, str]] = {}
        placeholders = set(
            connection.execute(
                "select org_level, org_code from dim_organisation where org_type = 'placeholder'"
            ).fetchall()
        )
        for report in GRAIN:
            for row in connection.execute(
                f"""select org_level, org_code, population_type || '/' || population, measure, period, value,
                           value_status, is_derived, lower_bound, upper_bound, suppressed_parts
                    from extract_{report} join dim_population
                      on dim_population.variable_type is not distinct from extract_{report}.variable_type
                     and dim_population.variable_a is not distinct from extract_{report}.variable_a
                     and dim_population.variable_b is not distinct from extract_{report}.variable_b"""
            ).fetchall():
                level, code, population, measure, period, value, status, is_derived, lower, upper, hidden = row
                if (level, code) in placeholders:
                    continue
                area = get_area_id(level, code)
                levels[report, area, period] = (level, code)
                is_odd = population == EVERYONE and (code, measure, period) in ODD
                is_noted = population == EVERYONE and any(
                    (GRAIN[report], period, level, code, measure) == note[1:] for note in NOTES
                )
                figures[report, area, population, measure, period] = (
                    Figure(
                        _text(value, measure),
                        bounds=(int(lower), int(upper), int(hidden or 0)) if is_derived else None,
                        has_note=is_odd or is_noted,
                        is_off_scale=is_odd,
                    )
                    if status == "published"
                    else Figure("", MARKERS[status])
                )
        # Sums over what became one: for its page, of the periods before.
        for code, codes, measure, period, value, lower, upper, hidden in connection.execute(
            """select org_code, codes_as_published, measure, period, value, lower_bound, upper_bound, suppressed_parts
               from extract_annual_current_boundaries where is_derived"""
        ).fetchall():
            levels["annual", f"sub-icb-{code}", period] = ("sum", codes)
            bounds = (int(lower), int(upper), int(hidden))
            figures["annual", f"sub-icb-{code}", EVERYONE, measure, period] = Figure(str(int(value)), bounds=bounds)
        for mart, measures in TOPICS.items():
            for measure in measures:
                for level, code, population, grain, period in connection.execute(
                    f"""select org_level, org_code, population_type || '/' || population, period_grain, period
                        from {mart} where {measure}_status = 'not_applicable'"""
                ).fetchall():
                    report = next(name for name, one in GRAIN.items() if one == grain)
                    if (level, code) in placeholders:
                        continue
                    figures[report, get_area_id(level, code), population, measure, period] = Figure("", "[z]")
        standard_statuses: dict[tuple[str, str, str, str, str], str] = {}
        assessed = [(mart, m) for mart, ms in TOPICS.items() for m in ms if f"{m}_standard" in CONTRACTS[mart]]
        for mart, measure in assessed:
            for level, code, population, grain, period, word in connection.execute(
                f"""select org_level, org_code, population_type || '/' || population, period_grain, period,
                           {measure}_standard_status
                    from {mart} where {measure}_standard_status is not null"""
            ).fetchall():
                report = next(name for name, one in GRAIN.items() if one == grain)
                if (level, code) in placeholders:
                    continue
                standard_statuses[report, get_area_id(level, code), population, measure, period] = word
        # A series of nothing but what does not apply is no series.
        meant = {key[:4] for key, figure in figures.items() if figure.marker != "[z]"}
        return ReleasedFigures(
            figures={key: figure for key, figure in figures.items() if key[:4] in meant},
            levels=levels,
            periods={report: _periods(connection, report) for report in GRAIN},
            populations=_populations(connection),
            config=yaml.safe_load((CATALOGUE / "report.yml").read_text("utf-8")),
            standard_statuses=standard_statuses,
            standards=dict(
                connection.execute("select measure, label from dim_standard where certainty = 'stated'").fetchall()
            ),
        )


def get_area_id(level: str, code: str) -> str:
    """What an organisation is called in an address: by the last of those that followed it alone."""
    while code not in MERGED and (after := FOLLOWED_BY.get((level, code))):
        level, code = after
    escaped = "".join(letter if letter.isascii() and letter.isalnum() else f"_{ord(letter):x}_" for letter in code)
    return "england" if level == "england" else f"{FAMILY[level]}-{escaped}"


def _text(value: float, measure: str) -> str:
    return f"{value:.1f}" if measure.startswith("me") or value != int(value) else str(int(value))


def _periods(connection: duckdb.DuckDBPyConnection, report: str) -> list[Period]:
    return [
        Period(*row)
        for row in connection.execute(
            f"""select period, period_label, publication_status, coalesce(reason, ''), coalesce(series_break, ''),
                       coalesce(breaks_sums, false)
                from dim_period where period_grain = '{GRAIN[report]}'
                  and period_start >= (select min(period_start) from extract_{report})
                  and period_start <= (select max(period_start) from extract_{report}) order by period_start"""
        ).fetchall()
    ]


def _populations(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for kind, key, label in connection.execute(
        """select population_type, population_type || '/' || population, population_name from dim_population
           where population_type <> 'total' order by population_type, sort_order, population"""
    ).fetchall():
        found.setdefault(kind, []).append((key, label))
    return found
