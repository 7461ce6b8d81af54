"""What is missing is seen to be missing: no line across a gap, no point for a suppressed figure, no 0 for a blank."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import pytest

from tests.browser.page_objects import BrowserSession, Panel
from tests.browser.released_figures import BOUNDARY_BREAKS, DASH, EVERYONE, ReleasedFigures
from tests.factories.report_release import GAP_REASON

pytestmark = pytest.mark.browser

POINT = re.compile(r"([ML])(-?[\d.]+) (-?[\d.]+)")


def parse_points(chart: dict[str, Any], line: dict[str, Any]) -> list[tuple[str, int]]:
    """The commands of a line, each with the number of the period at which it stands."""
    assert POINT.sub("", line["path"]) == ""
    return [
        (command, round((float(x) - chart["left"]) / chart["step"] - 0.5))
        for command, x, _ in POINT.findall(line["path"])
    ]


def list_series(path: str, figures: ReleasedFigures, area: str, panel: Panel) -> list[tuple[str, str, str]]:
    by_label = {label: measure for measure, label in figures.measure_labels.items()}
    keys = {label: key for pairs in figures.populations.values() for key, label in pairs} | {"Everyone": EVERYONE}
    if path.startswith("recovery"):
        return [(area, keys[head], "percentage_recovery") for head in panel.table.heads[1:]]
    return [(area, EVERYONE, by_label[head]) for head in panel.table.heads[1:]]


CASES = [
    ("quarterly/outcomes.html", "quarterly", "england"),
    ("quarterly/activity.html", "quarterly", "provider-RGD"),
    ("quarterly/outcomes.html", "quarterly", "sub-icb-15E"),
    ("monthly/activity.html", "monthly", "provider-RGD"),
    ("monthly/waiting-times.html", "monthly", "sub-icb-02P"),
    ("monthly/waiting-times.html", "monthly", "provider-RXM"),
    ("annual/outcomes.html", "annual", "icb-QF7"),
    ("annual/outcomes.html", "annual", "icb-QHM"),
    ("annual/outcomes.html", "annual", "region-Y63"),
    ("annual/activity.html", "annual", "sub-icb-00C"),
    ("annual/outcomes.html", "annual", "provider-RXM"),
    ("recovery-rate/england-quarterly.html", "quarterly", "england"),
    ("recovery-rate/england-annual.html", "annual", "england"),
]


@pytest.mark.parametrize(("path", "report", "area"), CASES)
def test_a_line_joins_neighbouring_published_figures_and_no_others(
    path: str, report: str, area: str, session: BrowserSession, figures: ReleasedFigures
) -> None:
    report_page = session.open(path if area == "england" else f"{path}?org={area}")
    seen = 0
    for panel in report_page.shown().panels:
        chart = panel.chart
        if chart is None:
            continue
        series = list_series(path, figures, area, panel)
        axis = figures.shown_axis(report, series)
        periods = figures.periods[report]
        for line, one, column in zip(chart["lines"], series, figures.columns(report, series), strict=True):
            cells = [column[number] for number in axis]
            published = {number: cell for number, cell in enumerate(cells) if cell and not cell.marker}
            on_scale = [number for number, cell in published.items() if not cell.is_off_scale]
            points = parse_points(chart, line)
            assert [number for _, number in points] == on_scale
            for (_, before), (command, number) in pairwise([("M", -9), *points]):
                period = periods[axis[number]]
                is_break = (
                    period.breaks_sums
                    or period.period in BOUNDARY_BREAKS.get((report, one[0]), ())
                    or is_scheme_change(one[1], period.period)
                )
                assert (command == "L") == (number == before + 1 and not is_break), (one, period.label)
                seen += 1
            marks = [mark for mark in line["points"] if not mark["hidden"]]
            assert [mark["number"] for mark in marks] == list(published)
            assert all(mark["y"] <= chart["bottom"] + 1 for mark in marks)
            assert all((mark["y"] >= chart["top"]) == (mark["number"] in on_scale) for mark in marks)
            strip = [mark for mark in line["points"] if mark["hidden"]]
            assert [mark["number"] for mark in strip] == [
                number for number, cell in enumerate(cells) if cell and cell.marker == "[c]"
            ]
            assert all(mark["y"] > chart["bottom"] for mark in strip), "a suppressed figure stands below the axis"
            assert all(mark["fact"].endswith(": [c]") for mark in strip)
        assert ("[c]" in chart["texts"]) == any(mark["hidden"] for line in chart["lines"] for mark in line["points"])
    assert seen


def is_scheme_change(key: str, period: str) -> bool:
    return key in ("age_band/18_to_25", "age_band/26_to_64") and period == "2021-22"


def test_breaks_are_drawn_and_divide_a_line_where_figures_are_not_comparable(session: BrowserSession) -> None:
    """In 2020/21 the counting changed, which divides the line; in 2022/23 boundaries moved, which is marked alone."""
    chart = session.open("annual/outcomes.html").shown().panels[0].chart
    assert chart is not None
    assert chart["breaks"] == 2
    commands = {number: command for command, number in parse_points(chart, chart["lines"][0])}
    assert commands[1] == "M"
    assert commands[3] == "L"
    assert chart["texts"].count("[b]") == 2


def test_a_category_that_changed_is_said_to_be_incomparable(session: BrowserSession) -> None:
    """There is no line of it on the page that could break."""
    page = session.open("annual/outcomes.html?by=age_band").page
    assert "[b] Other age bands. Figures before and after are not comparable." in page.locator("main").inner_text()


def test_the_missing_quarter_is_a_band_a_row_and_a_note(session: BrowserSession, figures: ReleasedFigures) -> None:
    for path in (
        "quarterly/outcomes.html",
        "quarterly/outcomes.html?org=provider-RGD",
        "recovery-rate/england-quarterly.html",
    ):
        panel = session.open(path).shown().panels[0]
        chart = panel.chart
        assert chart is not None
        number = [period.label for period in figures.periods["quarterly"]].index("Q2 2020/21")
        assert len(chart["gaps"]) == 1
        left, width = chart["gaps"][0]
        assert left == pytest.approx(chart["left"] + chart["step"] * number, abs=0.2)
        assert width == pytest.approx(chart["step"], abs=0.2)
        assert "not published" in chart["texts"]
        row = next(row for row in panel.table.rows if row.header == "Q2 2020/21")
        assert {cell.text for cell in row.cells} == {"[x]"}
        assert any("Q2 2020/21 was never published" in note and GAP_REASON in note for note in panel.notes)
        assert any(note.startswith("[x]") for note in panel.notes)


def test_periods_that_are_not_held_are_hatched_and_in_one_row(session: BrowserSession) -> None:
    panel = session.open("monthly/activity.html").shown().panels[0]
    assert panel.chart is not None
    assert panel.chart["notHeld"] == 1
    row = next(row for row in panel.table.rows if row.is_not_held)
    assert (row.header, row.cells[0].text) == ("September 2022", "not held in this release")


def test_no_blank_is_a_zero_and_every_marker_is_explained(session: BrowserSession, figures: ReleasedFigures) -> None:
    report_page = session.begin()
    blanks = set()
    for path, _, area in CASES:
        report_page.go(path if area == "england" else f"{path}?org={area}")
        for panel in report_page.shown().panels:
            texts = {cell.text for row in panel.table.rows for cell in row.cells}
            markers = {text for text in texts if not text.lstrip("-")[0].isdigit()}
            markers |= {"[note]" for text in texts if text.endswith(" [note]")}
            markers -= {"not held in this release"}
            blanks |= markers
            for marker in markers:
                assert any(note.startswith(marker) for note in panel.notes), (path, panel.heading, marker)
    assert {"[c]", "[x]", DASH} <= blanks


def test_what_does_not_apply_is_marked_so(session: BrowserSession, figures: ReleasedFigures) -> None:
    """The made release has means of no age band. They are offered neither as a choice nor as a 0."""
    report_page = session.open("annual/waiting-times.html?by=age_band")
    offered = report_page.list_options("measure")
    assert "mean_wait_accessing_services" not in offered
    assert "median_wait_accessing_services" in offered
    assert not any(key[2].startswith("age_band/") and key[3].startswith("mean_") for key in figures.figures)


def test_a_suppressed_figure_has_no_value_in_the_drawing(session: BrowserSession) -> None:
    """Neither the marks nor the sentences of a suppressed figure hold a digit that could be its value."""
    report_page = session.open("monthly/activity.html?org=provider-RGD")
    facts = report_page.page.locator(".suppressed-figure title").all_text_contents()
    assert facts
    assert all(fact.endswith("2022: [c]") for fact in facts), facts
