"""Synthetic figures wear a banner with the statement of their release on every page; others have none."""

from __future__ import annotations

import pytest

from tests.browser.page_objects import BrowserSession, Site
from tests.factories.report_release import STATEMENT

pytestmark = pytest.mark.browser


def test_every_page_of_synthetic_figures_says_so(site: Site) -> None:
    for path in site.pages:
        text = (site.folder / path).read_text("utf-8")
        head, _, main = text.partition("<main")
        assert (
            f'<div class="banner" role="region" aria-label="Important"><p class="width">{STATEMENT}</p></div>' in head
        )
        assert main


@pytest.mark.parametrize("media", ["screen", "print"])
@pytest.mark.parametrize("width", [320, 1280])
def test_the_banner_is_seen_before_any_figure(width: int, media: str, session: BrowserSession) -> None:
    report_page = session.open("annual/outcomes.html", viewport={"width": width, "height": 800})
    report_page.page.emulate_media(media=media)  # type: ignore[arg-type]
    banner = report_page.page.locator(".banner")
    assert banner.is_visible()
    assert banner.inner_text() == STATEMENT
    box, title = banner.bounding_box(), report_page.page.locator("h1").bounding_box()
    assert box is not None
    assert title is not None
    assert 0 <= box["y"] < title["y"]


def test_a_release_without_a_statement_has_no_banner(bare_site: Site) -> None:
    for path in bare_site.pages:
        text = (bare_site.folder / path).read_text("utf-8")
        assert 'class="banner"' not in text, path
        assert "SYNTHETIC" not in text, path
