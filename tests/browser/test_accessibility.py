"""The accessibility rules of WCAG 2.2 A and AA on every kind of page, and the contrast that axe-core cannot measure."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
import yaml

from tests.browser.page_objects import BrowserSession, ReportPage, Site
from tests.browser.released_figures import DASH

pytestmark = pytest.mark.browser

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ALLOWED = yaml.safe_load((Path(__file__).parent / "axe_needs_review.yml").read_text("utf-8"))
#: Rules whose result a colour scheme can change.
COLOUR_RULES = ["color-contrast", "link-in-text-block"]

#: Pages of a template of which another stands here as well: judged on a desk alone, to keep the tier short.
ON_DESKTOP_ONLY = ("waiting times", "outcomes", "totals built here", "an address corrected", "map of tiles alone")

#: Every kind of page. The comparison of recovery rates is judged open.
PAGES = {
    "home": "index.html",
    "contents": "quarterly/index.html",
    "referrals and treatment": "quarterly/activity.html?org=provider-RGD",
    "waiting times": "annual/waiting-times.html",
    "outcomes": "annual/outcomes.html",
    "totals built here": "monthly/activity.html?org=icb-QF7",
    "by a variable": "annual/outcomes.html?by=ethnic_group&measure=percentage_recovery",
    "an address corrected": "annual/outcomes.html?org=nowhere&by=nothing",
    "recovery rate of England": "recovery-rate/england-annual.html",
    "recovery rate of a board": "recovery-rate/icb-annual.html?org=icb-QF7&area=england&area=icb-QHM",
    "map with boundaries": "map/annual.html",
    "organisations": "organisations/index.html",
    "an organisation": "organisations/icb-QF7.html",
    "definitions": "definitions.html",
    "about": "about.html",
    "accessibility": "accessibility.html",
}
BARE_PAGES = {"map of tiles alone": "map/annual.html", "nothing held": "recovery-rate/icb-quarterly.html"}


def find_faults(report_page: ReportPage, rules: list[str] | None = None, without: tuple[str, ...] = ()) -> list[str]:
    """What axe-core finds wrong, or could not decide and nobody has looked at."""
    only: dict[str, Any] = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": TAGS}
    off = {rule: {"enabled": False} for rule in without}
    found = report_page.page.evaluate(
        "(options) => axe.run({ ...options, preload: false, resultTypes: ['violations', 'incomplete'] })",
        {"runOnly": only, "rules": off},
    )
    faults = [
        f"{one['id']}: {one['help']}: {node['html'][:200]} {node.get('failureSummary', '')[:300]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]
    return faults + [
        f"to review: {one['id']}: {node['html'][:200]} {[check.get('data') for check in node['any']]}"
        for one in found["incomplete"]
        for node in one["nodes"]
        if not any(is_allowed(one["id"], node, allowed) for allowed in ALLOWED)
    ]


def is_allowed(rule: str, node: dict[str, Any], allowed: dict[str, Any]) -> bool:
    if allowed["rule"] != rule or not re.search(allowed["element"], node["html"]):
        return False
    keys = {(check.get("data") or {}).get("messageKey") for check in node["any"]}
    return "keys" not in allowed or keys <= set(allowed["keys"])


def assert_no_fault_at_any_size(report_page: ReportPage, *, on_desktop_only: bool = False) -> None:
    """On a desk in light and dark, on a phone, and at 200% zoom. Colours do not depend on the size."""
    page = report_page.page
    page.evaluate(AXE)
    faults = {"1280 px": find_faults(report_page)}
    page.emulate_media(color_scheme="dark")
    faults["dark"] = find_faults(report_page, COLOUR_RULES)
    if not on_desktop_only:
        faults |= find_faults_when_small(report_page)
    assert not any(faults.values()), "\n".join(f"{size}: {fault}" for size, found in faults.items() for fault in found)


def find_faults_when_small(report_page: ReportPage) -> dict[str, list[str]]:
    page = report_page.page
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 320, "height": 640})
    page.wait_for_timeout(50)
    report_page.wait_until_drawn()
    phone = find_faults(report_page, without=("color-contrast",))
    zoom = page.context.new_cdp_session(page)
    metrics = {"width": 640, "height": 400, "deviceScaleFactor": 2, "mobile": False}
    zoom.send("Emulation.setDeviceMetricsOverride", metrics)
    page.wait_for_timeout(50)
    report_page.wait_until_drawn()
    assert page.evaluate("[innerWidth, devicePixelRatio]") == [640, 2]
    zoomed = find_faults(report_page, without=("color-contrast",))
    zoom.detach()
    return {"320 px": phone, "200% zoom": zoomed}


@pytest.mark.parametrize("kind", PAGES)
def test_axe_finds_nothing(kind: str, session: BrowserSession) -> None:
    report_page = session.open(PAGES[kind])
    if kind.startswith("recovery"):
        report_page.page.click("details.compare summary")
    if kind == "an address corrected":
        assert report_page.message
    assert_no_fault_at_any_size(report_page, on_desktop_only=kind in ON_DESKTOP_ONLY)


@pytest.mark.parametrize("kind", BARE_PAGES)
def test_axe_finds_nothing_where_less_is_held(kind: str, session: BrowserSession, bare_site: Site) -> None:
    report_page = session.open(BARE_PAGES[kind], site=bare_site)
    assert ("No figures of this kind" in report_page.page.content()) == (kind == "nothing held")
    assert_no_fault_at_any_size(report_page, on_desktop_only=kind in ON_DESKTOP_ONLY)


def test_axe_would_find_a_fault(session: BrowserSession) -> None:
    """The judge itself: a picture without a text and a pale sentence are found."""
    report_page = session.open("about.html")
    report_page.page.evaluate(
        "document.querySelector('main').insertAdjacentHTML("
        "'beforeend', '<img src=\"assets/icon.svg\"><p id=pale>Pale</p>');"
        "document.getElementById('pale').style.color = '#aaa'"
    )
    report_page.page.evaluate(AXE)
    assert {fault.split(":")[0] for fault in find_faults(report_page)} == {"image-alt", "color-contrast"}


# The contrast of each text of a drawing with what is behind it, and of each line and mark with the page: the least of
# each kind. Behind a text of a tile is the tile, or the ground of its hatching.
CONTRASTS = r"""
() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const parsed = (colour) => {
    canvas.fillStyle = "#000"; canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((part) => part / 255);
  };
  const luminance = (colour) => {
    const [r, g, b] = parsed(colour).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const page = getComputedStyle(document.body).backgroundColor;
  const ground = page === "rgba(0, 0, 0, 0)" ? "rgb(255, 255, 255)" : page;
  const least = {};
  const note = (kind, value) => { least[kind] = Math.min(least[kind] ?? 99, Math.round(value * 100) / 100); };
  for (const text of document.querySelectorAll("main svg text")) {
    const tile = text.closest(".tile");
    const style = tile ? getComputedStyle(tile.querySelector("rect")) : null;
    const hatch = tile && style.fill.startsWith("url") ? tile.closest("svg").querySelector(".hatch-ground") : null;
    const behind = hatch ? getComputedStyle(hatch).fill : tile ? style.fill : ground;
    const kind = tile || (text.getAttribute("class") ? text : text.parentNode);
    note(`text ${kind.getAttribute("class")}`,
      contrast(getComputedStyle(text).fill, behind));
  }
  const marks = "main .series path.line, main .standard, main .gap-line, main .break, main .bar rect";
  for (const line of document.querySelectorAll(marks)) {
    const style = getComputedStyle(line);
    note(`mark ${line.getAttribute("class") || "bar"} ${line.parentNode.getAttribute("class") || ""}`,
      contrast(style.stroke === "none" ? style.fill : style.stroke, ground));
  }
  for (const edge of document.querySelectorAll("main .tile rect, main path.shape"))
    note("mark tile edge", contrast(getComputedStyle(edge).stroke, ground));
  return least;
}
"""


def find_faint(report_page: ReportPage) -> dict[str, float]:
    found: dict[str, float] = report_page.page.evaluate(CONTRASTS)
    assert found
    return {kind: value for kind, value in found.items() if value < (4.5 if kind.startswith("text") else 3)}


@pytest.mark.parametrize(
    "path",
    [
        "recovery-rate/england-annual.html?with=bme_group/bme&with=bme_group/white_british&with=ethnic_group/mixed"
        "&with=ethnic_group/white&with=ethnic_group/asian_or_asian_british",
        "quarterly/outcomes.html?org=provider-RGD",
        "annual/outcomes.html?by=ethnic_group",
        "map/annual.html",
    ],
)
def test_texts_and_lines_of_drawings_stand_out(path: str, session: BrowserSession) -> None:
    """4.5 to 1 for text and 3 to 1 for marks: in both schemes, in print from either, and in forced colours."""
    report_page = session.open(path)
    faint = {}
    for scheme in ("light", "dark"):
        for media in ("screen", "print"):
            report_page.page.emulate_media(color_scheme=scheme, media=media)
            faint[f"{scheme} {media}"] = find_faint(report_page)
        report_page.page.emulate_media(color_scheme=scheme, media="screen", forced_colors="active")
        faint[f"{scheme} forced"] = find_faint(report_page)
        report_page.page.emulate_media(forced_colors="none")
    assert not any(faint.values()), faint


def test_lines_and_tiles_are_distinguished_without_colour(session: BrowserSession) -> None:
    """Each line has marks of its own shape and, but for the first, dashes of its own; classes print their value."""
    report_page = session.open(
        "recovery-rate/england-annual.html?with=bme_group/bme&with=bme_group/white_british&with=ethnic_group/mixed"
        "&with=ethnic_group/white&with=ethnic_group/asian_or_asian_british",
        forced_colors="active",
    )
    chart = report_page.shown().panels[0].chart
    assert chart is not None
    assert len(chart["lines"]) == 6
    shapes = [re.sub(r"M[-\d. ]+", "", line["points"][0]["shape"]) for line in chart["lines"]]
    assert len(set(shapes)) == 6, shapes
    dashes = report_page.page.eval_on_selector_all(
        ".chart .series path.line", "all => all.map((one) => getComputedStyle(one).strokeDasharray)"
    )[-6:]
    assert len(set(dashes)) == 6, dashes
    marks = report_page.page.locator(".chart-drawing .series [data-i] > :not(title)")
    assert marks.count() >= 30
    assert all(box is not None and box["width"] > 3 for box in (marks.nth(at).bounding_box() for at in range(6)))
    tiles = report_page.go("map/annual.html").shown().tiles
    assert all(tile["value"] for tile in tiles)
    without = [tile for tile in tiles if tile["value"] in (DASH, "[c]", "[x]")]
    assert without
    assert all(tile["fill"].startswith("url(#") for tile in without)
