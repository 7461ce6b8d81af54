"""The site as a folder: whole or not there, the same bytes each time, and nothing on it that was not released."""

from __future__ import annotations

import html
import json
import re
import shutil
from pathlib import Path

import pytest

from iapt.catalogue.disclosure_policy import load_policy
from iapt.contract import TOPICS
from iapt.release.metadata import describe_rounding
from iapt.report import contents
from iapt.report.release_tables import ReleaseUnreadableError
from iapt.report.site import BuiltReport, build_report, make_report_builder
from tests.factories.report_release import GAP_REASON, HOSTILE_NAME, STATEMENT, copy_release, write_report_release


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report_release(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def built(release: Path, tmp_path_factory: pytest.TempPathFactory) -> BuiltReport:
    return build_report(release, tmp_path_factory.mktemp("site") / "report")


@pytest.fixture(scope="module")
def built_again(release: Path, tmp_path_factory: pytest.TempPathFactory) -> BuiltReport:
    """The same report in a folder where there was another."""
    target = tmp_path_factory.mktemp("again") / "report"
    target.mkdir()
    (target / "old.html").write_text("old", "utf-8")
    return build_report(release, target)


def _pages(built: BuiltReport) -> dict[str, str]:
    return {path.relative_to(built.folder).as_posix(): path.read_text("utf-8") for path in built.folder.rglob("*.html")}


def test_a_release_has_every_page(built: BuiltReport) -> None:
    pages = _pages(built)
    topics = {
        f"{report}/{topic}.html"
        for report in ("monthly", "quarterly", "annual")
        for topic in ("activity", "waiting-times", "outcomes")
    }
    tabs = {
        f"recovery-rate/{tab}-{report}.html"
        for tab in ("england", "icb")
        for report in ("monthly", "quarterly", "annual")
    }
    maps = {f"map/{report}.html" for report in ("monthly", "quarterly", "annual")}
    rest = {"index.html", "about.html", "accessibility.html", "definitions.html", "organisations/index.html"}
    contents = {f"{report}/index.html" for report in ("monthly", "quarterly", "annual")}
    assert topics | tabs | maps | rest | contents <= pages.keys()
    assert built.pages == len(pages)


def test_every_page_of_synthetic_figures_says_so(built: BuiltReport) -> None:
    assert [name for name, page in _pages(built).items() if STATEMENT not in page] == []


def test_published_figures_wear_no_banner(release: Path, tmp_path: Path) -> None:
    manifest = json.loads((release / "manifest.json").read_text("utf-8")) | {"statement": ""}
    plain = build_report(release, tmp_path / "report", manifest)
    assert [name for name, page in _pages(plain).items() if 'class="banner"' in page] == []


def test_a_name_from_a_drop_is_text_and_nothing_else(built: BuiltReport) -> None:
    pages = _pages(built)
    assert [name for name, page in pages.items() if "<script>alert" in page] == []
    escaped = html.escape(HOSTILE_NAME, quote=False).replace("&lt;", "&#60;").replace("&gt;", "&#62;")
    assert any(escaped[:12] in page for page in pages.values())
    named = [name for name in pages if name.startswith("organisations/provider-_2e_")]
    assert len(named) == 1
    assert all(path.resolve().is_relative_to(built.folder.resolve()) for path in built.folder.rglob("*"))


def test_nothing_is_fetched_from_elsewhere(built: BuiltReport) -> None:
    loads = re.compile(r"""(?:src|href)=["'](https?:)?//[^"']*["'][^>]*(?:>|$)""")
    for name, page in _pages(built).items():
        outside = [
            found[0] for found in loads.finditer(page) if not page[: found.start()].endswith(("<a ", 'rel="license" '))
        ]
        assert outside == [], name
    for asset in (built.folder / "assets").iterdir():
        assert not re.search(r"url\((?!#)|@import|https?://(?!www\.w3\.org)", asset.read_text("utf-8")), asset


def test_the_missing_quarter_is_said_with_its_reason(built: BuiltReport) -> None:
    pages = _pages(built)
    for name in (
        "quarterly/index.html",
        "quarterly/outcomes.html",
        "recovery-rate/england-quarterly.html",
        "about.html",
    ):
        assert GAP_REASON in pages[name], name


def test_the_contents_say_which_change_divides_a_series(built: BuiltReport) -> None:
    page = _pages(built)["annual/index.html"]
    notes = dict(re.findall(r"<li><strong>([^:<]*):[^<]*</strong>([^<]*)</li>", page))
    assert "not comparable" in notes["2020/21"]
    assert "not comparable" not in notes["2022/23"]


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"made": None, "source": None}, "They were offered without a record of provenance"),
        ({"made": "the publisher’s own file", "source": "a page"}, "manifest.json says of each file where it was got"),
    ],
)
def test_the_page_about_the_figures_claims_the_provenance_that_is_known(
    release: Path, tmp_path: Path, record: dict[str, str | None], said: str
) -> None:
    manifest = json.loads((release / "manifest.json").read_text("utf-8"))
    published = {"data_origin": "published", "attribution": "Attributed.", "drops": [{"file": "made.csv", **record}]}
    page = _pages(build_report(release, tmp_path / "report", manifest | published))["about.html"]
    assert said in page
    assert ("is not known" in page) is (record["made"] is None)


def test_no_page_says_that_a_measure_is_not_released(release: Path, tmp_path: Path) -> None:
    """What a release says to those who make it means nothing to the public."""
    manifest = json.loads((release / "manifest.json").read_text("utf-8"))
    said = {"rounding_and_suppression": describe_rounding(load_policy())}
    pages = _pages(build_report(release, tmp_path / "report", manifest | said))
    assert [name for name, page in pages.items() if "are not released" in page or "nobody has reviewed" in page] == []
    assert "not been checked yet are not shown." in pages["annual/outcomes.html"]


def test_a_formula_is_written_in_words(release: Path, tmp_path: Path) -> None:
    """The labels of its measures, never their columns; where one has no label, no formula."""
    query = """
        select * replace (
            case measure when 'percentage_first_to_second_treatment_28_days' then 'count_second_treatment'
                         when 'percentage_recovery' then 'count_of_sheep' end as numerator,
            case when measure in ('percentage_first_to_second_treatment_28_days', 'percentage_recovery')
                 then 'count_finished_course_treatment - count_not_at_caseness' end as denominator
        )
        from original
    """
    copied = copy_release(release, tmp_path / "release", dim_measure=query)
    page = _pages(build_report(copied, tmp_path / "report"))["definitions.html"]
    assert re.findall(r'<span class="formula">([^<]*)</span>', page) == [
        "Made of: Had a second treatment over Finished a course of treatment minus Finished a course and began below "
        "caseness."
    ]


def test_two_builds_are_the_same_bytes(built: BuiltReport, built_again: BuiltReport) -> None:
    one, other = (
        {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (built.folder, built_again.folder)
    )
    assert one == other


def test_no_page_weighs_more_than_200_kilobytes_with_all_it_loads(built: BuiltReport) -> None:
    assert 0 < built.heaviest_page_compressed_bytes < 200_000


def test_a_report_is_replaced_as_a_whole(built_again: BuiltReport) -> None:
    assert (built_again.folder / "index.html").is_file()
    assert not (built_again.folder / "old.html").exists()
    assert sorted(path.name for path in built_again.folder.parent.iterdir()) == ["report"]


def test_a_build_that_fails_leaves_what_was_there(
    release: Path, built: BuiltReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = Path(shutil.copytree(built.folder, tmp_path / "report"))
    before = (target / "index.html").read_bytes()

    def fails(*_: object) -> None:
        raise ReleaseUnreadableError("made to fail")

    monkeypatch.setattr(contents, "load_tiles", fails)
    with pytest.raises(ReleaseUnreadableError):
        build_report(release, target)
    assert (target / "index.html").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report"]


def test_a_folder_that_is_no_release_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReleaseUnreadableError, match=r"manifest\.json"):
        build_report(tmp_path, tmp_path / "report")


def test_other_boundaries_make_another_report(tmp_path: Path) -> None:
    boundaries = tmp_path / "boundaries.geojson"
    without = make_report_builder(boundaries).fingerprint
    boundaries.write_text("{}", "utf-8")
    one = make_report_builder(boundaries).fingerprint
    boundaries.write_text("{ }", "utf-8")
    assert len({without, one, make_report_builder(boundaries).fingerprint}) == 3


def _copy_without_rows(release: Path, folder: Path, condition: str) -> Path:
    """A copy of a release whose topic marts lack the rows of a condition."""
    return copy_release(release, folder, **dict.fromkeys(TOPICS, f"from original where not ({condition})"))


def test_a_page_opens_on_an_organisation_that_has_figures(release: Path, tmp_path: Path) -> None:
    """Quarters of the country are rare: without them the pages are of the first organisation that has some."""
    lacking = _copy_without_rows(release, tmp_path / "release", "period_grain = 'quarter' and org_level = 'england'")
    pages = _pages(build_report(lacking, tmp_path / "report"))
    for path in ("quarterly/outcomes.html", "recovery-rate/england-quarterly.html"):
        page = pages[path]
        assert 'data-area="england"' not in page
        assert "England has no" in page
        assert "The page opens on an organisation that has some." in page
        assert re.search(r'<p class="summary">[^<]*: \d+%', page), path
    assert 'data-family="sub-icb"' in pages["recovery-rate/england-quarterly.html"]
    assert "opens on an organisation" not in pages["annual/outcomes.html"]


def test_boards_without_a_rate_open_on_the_locations_within_them(built: BuiltReport) -> None:
    """By month the boards of the made release have counts alone."""
    page = _pages(built)["recovery-rate/icb-monthly.html"]
    assert 'data-area="sub-icb-02P"' in page
    assert "Integrated care boards have no recovery rate by month in this release." in page


def test_a_page_nobody_has_figures_for_leads_to_those_that_have(release: Path, tmp_path: Path) -> None:
    lacking = _copy_without_rows(release, tmp_path / "release", "period_grain = 'year' and org_level <> 'none'")
    pages = _pages(build_report(lacking, tmp_path / "report"))
    assert '<a href="../monthly/waiting-times.html">' in pages["annual/waiting-times.html"]
    assert '<a href="../quarterly/waiting-times.html">' in pages["annual/waiting-times.html"]
    assert '<a href="england-quarterly.html">' in pages["recovery-rate/england-annual.html"]
    assert '<a href="monthly.html">' in pages["map/annual.html"]
