"""Paper and a reader's preferences: what is printed, dark schemes on white paper, reduced motion, forced colours."""

from __future__ import annotations

import pytest

from tests.browser.page_objects import BrowserSession

pytestmark = pytest.mark.browser

COLOURS = """
() => [...document.querySelectorAll("body, h1, th, td, a, .summary, .mark, .banner, .reading, footer")]
  .filter((one) => one.checkVisibility())
  .map((one) => {
    let ground = one;
    while (ground && getComputedStyle(ground).backgroundColor === "rgba(0, 0, 0, 0)") ground = ground.parentElement;
    const parts = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map(Number);
    const light = (colour) => Math.max(...parts(colour));
    return [one.tagName + "." + one.className, light(getComputedStyle(one).color),
      ground ? Math.min(...parts(getComputedStyle(ground).backgroundColor)) : 255];
  })
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "path", ["annual/outcomes.html", "recovery-rate/icb-annual.html", "map/annual.html", "organisations/england.html"]
)
def test_a_page_prints_its_figures_and_nothing_to_press(path: str, scheme: str, session: BrowserSession) -> None:
    report_page = session.open(path, color_scheme=scheme)
    page = report_page.page
    page.emulate_media(media="print")
    for hidden in (".skip", "#controls", "header nav", ".tabs", ".trail", ".reader", ".download"):
        assert not any(one.is_visible() for one in page.locator(hidden).all()), hidden
    for shown in ("h1", "table", "footer"):
        assert page.locator(shown).first.is_visible()
    clipped = page.eval_on_selector_all(
        ".scroller",
        "all => all.filter((one) => getComputedStyle(one).overflow !== 'visible'"
        " || one.scrollHeight > one.clientHeight + 1).length",
    )
    assert clipped == 0
    colours = page.evaluate(COLOURS)
    assert not [one for one in colours if one[1] > 140 or one[2] < 200], "dark words on light paper"


def test_the_whole_table_is_on_paper(session: BrowserSession) -> None:
    """Printed to a PDF, a map's page is longer than what its table shows at once on a screen."""
    report_page = session.open("map/annual.html")
    assert report_page.page.locator(".scroller").first.evaluate("(one) => one.scrollHeight > one.clientHeight")
    report_page.page.emulate_media(media="print")
    last = report_page.page.locator("#view tbody tr").last
    box, region = last.bounding_box(), report_page.page.locator(".scroller").first.bounding_box()
    assert box is not None
    assert region is not None
    assert box["y"] + box["height"] <= region["y"] + region["height"] + 1


@pytest.mark.parametrize(("motion", "behaviour"), [("reduce", "auto"), ("no-preference", "smooth")])
def test_nothing_moves_where_less_motion_is_preferred(motion: str, behaviour: str, session: BrowserSession) -> None:
    page = session.open("organisations/index.html", reduced_motion=motion).page
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == behaviour
    moving = page.evaluate(
        "[...document.querySelectorAll('*')].filter((one) => { const style = getComputedStyle(one);"
        " return style.animationName !== 'none' || style.transitionDuration !== '0s'; }).length"
    )
    assert moving == 0
    assert page.evaluate("document.getAnimations().length") == 0


def test_with_forced_colours_the_place_in_the_report_and_the_focus_are_still_seen(session: BrowserSession) -> None:
    page = session.open("annual/outcomes.html", forced_colors="active").page
    border = page.eval_on_selector(".tabs a[aria-current]", "(one) => getComputedStyle(one).borderTopStyle")
    assert border == "solid"
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    lines = page.eval_on_selector_all(
        ".series path.line", "all => all.map((one) => getComputedStyle(one).stroke).filter((one) => one !== 'none')"
    )
    assert lines
