"""Pages stay light: each with all that it loads is at most 200 kB, compressed as a server would."""

from __future__ import annotations

import gzip
from urllib.parse import urlsplit

import pytest

from tests.browser.page_objects import BrowserSession, Site

pytestmark = pytest.mark.browser

MOST_BYTES = 200_000


def test_no_page_weighs_more_than_it_may(session: BrowserSession, site: Site) -> None:
    report_page = session.begin(way="http")
    weights = {}
    paths = [path for path in site.pages if not path.startswith("organisations/")]
    paths += ["organisations/index.html", "organisations/england.html", "organisations/icb-QF7.html"]
    paths += ["annual/outcomes.html?org=icb-QF7&by=age_band", "recovery-rate/icb-annual.html?area=england&area=icb-QHM"]
    for path in paths:
        session.responses.clear()
        report_page.go(path)
        bodies = {
            response.url: (site.folder / urlsplit(response.url).path.lstrip("/")).read_bytes()
            for response in session.responses
            if response.url.startswith("http")
        }
        assert all(response.ok or response.status == 304 for response in session.responses)
        weights[path] = sum(len(gzip.compress(body)) for body in bodies.values())
        assert len(bodies) >= 2, path
        if 'data-kind="' in (site.folder / path.split("?")[0]).read_text("utf-8"):
            assert sum("/data/" in url for url in bodies) >= 2, path
    assert {path: weight for path, weight in weights.items() if weight > MOST_BYTES} == {}
    assert max(weights.values()) > 20_000, "the weights are not those of nothing"
