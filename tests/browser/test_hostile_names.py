"""Names and codes come from drops: whatever they hold is shown as text, is a safe file name, and runs nowhere."""

from __future__ import annotations

import pytest

from tests.browser.conftest import FORMULA_NAME
from tests.browser.page_objects import BrowserSession, Site, Way
from tests.factories.report_release import HOSTILE_CODE, HOSTILE_NAME

pytestmark = pytest.mark.browser

HOSTILE_PAGE = "provider-_2e__2e__2f__3c_b_3e_"


def test_no_name_is_markup_in_any_page_or_data_file(site: Site) -> None:
    for file in (*site.folder.rglob("*.html"), *(site.folder / "data").rglob("*.js")):
        text = file.read_text("utf-8")
        assert "<script>alert" not in text, file.name
        assert "<b>" not in text, file.name
        assert 'href="https://example.org' not in text, file.name


def test_every_file_name_is_plain(site: Site) -> None:
    for path in site.folder.rglob("*"):
        assert set(path.name.lower()) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_."), path.name
        assert ".." not in path.name


@pytest.mark.parametrize("way", ["file", "http"])
def test_the_page_of_a_hostile_organisation_is_reached_and_shows_its_name(way: Way, session: BrowserSession) -> None:
    report_page = session.open("organisations/index.html", way=way)
    page = report_page.page
    page.click(f'a[href="{HOSTILE_PAGE}.html"]')
    assert page.inner_text("h1") == HOSTILE_NAME
    assert HOSTILE_CODE in page.inner_text("p.lead")
    assert HOSTILE_NAME in page.title()
    assert page.locator("main script, main b").count() == 0
    page.click(f'a[href^="../monthly/activity.html?org={HOSTILE_PAGE}"]')
    report_page.wait_until_drawn()
    assert HOSTILE_NAME in page.inner_text("h1")
    assert HOSTILE_NAME in page.title()
    assert f"{HOSTILE_NAME} ({HOSTILE_CODE})" in page.inner_text("#org option:checked")
    assert page.locator("main script, main b").count() == 0
    assert report_page.shown().panels[0].table.rows


def test_a_hostile_organisation_is_chosen_from_the_list(session: BrowserSession) -> None:
    report_page = session.open("monthly/activity.html")
    report_page.choose_area("provider", HOSTILE_PAGE)
    assert HOSTILE_NAME in report_page.page.inner_text("h1")
    assert report_page.message == ""


def test_a_name_like_a_formula_and_a_link_is_text_on_the_map(session: BrowserSession) -> None:
    report_page = session.open("map/annual.html")
    tile = report_page.page.locator('a.tile[data-code="QOQ"]')
    assert (tile.get_attribute("aria-label") or "").startswith(FORMULA_NAME)
    assert report_page.page.locator("main a[href^='https:']").count() == 0
