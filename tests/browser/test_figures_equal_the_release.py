"""Every figure that a page shows is the released one: tables, charts, tiles, sentences and data files alike."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import WITHOUT_BOUNDARY
from tests.browser.page_objects import BrowserSession, PageContents, Panel, ReportPage, Row, Site
from tests.browser.released_figures import BOUNDARY_BREAKS, DASH, EMPTY_CELL, EVERYONE, Figure, ReleasedFigures
from tests.factories.report_release import GAP_REASON

pytestmark = pytest.mark.browser

HOSTILE = "provider-_2e__2e__2f__3c_b_3e_"
#: England, and of each family organisations that were reorganised, that ended, or that have hostile names.
AREAS = (
    "england",
    "region-Y56",
    "icb-QF7",
    "icb-QHM",
    "sub-icb-00C",
    "sub-icb-02P",
    "sub-icb-15E",
    "provider-RGD",
    "provider-RXM",
    HOSTILE,
)
REPORTS = ("monthly", "quarterly", "annual")
TOPICS = ("activity", "waiting-times", "outcomes")
RECOVERY = "percentage_recovery"


def get_topic(figures: ReleasedFigures, slug: str) -> dict[str, Any]:
    return next(topic for topic in figures.config["topics"] if topic["slug"] == slug)


def assert_panel_is_released(
    panel: Panel, figures: ReleasedFigures, report: str, area: str, measures: list[str]
) -> None:
    """A panel of lines of measures of one area: its table row by row, its chart point by point."""
    labels = [figures.measure_labels[measure] for measure in measures]
    series = [(area, EVERYONE, measure) for measure in measures]
    assert list(panel.table.heads[1:]) == labels
    assert list(panel.table.rows) == figures.period_rows(report, series, level_of=area)
    assessed = [measures[position] for position in figures.find_assessed(report, series)]
    assert list(panel.table.standards) == [figures.standards[measure] for measure in assessed]
    facts = figures.chart_facts(report, series, labels)
    if panel.chart is not None:
        assert set(panel.chart["titles"]) == facts
        assert len(panel.chart["titles"]) == len(facts)


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("report", REPORTS)
def test_a_topic_shows_the_released_figures_of_each_organisation(
    report: str, topic: str, session: BrowserSession, figures: ReleasedFigures
) -> None:
    described = get_topic(figures, topic)
    report_page = session.open(f"{report}/{topic}.html")
    chosen = [area for area in AREAS if report in figures.areas[area]]
    assert "england" in chosen
    for area in chosen:
        report_page.choose_area(get_family(area), area)
        panels = report_page.shown().panels
        charts = described["charts"]
        assert [panel.heading for panel in panels[: len(charts)]] == [chart["title"] for chart in charts]
        for panel, chart in zip(panels, charts, strict=False):
            assert_panel_is_released(panel, figures, report, area, chart["measures"])
            anything = figures.chart_facts(
                report, [(area, EVERYONE, one) for one in chart["measures"]], chart["measures"]
            )
            assert (panel.chart is not None) == bool(anything)
        for panel in panels[len(charts) :]:
            measures = [find_measure(figures, label) for label in panel.table.heads[1:]]
            assert_panel_is_released(panel, figures, report, area, measures)


def get_family(area: str) -> str:
    return area.rsplit("-", 1)[0] if "_" not in area else area.split("-_")[0]


def find_measure(figures: ReleasedFigures, label: str) -> str:
    """The measure of a label; a table of many units adds the unit to one that lacks it."""
    measures = {one: measure for measure, one in figures.measure_labels.items()}
    return measures[label] if label in measures else measures[label.removesuffix(" (%)")]


@pytest.mark.parametrize("area", ["england", "icb-QF7", "provider-RGD"])
def test_a_variable_shows_the_released_figures_of_its_categories(
    area: str, session: BrowserSession, figures: ReleasedFigures
) -> None:
    report_page = session.begin()
    seen = 0
    for report in ("quarterly", "annual"):
        if report not in figures.areas[area] or (report == "quarterly" and area != "england"):
            continue
        report_page.go(f"{report}/outcomes.html?org={area}")
        for by in report_page.list_options("by"):
            report_page.choose("by", by)
            measures = report_page.list_options("measure")
            for measure in (measures[-1], RECOVERY):
                if report_page.page.input_value("#measure") != measure:
                    report_page.choose("measure", measure)
                periods = report_page.list_options("period")
                for period in periods[:1] if measure != RECOVERY else (periods[0], periods[-1]):
                    if report_page.page.input_value("#period") != period:
                        report_page.choose("period", period)
                    assert_variable_is_released(report_page.shown(), figures, report, area, by, measure, period)
                    assert_charts_are_released(report_page, figures, report, area, by, measure)
                    seen += 1
    assert seen >= 9


def assert_variable_is_released(
    shown: PageContents, figures: ReleasedFigures, report: str, area: str, by: str, measure: str, chosen: str
) -> None:
    """A table of categories: each cell by its row and column, no category and no period left out."""
    table = shown.panels[0].table
    keys = [EVERYONE, *(key for key, _ in figures.populations[by])]
    axis = figures.periods[report]
    held = [
        period
        for period in axis
        if any((found := figures.get(report, area, key, measure, period)) and found.marker != "[x]" for key in keys[1:])
    ]
    first = next(period for period in axis if period.period == chosen)
    wanted = [first, *(period for period in reversed(held) if period != first)]
    breaks = [number > axis.index(held[0]) and bool(period.break_name) for number, period in enumerate(axis)]
    cuts = BOUNDARY_BREAKS.get((report, area), set())
    assert list(table.heads[1:]) == [
        period.label + (" [b]" if breaks[axis.index(period)] or (period.period in cuts and period != held[0]) else "")
        for period in wanted
    ]
    expected = {}
    for key in keys:
        cells = [figures.get(report, area, key, measure, period) for period in wanted]
        if any(cells):
            expected[figures.population_label(key)] = [cell.text if cell else DASH for cell in cells]
    assert {row.header: [cell.text for cell in row.cells] for row in table.rows} == expected


def assert_charts_are_released(
    report_page: ReportPage, figures: ReleasedFigures, report: str, area: str, by: str, measure: str
) -> None:
    """The charts of a variable: each figure of a category once, and none of another's; everyone's only as a rate."""
    drawn = report_page.page.eval_on_selector_all(
        "#view figure.chart",
        "all => all.map((one) => [...one.querySelectorAll('[data-i] title')].map((t) => t.textContent))",
    )
    series = [(area, key, measure) for key, _ in figures.populations[by]]
    labels = [label for _, label in figures.populations[by]]
    expected = {fact.partition(";")[0] for fact in figures.chart_facts(report, series, labels)}
    own = [fact for facts in drawn for fact in facts if not fact.startswith("Everyone, ")]
    periods = {fact.partition(", ")[2].partition(":")[0] for fact in expected}
    assert sorted(own) == (sorted(expected) if len(periods) > 1 else [])
    everyone = {
        fact.partition(";")[0] for fact in figures.chart_facts(report, [(area, EVERYONE, measure)], ["Everyone"])
    }
    beside = {fact for facts in drawn for fact in facts if fact.startswith("Everyone, ")}
    assert beside <= everyone
    assert bool(beside) == (measure.startswith("percentage_") and len(periods) > 1)


@pytest.mark.parametrize("report", REPORTS)
def test_recovery_pages_show_the_released_rates(report: str, session: BrowserSession, figures: ReleasedFigures) -> None:
    report_page = session.open(f"recovery-rate/england-{report}.html")
    usual = [key for key in ("bme_group/bme", "bme_group/white_british") if has_rate(figures, report, key)]
    assert_recovery_is_released(report_page, figures, report, [("england", key) for key in (EVERYONE, *usual)])
    some = [
        key for key in ("ethnic_group/asian_or_asian_british", "ethnic_group/white") if has_rate(figures, report, key)
    ]
    if some:
        report_page.go(f"recovery-rate/england-{report}.html?{'&'.join(f'with={key}' for key in some)}")
        assert_recovery_is_released(report_page, figures, report, [("england", key) for key in (EVERYONE, *some)])
    report_page.go(f"recovery-rate/england-{report}.html?with=none")
    assert_recovery_is_released(report_page, figures, report, [("england", EVERYONE)])
    if report == "annual":
        report_page.go("recovery-rate/icb-annual.html?org=icb-QF7&area=england&area=icb-QHM")
        assert_recovery_is_released(
            report_page, figures, report, [(area, EVERYONE) for area in ("icb-QF7", "england", "icb-QHM")]
        )


def has_rate(figures: ReleasedFigures, report: str, key: str) -> bool:
    return any(one[:4] == (report, "england", key, RECOVERY) for one in figures.figures)


def assert_recovery_is_released(
    report_page: ReportPage, figures: ReleasedFigures, report: str, wanted: Sequence[tuple[str, str]]
) -> None:
    panel = report_page.shown().panels[0]
    series = [(area, key, RECOVERY) for area, key in wanted]
    areas = len({area for area, _ in wanted}) > 1
    names = dict(report_page.page.evaluate("iapt.site.areas.map((area) => [area.id, area.name])"))
    labels = [names[area] if areas else figures.population_label(key) for area, key in wanted]
    assert list(panel.table.heads[1:]) == labels
    expected = figures.period_rows(report, series, level_of="" if areas else wanted[0][0])
    assert list(panel.table.rows) == expected
    assert panel.table.standards == (figures.standards[RECOVERY],) * len(wanted)
    assert panel.chart is not None
    assert set(panel.chart["titles"]) == figures.chart_facts(report, series, labels)


def test_the_table_of_every_board_is_the_released_one(session: BrowserSession, figures: ReleasedFigures) -> None:
    shown = session.open("recovery-rate/icb-annual.html").shown()
    table = next(panel.table for panel in shown.panels if panel.heading.startswith("Every board"))
    period = next(one for one in figures.periods["annual"] if one.label in table.caption)
    assert period == figures.periods["annual"][-1]
    boards = sorted(area for area in figures.areas if area.startswith("icb-"))
    assert len(table.rows) == len(boards) == 42
    keys = [EVERYONE, "bme_group/bme", "bme_group/white_british"]
    assert list(table.heads[1:]) == [figures.population_label(key) for key in keys]
    ids = dict(
        session.open("recovery-rate/icb-annual.html").page.evaluate(
            "iapt.site.areas.map((area) => [area.name, area.id])"
        )
    )
    for row in table.rows:
        found = [figures.get("annual", ids[row.header], key, RECOVERY, period) for key in keys]
        assert [cell.text for cell in row.cells] == [one.text if one else DASH for one in found], row.header


@pytest.mark.parametrize("report", ["monthly", "annual"])
def test_map_table_and_release_agree(report: str, session: BrowserSession, figures: ReleasedFigures) -> None:
    report_page = session.open(f"map/{report}.html")
    measures = report_page.list_options("measure")
    assert RECOVERY in measures or report == "monthly"
    seen = 0
    for measure in (measures[0], measures[-1]):
        if report_page.page.input_value("#measure") != measure:
            report_page.choose("measure", measure)
        for chosen in report_page.list_options("period")[:3]:
            if report_page.page.input_value("#period") != chosen:
                report_page.choose("period", chosen)
            assert_map_is_released(report_page.shown(), figures, report, measure, chosen)
            seen += 1
    assert seen >= 4


def assert_map_is_released(
    shown: PageContents, figures: ReleasedFigures, report: str, measure: str, chosen: str
) -> None:
    period = next(one for one in figures.periods[report] if one.period == chosen)
    unit = "%" if measure.startswith("percentage_") else " days" if measure.startswith("me") else ""
    found = {
        tile["code"]: figures.get(report, f"icb-{tile['code']}", EVERYONE, measure, period) for tile in shown.tiles
    }
    assert len(found) == len(shown.tiles) == 42
    values = {code: (one.text + ("" if one.marker else unit)) if one else DASH for code, one in found.items()}
    names = {tile["code"]: tile["name"].removesuffix(f": {tile['value']}") for tile in shown.tiles}
    assert {tile["code"]: tile["value"] for tile in shown.tiles} == values
    for tile in shown.tiles:
        assert tile["title"] == tile["name"] == f"{names[tile['code']]}: {values[tile['code']]}"
        assert ("class" in tile["look"].split(" ")[1]) == bool((cell := found[tile["code"]]) and not cell.marker)
    for shape in shown.shapes:
        assert shape["title"] == f"{names[shape['code']]}: {values[shape['code']]}"
    assert {shape["code"] for shape in shown.shapes} == set(found) - {WITHOUT_BOUNDARY}
    rows = {row.header: row.cells[0] for row in shown.panels[0].table.rows}
    assert rows == {names[code]: one.cell if one else EMPTY_CELL for code, one in found.items()}


def test_the_pages_of_organisations_show_the_released_figures(
    site: Site, parser: ReportPage, figures: ReleasedFigures
) -> None:
    pages = [path for path in sorted((site.folder / "organisations").glob("*.html")) if path.stem != "index"]
    assert {page.stem for page in pages} == set(figures.areas)
    for page in pages:
        shown = parser.parse(page.read_text("utf-8"))
        assert shown.tables
        for table in shown.tables:
            assert_page_table_is_released(table.id, table.heads, table.rows, figures, page.stem)
        reports = {table.id.split("-")[0] for table in shown.tables if table.id.endswith("-everyone-caption")}
        assert reports == figures.areas[page.stem]


def assert_page_table_is_released(
    identity: str, heads: Sequence[str], rows: Sequence[Row], figures: ReleasedFigures, area: str
) -> None:
    report, _, what = identity.removesuffix("-caption").partition("-")
    axis = {period.label: period for period in figures.periods[report]}
    for row in rows:
        for head, cell in zip(heads[1:], row.cells, strict=True):
            if what == "everyone":
                period, key = axis[head.removesuffix(" [b]")], EVERYONE
                measure = find_measure(figures, row.header)
            else:
                newest = find_newest_periods(figures)[report, area, what]
                period = next(one for one in axis.values() if one.period == newest)
                measure = find_measure(figures, head)
                key = next(one for one, label in figures.populations[what] if label == row.header)
            found = figures.get(report, area, key, measure, period)
            assert cell == (found.cell if found else EMPTY_CELL), (area, identity, row.header, head)
    if what == "everyone":
        expected = {
            measure
            for measure in figures.measure_labels
            if any(figures.get(report, area, EVERYONE, measure, axis[head.removesuffix(" [b]")]) for head in heads[1:])
        }
        assert {find_measure(figures, row.header) for row in rows} == expected


@cache
def find_newest_periods(figures: ReleasedFigures) -> dict[tuple[str, str, str], str]:
    """The newest period of each report, area and variable that has any figure of those an organisation's page shows."""
    shown = (
        "count_finished_course_treatment",
        "percentage_recovery",
        "percentage_reliable_improvement",
        "percentage_reliable_recovery",
    )
    order = {
        (report, period.period): number
        for report, periods in figures.periods.items()
        for number, period in enumerate(periods)
    }
    newest: dict[tuple[str, str, str], str] = {}
    for (report, area, key, measure, period), figure in figures.figures.items():
        of = (report, area, key.split("/")[0])
        if measure in shown and figure.marker != "[x]":
            newest[of] = max(newest.get(of, period), period, key=lambda one: order[report, one])
    return newest


def test_every_cell_of_the_data_files_is_in_an_extract_and_no_figure_is_missing(
    site: Site, figures: ReleasedFigures
) -> None:
    """What scripts load holds the released figures and not one more; the two directions are compared as sets."""
    measures = [one["measure"] for one in figures.config["measures"]]
    files = sorted((site.folder / "data").rglob("*.js"))
    found: dict[tuple[str, str, str, str, str], str] = {}
    on_map: dict[tuple[str, str, str, str, str], str] = {}
    statuses: dict[tuple[str, str, str, str, str], str] = {}
    kinds = set()
    for file in files:
        name, data = read_data_file(file)
        kinds.add(name.split("/")[0])
        if name in ("site", "boundaries"):
            continue
        report, _, area = name.partition("/")
        assert set(data) == {"series"} | (
            {"other_boundaries", "notes"}
            if report == "map"
            else {"levels", "boundary_breaks", "standards", "notes", "remarks"}
        )
        if report == "map":
            for one, series in data["series"].items():
                on_map |= dict(iterate_cells(figures, area, one, EVERYONE, measures, series))
        else:
            for key, series in data["series"].items():
                found |= dict(iterate_cells(figures, report, area, key, measures, series))
            for key, words in data["standards"].items():
                for measure, text in words.items():
                    statuses |= dict(iterate_cells(figures, report, area, key, [measure], [text]))
    assert kinds == {"site", "boundaries", "map", *REPORTS}
    released = {key: format_in_data(figure) for key, figure in figures.figures.items() if key[3] in measures}
    assert found == released
    drawn = (EVERYONE.split("/")[0], *figures.config["recovery_rate"]["variables"])
    assert statuses == {
        key: status for key, status in figures.standard_statuses.items() if key[2].split("/")[0] in drawn
    }
    assert set(statuses.values()) == {"met", "missed", "ambiguous"}
    boards = {f"icb-{tile}" for tile in list_board_codes(site)}
    # Before its boundary moved, the figures of a board are of another area than its tile.
    other = {(report, area): cuts for (report, area), cuts in BOUNDARY_BREAKS.items() if area in boards}
    assert on_map == {
        key: cell
        for key, cell in released.items()
        if key[1] in boards and key[2] == EVERYONE and all(key[4] >= cut for cut in other.get((key[0], key[1]), ()))
    }
    assert len(on_map) < sum(key[1] in boards and key[2] == EVERYONE for key in released)


def read_data_file(file: Path) -> tuple[str, dict[str, Any]]:
    text = file.read_text("utf-8")
    assert text.startswith("iapt.receive(")
    assert "<" not in text
    name, data = json.loads(f"[{text.removeprefix('iapt.receive(').removesuffix(');' + chr(10))}]")
    return name, data


def iterate_cells(
    figures: ReleasedFigures, report: str, area: str, key: str, measures: Sequence[str], series: Sequence[str]
) -> Iterator[tuple[tuple[str, str, str, str, str], str]]:
    assert len(series) == len(measures)
    for measure, text in zip(measures, series, strict=True):
        for number, cell in enumerate(text.split(",")):
            if cell:
                yield (report, area, key, measure, figures.periods[report][number].period), cell


def format_in_data(figure: Figure) -> str:
    if figure.marker:
        return figure.marker.strip("[]")
    return figure.value + "".join(f"~{bound}" for bound in figure.bounds or ())


def list_board_codes(site: Site) -> list[str]:
    _, data = read_data_file(site.folder / "data" / "site.js")
    return [tile["code"] for tile in data["map"]["tiles"]]


class Sentences(HTMLParser):
    """The texts of a page that state figures: cells, points, summaries, cards and values of tiles."""

    def __init__(self) -> None:
        """Begin outside of everything."""
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        kinds = (dict(attrs).get("class") or "").split()
        kind = (
            "summary"
            if "summary" in kinds
            else "card"
            if "card-value" in kinds
            else "tile"
            if "value" in kinds
            else tag
        )
        if tag in ("p", "td", "title", "desc", "span", "text", "h2", "caption") and kind in (
            "summary",
            "card",
            "tile",
            "td",
            "title",
            "desc",
        ):
            self.open.append(tag)
            self.found.append((kind, ""))
        elif self.open and tag == self.open[-1]:
            self.open.append(f"inner {tag}")

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] in (tag, f"inner {tag}"):
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open:
            kind, text = self.found[-1]
            self.found[-1] = (kind, text + data)


NUMBER = re.compile(r"(?<![\w-])-?\d[\d,]*(?:\.\d+)?")


@pytest.mark.parametrize("built", ["site", "bare_site"])
def test_no_page_states_a_number_that_is_not_released(
    built: str, request: pytest.FixtureRequest, figures: ReleasedFigures
) -> None:
    """Cells, points, summaries, cards and tiles hold released numbers only, of the organisation that they speak of.

    Not figures, and so left out: the labels of periods, measures and populations (2020/21, 18 weeks, aged 18 to 25),
    counts of suppressed figures and of boards in a summary, titles of documents, the coverage table of the home page
    (counts of periods and organisations), axis ticks, class limits of a map's key, and the 50% standard.
    """
    site: Site = request.getfixturevalue(built)
    labels = {period.label for periods in figures.periods.values() for period in periods}
    labels |= set(figures.measure_labels.values())
    labels |= {label for pairs in figures.populations.values() for _, label in pairs}
    known = re.compile("|".join(re.escape(one) for one in sorted(labels, key=len, reverse=True)), re.IGNORECASE)
    counts = re.compile(
        r"\d+ (?:figures?|categor(?:y|ies)) (?:is|are) suppressed|\d+ boards? (?:has|have)|over \d+ boards?"
    )
    released: dict[str, set[str]] = {}
    for (_, area, *_), figure in figures.figures.items():
        numbers = released.setdefault(area, set())
        if not figure.marker:
            numbers.add(figure.value)
        numbers.update(str(bound) for bound in figure.bounds or ())
    boards = set().union(*(numbers for area, numbers in released.items() if area.startswith("icb-")))
    stated = 0
    for path in site.pages:
        folder, _, name = path.partition("/")
        allowed = released.get(name.removesuffix(".html"), set()) if folder == "organisations" else released["england"]
        if folder == "map" or (name.startswith("icb-") and folder == "recovery-rate"):
            allowed = boards
        text = (site.folder / path).read_text("utf-8")
        if path == "index.html":
            text = text.split('id="coverage-heading"')[0]
        reading = Sentences()
        reading.feed(text.partition("<main")[2])
        for _, sentence in reading.found:
            rest = counts.sub("", known.sub("", re.sub(r"NHS.*?(?:Board|$)", "", sentence)))
            for number in NUMBER.findall(rest):
                stated += 1
                assert number.replace(",", "") in allowed, (path, number, sentence)
    assert stated > 5_000


def test_the_headlines_are_the_newest_figures_of_england(session: BrowserSession, figures: ReleasedFigures) -> None:
    page = session.open("index.html").page
    newest = figures.periods["annual"][-1]
    assert newest.label in page.locator("#headlines-heading").inner_text()
    cards = page.eval_on_selector_all(
        ".cards li",
        "all => all.map((one) => ['.card-label', '.card-value'].map((part) => one.querySelector(part).textContent))",
    )
    assert len(cards) == 4
    for label, value in cards:
        measure = RECOVERY if label == "Recovery rate" else find_measure(figures, label)
        found = figures.get("annual", "england", EVERYONE, measure, newest)
        assert found is not None
        assert value == found.text + ("%" if measure.startswith("percentage_") else "")


def test_the_quarter_that_was_never_published_is_said_wherever_its_report_is(session: BrowserSession) -> None:
    report_page = session.begin()
    for path in (
        "quarterly/index.html",
        "quarterly/outcomes.html",
        "recovery-rate/england-quarterly.html",
        "about.html",
    ):
        text = report_page.go(path).page.locator("main").inner_text()
        assert "Q2 2020/21" in text, path
        assert GAP_REASON in text, path
