"""A report that shows anything else than its tables hold is told, by the names of its files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from iapt.report.comparison import compare_report
from iapt.report.site import build_report, compute_report_fingerprint
from tests.factories.report_release import write_report_release


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    release = write_report_release(tmp_path_factory.mktemp("release"))
    build_report(release, release / "report")
    return release


@pytest.fixture
def release(built: Path, tmp_path: Path) -> Path:
    return shutil.copytree(built, tmp_path / "release")


def list_faults(release: Path, fingerprint: str | None = None) -> list[str]:
    manifest = json.loads((release / "manifest.json").read_text("utf-8"))
    return list(compare_report(release / "report", manifest | {"report": fingerprint or compute_report_fingerprint()}))


def test_a_report_of_its_tables_has_no_fault(release: Path) -> None:
    assert list_faults(release) == []


def _a_figure_on_a_page(report: Path) -> str:
    page = report / "annual" / "outcomes.html"
    page.write_text(page.read_text("utf-8").replace('<td class="n">', '<td class="n">9', 1), "utf-8")
    return "annual/outcomes.html is not what the tables make"


def _a_figure_in_a_data_file(report: Path) -> str:
    script = report / "data" / "annual" / "provider-RGD.js"
    script.write_text(script.read_text("utf-8").replace(",c", ",4", 1), "utf-8")
    return "data/annual/provider-RGD.js is not what the tables make"


def _a_file_more(report: Path) -> str:
    (report / "true_counts.csv").write_text("1,2,3", "utf-8")
    return "true_counts.csv does not belong in it"


def _a_page_less(report: Path) -> str:
    (report / "about.html").unlink()
    return "about.html is missing"


def _boundaries_that_are_none(report: Path) -> str:
    script = 'iapt.receive("boundaries",{"width":1,"height":1,"paths":{"QF7":"4 people"},"notice":""});\n'
    (report / "data" / "boundaries.js").write_text(script, "utf-8")
    return "data/boundaries.js holds something else than boundaries"


@pytest.mark.parametrize(
    "spoil", [_a_figure_on_a_page, _a_figure_in_a_data_file, _a_file_more, _a_page_less, _boundaries_that_are_none]
)
def test_what_the_tables_do_not_make_is_told(release: Path, spoil: Callable[[Path], str]) -> None:
    assert spoil(release / "report") in list_faults(release)


def test_a_report_of_other_code_is_compared_by_its_figures_alone(release: Path) -> None:
    (release / "report" / "about.html").write_text("said otherwise", "utf-8")
    assert list_faults(release, "another fingerprint") == []
    assert _a_figure_in_a_data_file(release / "report") in list_faults(release, "another fingerprint")


def test_tables_that_make_no_report_are_told(release: Path) -> None:
    (release / "dim_period.parquet").unlink()
    assert list_faults(release) == ["its tables make no report (ReleaseUnreadableError)"]
