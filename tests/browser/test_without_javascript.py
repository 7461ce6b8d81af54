"""Without JavaScript every page is whole: the same default view as with it, and links instead of choices."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.browser.page_objects import BrowserSession, ReportPage, Site

pytestmark = pytest.mark.browser

INTERACTIVE = [
    *(
        f"{report}/{topic}.html"
        for report in ("monthly", "quarterly", "annual")
        for topic in ("activity", "waiting-times", "outcomes")
    ),
    *(
        f"recovery-rate/{tab}-{report}.html"
        for tab in ("england", "icb")
        for report in ("monthly", "quarterly", "annual")
    ),
    *(f"map/{report}.html" for report in ("monthly", "quarterly", "annual")),
]


def interactive_pages(site: Site) -> list[str]:
    """Those that hold a view to choose from; the others say that nothing is held."""
    return [path for path in INTERACTIVE if 'id="controls"' in (site.folder / path).read_text("utf-8")]


def test_every_default_view_is_there_without_javascript(session: BrowserSession, site: Site) -> None:
    report_page = session.begin(java_script_enabled=False)
    pages = interactive_pages(site)
    assert len(pages) >= 14
    for path in pages:
        report_page.go(path)
        page = report_page.page
        shown = report_page.shown()
        assert shown.heading, path
        assert shown.panels, path
        if path == "recovery-rate/icb-monthly.html":  # no rate of a board can be made from those of its parts
            assert "boards have no recovery rate by month in this release" in page.inner_text("main")
        assert any(panel.chart for panel in shown.panels) or shown.tiles, path
        for panel in shown.panels:
            cells = [cell.text for row in panel.table.rows for cell in row.cells]
            assert any(text[0].isdigit() for text in cells), (path, panel.heading)
        assert not page.locator("#controls").is_visible(), path
        assert not page.locator("#message").is_visible(), path
        hint = page.locator("p.without-js")
        assert hint.is_visible(), path
        assert hint.inner_text().strip(), path
        assert not page.locator(".reader").count(), path
        if "map/" not in path and "england" not in path:
            assert hint.locator("a[href$='organisations/index.html']").count() == 1, path
        if shown.tiles:
            assert all((site.folder / "map" / tile["href"]).is_file() for tile in shown.tiles), path


def test_every_organisation_is_reached_by_links_alone(session: BrowserSession, site: Site) -> None:
    report_page = session.open("index.html", java_script_enabled=False)
    page = report_page.page
    page.click("nav[aria-label='Report'] a:has-text('Organisations')")
    hrefs = page.eval_on_selector_all(".names a", "all => all.map((one) => one.getAttribute('href'))")
    assert {Path(href).stem for href in hrefs} == {
        path.stem for path in (site.folder / "organisations").glob("*.html") if path.stem != "index"
    }
    page.click(".names a >> nth=-1")
    assert report_page.shown().tables
    assert page.inner_text("h1")


def test_with_javascript_the_form_takes_the_place_of_the_hint(session: BrowserSession) -> None:
    page = session.open("annual/outcomes.html").page
    assert page.locator("#controls").is_visible()
    assert not page.locator("p.without-js").is_visible()


# What JavaScript drew, without what it adds for reading and sorting.
DRAWN = """
() => {
  const copy = document.getElementById("view").cloneNode(true);
  copy.querySelectorAll(".reader, .cursor").forEach((one) => one.remove());
  copy.querySelectorAll("button.sort").forEach((one) => one.replaceWith(one.textContent));
  copy.querySelectorAll("[aria-sort]").forEach((one) => one.removeAttribute("aria-sort"));
  return copy.innerHTML.trim();
}
"""
BUILT = "(text) => new DOMParser().parseFromString(text, 'text/html').getElementById('view').innerHTML.trim()"


def test_javascript_draws_the_very_view_that_was_built(session: BrowserSession, site: Site) -> None:
    """One implementation draws both; on a desk the page does not change when its scripts have run."""
    report_page = session.begin()
    for path in interactive_pages(site):
        report_page.go(path)
        text = (site.folder / path).read_text("utf-8")
        assert report_page.page.evaluate(DRAWN) == report_page.page.evaluate(BUILT, text), path
        assert report_page.query == "", path
        title = re.search(r"<title>(.*)</title>", text)
        assert title is not None
        assert (
            report_page.page.evaluate("(text) => new DOMParser().parseFromString(text, 'text/html').title", text)
            == report_page.page.title()
        )


def test_the_pages_of_organisations_are_what_javascript_would_draw(session: BrowserSession, site: Site) -> None:
    report_page = session.open("annual/outcomes.html")
    report_page.page.add_script_tag(url=f"{site.root('file')}assets/organisation_page.js")
    for area, reports in report_page.page.evaluate("iapt.site.areas.map((area) => [area.id, area.reports])")[::6]:
        for report in reports:
            report_page.page.add_script_tag(url=f"{site.root('file')}data/{report}/{area}.js")
        drawn = report_page.page.evaluate(
            """([id, reports]) => {
              const holder = document.createElement("div");
              const figures = Object.fromEntries(reports.map((report) => [report, iapt.data[`${report}/${id}`]]));
              holder.innerHTML = iapt.pages.area.build({ area: id }, figures).html;
              return holder.innerHTML.trim();
            }""",
            [area, reports],
        )
        text = (site.folder / "organisations" / f"{area}.html").read_text("utf-8")
        assert drawn == report_page.page.evaluate(BUILT, text), area


def test_a_narrow_page_without_javascript_scrolls_its_chart_and_nothing_else(session: BrowserSession) -> None:
    report_page = session.open(
        "annual/outcomes.html", java_script_enabled=False, viewport={"width": 320, "height": 640}
    )
    assert report_page.page.evaluate("document.documentElement.scrollWidth") <= 320
    assert_scrolls(report_page)


def assert_scrolls(report_page: ReportPage) -> None:
    widths = report_page.page.evaluate(
        "[...document.querySelectorAll('.drawing')].map((one) => [one.clientWidth, one.scrollWidth])"
    )
    assert widths
    assert all(inner > outer for outer, inner in widths), widths
