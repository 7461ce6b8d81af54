"""The report of the real drops: every figure as released, the missing quarter, the map, and the weight of its pages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from iapt.catalogue.area_tiles import load_tiles
from iapt.report.site import measure_site
from iapt.workspace import CATALOGUE
from tests.acceptance.conftest import BOUNDARIES, RealRelease
from tests.oracles.report_figures import EXTRACTS, compare_figures, read_data_file

HEAVIEST_PAGE_BYTES = 200_000
HEAVIEST_DATA_BYTES = 100_000


@pytest.fixture(scope="module")
def report(real_release: RealRelease) -> Path:
    return real_release.home.latest.resolve() / "report"


@pytest.mark.parametrize("slug", EXTRACTS)
def test_every_figure_of_the_report_is_released_and_the_other_way_round(
    real_release: RealRelease, report: Path, slug: str
) -> None:
    compared = compare_figures(report, real_release.home.latest, slug)
    assert compared.shown == compared.released > 0
    assert compared.on_one_side_alone == 0


def test_no_page_and_no_data_file_is_heavy(report: Path) -> None:
    weighed = measure_site(report)
    assert weighed.heaviest_page_compressed_bytes <= HEAVIEST_PAGE_BYTES, weighed.heaviest_page
    # What a page loads when another organisation is chosen; the list of them all is weighed with the page.
    heavy = [path.name for path in (report / "data").glob("*/*.js") if path.stat().st_size > HEAVIEST_DATA_BYTES]
    assert heavy == []


def test_every_tile_of_the_map_has_a_recovery_rate_of_the_newest_year(report: Path) -> None:
    site = read_data_file(report / "data" / "site.js")
    number = [measure["slug"] for measure in site["measures"]].index("percentage_recovery")
    year = [period["period"] for period in site["reports"]["annual"]["periods"]].index("2024-25")
    series = read_data_file(report / "data" / "map" / "annual.js")["series"]
    cells = {area: texts[number].split(",")[year] for area, texts in series.items() if texts[number].count(",") >= year}
    assert {f"icb-{tile.code}" for tile in load_tiles(CATALOGUE / "area_tiles.csv")} <= cells.keys()
    assert sum(cell.isdigit() for cell in cells.values()) == 42


def test_the_missing_quarter_is_on_the_page_with_its_reason(report: Path) -> None:
    page = (report / "quarterly" / "outcomes.html").read_text("utf-8")
    assert "Q2 2020/21 was never published" in page
    assert "[x]" in page


def test_the_map_draws_the_boundaries_it_is_given(reference: Callable[[str], Path], report: Path) -> None:
    reference(BOUNDARIES)
    assert (report / "map" / "annual.html").read_text("utf-8").count('class="shape ') == 42
