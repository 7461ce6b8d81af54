"""Limits of a comparison are kept and said, and an address that asks for what is not there is corrected, not obeyed."""

from __future__ import annotations

from urllib.parse import parse_qs, quote

import pytest

from tests.browser.page_objects import BrowserSession, ReportPage

pytestmark = pytest.mark.browser

ENGLAND = "recovery-rate/england-annual.html"
POPULATIONS = [
    "bme_group/bme",
    "bme_group/white_british",
    "bme_group/not_stated",
    "ethnic_group/asian_or_asian_british",
    "ethnic_group/black_or_black_british",
    "ethnic_group/mixed",
    "ethnic_group/white",
]
BOARDS = ["icb-QF7", "icb-QHM", "icb-QOQ"]


def read_heads(report_page: ReportPage) -> list[str]:
    return list(report_page.shown().panels[0].table.heads[1:])


def test_a_sixth_population_is_refused_and_said(session: BrowserSession) -> None:
    report_page = session.open(f"{ENGLAND}?{'&'.join(f'with={key}' for key in POPULATIONS[:4])}")
    page = report_page.page
    page.click("details.compare summary")
    report_page.redraw_after(lambda: page.check(f'input[value="{POPULATIONS[4]}"]'))
    assert len(read_heads(report_page)) == 6
    assert "5 of 5" in page.inner_text("#populations-count")
    before, address = read_heads(report_page), report_page.query
    sixth = f'input[value="{POPULATIONS[5]}"]'
    assert page.get_attribute(sixth, "aria-disabled") == "true"
    page.focus(sixth)
    page.keyboard.press("Space")
    page.wait_for_selector("#message:not([hidden])")
    assert report_page.message == "At most 5 other populations can be compared. Remove one first."
    assert page.get_attribute("#message", "role") == "alert"
    assert not page.is_checked(sixth)
    assert report_page.focused_value == POPULATIONS[5]
    assert read_heads(report_page) == before
    assert report_page.query == address
    report_page.redraw_after(lambda: page.uncheck(f'input[value="{POPULATIONS[0]}"]'))
    assert report_page.message == ""
    assert page.get_attribute(sixth, "aria-disabled") is None


def test_a_third_area_is_refused_and_said(session: BrowserSession) -> None:
    report_page = session.open(ENGLAND)
    page = report_page.page
    page.click("details.compare summary")
    for board in BOARDS[:2]:
        page.select_option("#other", board)
        report_page.redraw_after(lambda: page.click("#add-area"))
    assert len(read_heads(report_page)) == 3
    before = read_heads(report_page)
    page.select_option("#other", BOARDS[2])
    page.focus("#add-area")
    page.keyboard.press("Enter")
    page.wait_for_selector("#message:not([hidden])")
    assert report_page.message == "At most 2 other areas can be compared. Remove one first."
    assert report_page.focused_id == "add-area"
    assert read_heads(report_page) == before
    report_page.redraw_after(lambda: page.click("[data-remove] >> nth=0"))
    assert len(read_heads(report_page)) == 2
    assert report_page.message == ""


def test_populations_and_areas_are_not_compared_at_once(session: BrowserSession) -> None:
    report_page = session.open(f"{ENGLAND}?area=icb-QF7")
    page = report_page.page
    page.click("details.compare summary")
    report_page.redraw_after(lambda: page.check('input[value="ethnic_group/white"]'))
    assert read_heads(report_page) == ["Everyone", "White"]
    assert "the other areas were removed" in report_page.message
    assert "area=" not in report_page.query


@pytest.mark.parametrize(
    ("asked", "message", "kept"),
    [
        ("&".join(f"with={key}" for key in POPULATIONS), "At most 5 other populations", {"with": POPULATIONS[:5]}),
        ("&".join(f"area={board}" for board in BOARDS), "At most 2 other areas", {"area": BOARDS[:2]}),
        ("with=ethnic_group/white&area=icb-QF7", "not both at once", {"area": ["icb-QF7"]}),
        (
            "with=ethnic_group/nobody&with=ethnic_group/white",
            "There is no recovery rate here",
            {"with": ["ethnic_group/white"]},
        ),
        ("with=age_band/18_to_25", "There is no recovery rate here", {"with": ["none"]}),
        ("area=provider-RGD", "There are no figures here", {"with": ["none"]}),
        ("area=constructor&with=__proto__/x&with=toString", "There are no figures here", {"with": ["none"]}),
        ("with=ethnic_group/white&with=ethnic_group/white", "", {"with": ["ethnic_group/white"]}),
    ],
)
def test_a_comparison_beyond_the_limits_is_corrected(
    asked: str, message: str, kept: dict[str, list[str]], session: BrowserSession
) -> None:
    report_page = session.open(f"{ENGLAND}?{asked}")
    assert message in report_page.message
    assert bool(report_page.message) == bool(message)
    assert parse_qs(report_page.query.removeprefix("?")) == kept
    others = [one for name in kept for one in kept[name] if one != "none"]
    assert len(read_heads(report_page)) == 1 + len(others)


SCRIPT = "<script>window.ran = 1</script><img src=x onerror='window.ran = 1'>"


@pytest.mark.parametrize(
    ("path", "asked", "message", "corrected"),
    [
        ("annual/outcomes.html", "org=icb-NOPE", "has no figures in this report", ""),
        ("annual/outcomes.html", "org=__proto__", "has no figures in this report", ""),
        ("annual/outcomes.html", f"org={quote(SCRIPT)}", "has no figures in this report", ""),
        ("quarterly/outcomes.html", "org=icb-QF7", "has no figures in this report", ""),
        ("annual/outcomes.html", "by=star_sign", "everyone is shown", ""),
        ("annual/outcomes.html", f"by={quote(SCRIPT)}", "everyone is shown", ""),
        ("annual/outcomes.html", "by=constructor", "everyone is shown", ""),
        (
            "annual/outcomes.html",
            f"by=age_band&measure={quote(SCRIPT)}&period=2024-25",
            "is not published by age here",
            "?by=age_band&measure=percentage_recovery&period=2024-25",
        ),
        (
            "annual/outcomes.html",
            f"by=age_band&measure=percentage_recovery&period={quote(SCRIPT)}",
            "There is no figure for",
            "?by=age_band&measure=percentage_recovery&period=2024-25",
        ),
        ("annual/outcomes.html", "measure=percentage_recovery&period=1999&nonsense=1", "", ""),
        ("annual/outcomes.html", "org=../../x&by=../x", "has no figures in this report", ""),
        ("map/annual.html", "measure=count_of_cats", "is not on this map", ""),
        ("map/annual.html", f"period={quote(SCRIPT)}", "is not on this map", ""),
        ("recovery-rate/icb-annual.html", "org=england", "has no figures in this report", ""),
        (ENGLAND, f"with={quote(SCRIPT)}&area={quote(SCRIPT)}", "left out", "?with=none"),
    ],
)
def test_an_address_that_asks_for_what_is_not_there_is_corrected(
    path: str, asked: str, message: str, corrected: str, session: BrowserSession
) -> None:
    report_page = session.open(f"{path}?{asked}")
    page = report_page.page
    assert message in report_page.message
    assert report_page.query == corrected
    assert report_page.shown().panels
    assert page.evaluate("window.ran") is None
    assert page.locator("main script, main img").count() == 0
    if message:
        assert page.locator("#message").evaluate("(one) => one.children.length") == 0, "a message is text alone"
    page.reload()
    report_page.wait_until_drawn()
    assert report_page.message == "", "the corrected address needs no correction"


def test_a_measure_that_is_not_there_is_replaced_by_the_one_that_is_named(session: BrowserSession) -> None:
    """The message names what is shown."""
    report_page = session.open("annual/outcomes.html?by=age_band&measure=nothing")
    heading = report_page.shown().panels[0].heading.lower()
    named = report_page.message.split("here: ")[1].removesuffix(" is shown.")
    assert heading.startswith(named)


def test_figures_that_cannot_be_loaded_are_said(session: BrowserSession) -> None:
    report_page = session.begin()
    session.expected_errors += ["Failed to load resource"]
    report_page.page.route("**/data/annual/icb-QF7.js", lambda route: route.abort())
    report_page.go("annual/outcomes.html")
    before = report_page.shown().heading
    report_page.page.evaluate("document.getElementById('announced').textContent = ''")
    report_page.page.select_option("#family", "icb")
    report_page.wait_until_drawn()
    report_page.page.select_option("#org", "icb-QF7")
    report_page.page.wait_for_selector("#message:not([hidden])")
    assert "could not be loaded" in report_page.message
    assert before
