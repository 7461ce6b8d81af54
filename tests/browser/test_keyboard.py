"""Journeys without a mouse: controls reached in order and seen, areas chosen, charts read, tables sorted."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.browser.page_objects import BrowserSession, ReportPage
from tests.browser.released_figures import DASH

pytestmark = pytest.mark.browser

# Everything that can be reached, in the order of the document, each as an element kept in `stops`.
STOPS = """
() => {
  window.stops = [...document.querySelectorAll("a[href], button, input, select, summary, [tabindex='0']")]
    .filter((one) => one.checkVisibility({ checkVisibilityCSS: true }) && !one.disabled);
  window.lookOf = (one) => {
    const drawn = [one, ...one.querySelectorAll(":scope > rect")].map((part) => getComputedStyle(part));
    return drawn.map((style) =>
      [style.outlineStyle, style.outlineWidth, style.boxShadow, style.stroke, style.strokeWidth].join(" ")).join();
  };
  window.looks = window.stops.map(window.lookOf);
  return window.stops.map((one) => one.outerHTML.slice(0, 90));
}
"""
HERE = """
() => {
  const at = window.stops.indexOf(document.activeElement);
  const box = document.activeElement.getBoundingClientRect();
  return { at, seen: at >= 0 && window.lookOf(document.activeElement) !== window.looks[at],
    inView: box.bottom > 0 && box.top < innerHeight };
}
"""


def press_tab_through(report_page: ReportPage) -> tuple[list[str], list[dict[str, Any]]]:
    """Tab from the start of the page until the focus leaves it, or could have twice over."""
    stops: list[str] = report_page.page.evaluate(STOPS)
    found = []
    for _ in range(2 * len(stops)):
        report_page.page.keyboard.press("Tab")
        here = report_page.page.evaluate(HERE)
        if here["at"] < 0 or (found and here["at"] == 0):
            break
        found.append(here)
    return stops, found


@pytest.mark.parametrize(
    "path",
    [
        "index.html",
        "annual/outcomes.html?by=age_band",
        "quarterly/waiting-times.html",
        "recovery-rate/icb-annual.html?area=england",
        "map/annual.html",
        "organisations/provider-RGD.html",
    ],
)
def test_tab_reaches_everything_in_order_and_shows_where_it_is(path: str, session: BrowserSession) -> None:
    report_page = session.open(path, reduced_motion="reduce")
    if path.startswith("recovery"):
        report_page.page.evaluate("document.querySelector('details.compare').open = true")
    stops, found = press_tab_through(report_page)
    assert [here["at"] for here in found] == list(range(len(stops)))
    assert not [stops[here["at"]] for here in found if not here["seen"]]
    assert not [stops[here["at"]] for here in found if not here["inView"]]


def test_the_first_stop_skips_to_the_main_content(session: BrowserSession) -> None:
    page = session.open("annual/outcomes.html").page
    page.keyboard.press("Tab")
    skip = page.locator("a.skip")
    assert page.evaluate("document.activeElement.className") == "skip"
    box = skip.bounding_box()
    assert box is not None
    assert box["y"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_an_organisation_is_chosen_with_the_arrow_keys(session: BrowserSession) -> None:
    report_page = session.open("annual/outcomes.html")
    page = report_page.page
    page.focus("#family")
    report_page.redraw_after(lambda: page.keyboard.press("ArrowDown"))
    assert "region-" in report_page.query
    assert report_page.focused_id == "family"
    page.keyboard.press("Tab")
    assert report_page.focused_id == "org"
    report_page.redraw_after(lambda: page.keyboard.press("ArrowDown"))
    chosen = page.locator("#org option:checked").inner_text()
    assert chosen.rsplit(" (", 1)[0] in page.inner_text("h1")
    assert report_page.focused_id == "org"
    assert page.inner_text("#announced").startswith("Now shown")


@pytest.mark.parametrize("path", ["quarterly/outcomes.html?org=provider-RGD", "monthly/activity.html?org=icb-QF7"])
def test_the_slider_of_a_chart_reads_the_rows_of_its_table(path: str, session: BrowserSession) -> None:
    report_page = session.open(path)
    page = report_page.page
    panel = report_page.shown().panels[0]
    rows = [row for row in panel.table.rows if not row.is_not_held]
    page.focus("#panel-1-reader")
    output = page.locator("figure.chart output").first
    for row in rows:
        said = output.inner_text()
        assert said.startswith(f"{row.header}")
        for head, cell in zip(panel.table.heads[1:], row.cells, strict=True):
            assert f"{head} {cell.text}{f' ({cell.range})' if cell.range else ''}" in said
        assert page.get_attribute("#panel-1-reader", "aria-valuetext") == said
        page.keyboard.press("ArrowLeft")
    assert output.inner_text().startswith(rows[-1].header)
    page.keyboard.press("End")
    assert output.inner_text().startswith(rows[0].header)
    cursor = page.locator("svg.chart-drawing .cursor").first
    assert cursor.get_attribute("x1") == cursor.get_attribute("x2")


def test_a_table_is_sorted_by_its_buttons(session: BrowserSession) -> None:
    report_page = session.open("map/annual.html")
    page = report_page.page
    button = page.locator("#view thead button").nth(1)
    button.focus()
    for direction, falling in (("ascending", False), ("descending", True)):
        page.keyboard.press("Enter")
        heads = page.locator("#view thead th")
        assert heads.nth(1).get_attribute("aria-sort") == direction
        assert heads.nth(0).get_attribute("aria-sort") is None
        texts = [row.cells[0].text for row in report_page.shown().panels[0].table.rows]
        values = [int(text) for text in texts if text[0].isdigit()]
        assert values == sorted(values, reverse=falling)
        assert DASH in texts
        assert not any(text[0].isdigit() for text in texts[len(values) :]), "what has no figure stands last"
        assert page.inner_text("#announced").startswith("Sorted by Recovery rate")
        assert button.evaluate("(one) => one === document.activeElement")
    page.locator("#view thead button").first.press("Space")
    names = [row.header for row in report_page.shown().panels[0].table.rows]
    assert names == sorted(names, key=lambda name: re.sub("[^a-z0-9 ]", "", name.lower()))


def test_populations_are_compared_by_keyboard(session: BrowserSession) -> None:
    report_page = session.open("recovery-rate/england-annual.html")
    page = report_page.page
    page.focus("details.compare summary")
    page.keyboard.press("Enter")
    assert page.evaluate("document.querySelector('details.compare').open")
    page.keyboard.press("Tab")
    box = 'input[value="bme_group/bme"]'
    assert report_page.focused_value == "bme_group/bme"
    report_page.redraw_after(lambda: page.keyboard.press("Space"))
    assert not page.is_checked(box)
    assert report_page.focused_value == "bme_group/bme"
    assert list(report_page.shown().panels[0].table.heads[1:]) == ["Everyone", "White British"]
    report_page.redraw_after(lambda: page.keyboard.press("Space"))
    assert page.is_checked(box)
    assert "1 of 5" not in page.inner_text("#populations-count")
    page.focus("#other")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    assert report_page.focused_id == "add-area"
    report_page.redraw_after(lambda: page.keyboard.press("Enter"))
    assert len(report_page.shown().panels[0].table.heads) == 3
    assert "populations were removed" in report_page.message
    assert report_page.focused_id == "other"
