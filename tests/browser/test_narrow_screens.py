"""A phone: nothing scrolls sideways but a table or a chart in its frame, and a finger can hit each control."""

from __future__ import annotations

import pytest

from tests.browser.page_objects import BrowserSession, Site

pytestmark = pytest.mark.browser

PAGES = [
    "index.html",
    "annual/index.html",
    "annual/outcomes.html",
    "annual/waiting-times.html?by=ethnic_group",
    "monthly/activity.html?org=provider-_2e__2e__2f__3c_b_3e_",
    "recovery-rate/icb-annual.html?org=icb-QOQ&area=england",
    "map/annual.html",
    "organisations/index.html",
    "organisations/icb-QOQ.html",
    "definitions.html",
    "about.html",
    "accessibility.html",
]
# Links inside of a sentence are exempt, as in WCAG 2.2; the others and all controls are not.
SMALL = """
() => [...document.querySelectorAll("button, select, input, summary, nav a, .cards a, .page-links a, .choice")]
  .concat([...document.querySelectorAll(".names a, .download a, .onward a, th a, a.tile")])
  .filter((one) => one.checkVisibility() && !one.classList.contains("skip"))
  .map((one) => [one.outerHTML.slice(0, 80), one.getBoundingClientRect()])
  .filter(([text, box]) => (box.height < 24 && !text.includes('type="checkbox"')) || box.width < 20)
  .map(([text, box]) => `${text} ${box.width}x${box.height}`)
"""


@pytest.mark.parametrize("width", [320, 390])
def test_no_page_scrolls_sideways_and_targets_are_large_enough(width: int, session: BrowserSession) -> None:
    report_page = session.begin(viewport={"width": width, "height": 700}, has_touch=True)
    for path in PAGES:
        report_page.go(path)
        if path.startswith("recovery"):
            report_page.page.click("details.compare summary")
        scroll, inner = report_page.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert scroll <= inner == width, path
        assert report_page.page.evaluate(SMALL) == [], path


CUT_OFF = """
() => [...document.querySelectorAll("svg.chart-drawing text")].filter((text) => {
  const box = text.getBoundingClientRect(), frame = text.closest("svg").getBoundingClientRect();
  return box.left < frame.left - 1 || box.right > frame.right + 1
    || box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
}).map((text) => text.textContent)
"""


def test_what_is_not_held_fits_a_phone(session: BrowserSession, bare_site: Site) -> None:
    report_page = session.open("quarterly/activity.html", site=bare_site, viewport={"width": 320, "height": 700})
    assert report_page.page.evaluate("document.documentElement.scrollWidth") <= 320


def test_a_chart_is_drawn_anew_when_the_screen_becomes_narrow(session: BrowserSession) -> None:
    report_page = session.open("annual/outcomes.html")
    wide = report_page.shown().panels[0].chart
    assert wide is not None
    assert wide["width"] == 760
    report_page.redraw_after(lambda: report_page.page.set_viewport_size({"width": 390, "height": 700}))
    report_page.page.wait_for_selector("svg.chart-drawing[width='360']")
    narrow = report_page.shown().panels[0].chart
    assert narrow is not None
    assert narrow["width"] == 360
    assert narrow["titles"] == wide["titles"]
    assert "50% recovery standard" in report_page.page.locator(".legend").first.inner_text()
    framed = report_page.page.eval_on_selector_all(
        ".drawing", "all => all.every((one) => one.scrollWidth <= one.clientWidth + 1)"
    )
    assert framed


OVERPRINTED = """
() => [...document.querySelectorAll("svg.chart-drawing")].flatMap((svg) => {
  const texts = [...svg.querySelectorAll("text")], boxes = texts.map((text) => text.getBoundingClientRect());
  const marks = [...svg.querySelectorAll(".series [data-i]")].map((mark) => mark.getBoundingClientRect());
  const touch = (one, other) => one.left < other.right - 1 && other.left < one.right - 1
    && one.top < other.bottom - 1 && other.top < one.bottom - 1;
  return texts.filter((text, at) => marks.some((mark) => touch(boxes[at], mark))
    || boxes.some((box, other) => other !== at && touch(boxes[at], box))).map((text) => text.textContent);
})
"""


@pytest.mark.parametrize("width", [390, 1280])
def test_no_label_of_a_chart_covers_a_figure_or_another_label(width: int, session: BrowserSession) -> None:
    report_page = session.begin(viewport={"width": width, "height": 800})
    for path in (
        "monthly/activity.html",
        "annual/outcomes.html",
        "annual/waiting-times.html",
        "recovery-rate/england-annual.html",
        "recovery-rate/england-monthly.html",
        "recovery-rate/england-quarterly.html",
        "annual/outcomes.html?by=age_band",
    ):
        assert report_page.go(path).page.evaluate(OVERPRINTED) == [], path


def test_labels_of_a_chart_stay_inside_of_it(session: BrowserSession) -> None:
    """No text of a drawing is cut off at its edge, narrow or wide."""
    for width in (320, 1280):
        report_page = session.begin(viewport={"width": width, "height": 700})
        for path in (
            "annual/outcomes.html",
            "monthly/activity.html?org=icb-QF7",
            "quarterly/waiting-times.html",
            "recovery-rate/england-annual.html",
            "annual/outcomes.html?by=age_band",
            "monthly/waiting-times.html?org=provider-RXM",
        ):
            assert report_page.go(path).page.evaluate(CUT_OFF) == [], (width, path)


def test_the_heads_of_a_table_leave_room_for_its_figures(session: BrowserSession) -> None:
    """On a phone a long head scrolls away with its table; on any screen rows can be seen below it."""
    for width in (320, 1280):
        report_page = session.begin(viewport={"width": width, "height": 700})
        for path in ("annual/waiting-times.html", "recovery-rate/icb-annual.html"):
            rooms = report_page.go(path).page.eval_on_selector_all(
                ".scroller",
                """all => all.map((one) => {
                  const head = one.querySelector("thead");
                  const fixed = getComputedStyle(head.rows[0].cells[0]).position === "sticky";
                  return [fixed ? head.getBoundingClientRect().height : 0, one.clientHeight];
                })""",
            )
            assert rooms
            assert all(head < 0.4 * frame for head, frame in rooms), (width, path, rooms)


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_the_head_of_a_period_stays_on_one_line(width: int, session: BrowserSession) -> None:
    """A year that breaks within, 2024/2 and 5, cannot be read."""
    report_page = session.open("annual/outcomes.html?by=age_band", viewport={"width": width, "height": 700})
    heads = report_page.page.eval_on_selector_all(
        "thead th[data-i]",
        """all => all.map((one) => {
          const texts = document.createTreeWalker(one, NodeFilter.SHOW_TEXT);
          let lines = 1;
          while (texts.nextNode()) {
            const range = document.createRange();
            range.selectNodeContents(texts.currentNode);
            lines = Math.max(lines, range.getClientRects().length);
          }
          return [one.textContent, lines];
        })""",
    )
    assert len(heads) == 5
    assert [head for head, lines in heads if lines != 1] == []


def test_tiles_of_a_map_stay_readable_on_a_phone(session: BrowserSession) -> None:
    """The map scrolls in its frame; its words are at least 9 pixels high, and its values 12."""
    report_page = session.open("map/annual.html", viewport={"width": 320, "height": 700})
    scale = report_page.page.eval_on_selector(
        "svg.tile-map", "(map) => map.getBoundingClientRect().width / map.viewBox.baseVal.width"
    )
    sizes = report_page.page.eval_on_selector_all(
        ".tile text", "all => all.map((one) => parseFloat(getComputedStyle(one).fontSize))"
    )
    assert min(sizes) * scale >= 9
    assert max(sizes) * scale >= 12
