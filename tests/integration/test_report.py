"""The report of a release: inside it, made of it, listed by it, and shown by the command line."""

from __future__ import annotations

import json
import re
import shutil
import threading
import urllib.request
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from typer.testing import CliRunner

from iapt.release.publish import ReportBuilder, publish
from iapt.report.serving import make_server
from iapt.workspace import Workspace
from orchestration.assets.release import RELEASE, REPORT, gate, release, staged_tables
from orchestration.cli import app
from orchestration.definitions import defs
from orchestration.progress import ProgressReporter
from orchestration.resources import WorkspaceResource
from tests.factories.candidates import make_candidate_of_home
from tests.integration.conftest import BuiltHome
from tests.oracles.report_figures import EXTRACTS, compare_figures, read_data_file

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def report(released_home: BuiltHome) -> Path:
    return released_home.home.latest / "report"


def test_a_release_carries_its_report_and_lists_it(released_home: BuiltHome, report: Path) -> None:
    manifest = json.loads((released_home.home.latest / "manifest.json").read_text("utf-8"))
    listed = {name for name in manifest["files"] if name.startswith("report/")}
    assert "report/index.html" in listed
    assert len(listed) == sum(path.is_file() for path in report.rglob("*"))
    assert f"Release {manifest['release_id']}, {manifest['released_on']}" in (report / "index.html").read_text("utf-8")


@pytest.mark.parametrize("slug", EXTRACTS)
def test_every_figure_of_the_report_is_in_the_release_and_the_other_way_round(
    slug: str, released_home: BuiltHome, report: Path
) -> None:
    compared = compare_figures(report, released_home.home.latest, slug)
    assert compared.shown == compared.released > 1000
    assert compared.on_one_side_alone == 0


def test_a_figure_of_the_report_that_is_not_the_releases_is_found(
    released_home: BuiltHome, report: Path, tmp_path: Path
) -> None:
    changed = Path(shutil.copytree(report, tmp_path / "report", copy_function=shutil.copyfile))
    path, text = next(
        (path, text)
        for path in sorted((changed / "data" / "quarterly").glob("*.js"))
        if re.search(r",\d+,", text := path.read_text("utf-8"))
    )
    path.write_text(re.sub(r",(\d+),", r",1\1,", text, count=1), "utf-8")
    compared = compare_figures(changed, released_home.home.latest, "quarterly")
    assert compared.shown == compared.released
    assert compared.on_one_side_alone == 2


def test_how_rates_stand_to_the_standard_is_what_the_release_says(released_home: BuiltHome, report: Path) -> None:
    """Of everyone in England, year by year, as the mart of recovery rates has it."""
    said = dict(
        duckdb.sql(
            f"""
            select period, standard_status from read_parquet('{released_home.home.latest}/mart_recovery_rate.parquet')
            where period_grain = 'year' and org_level = 'england' and population_type = 'total'
                and standard_status is not null
            """
        ).fetchall()
    )
    years = [period["period"] for period in read_data_file(report / "data" / "site.js")["reports"]["annual"]["periods"]]
    words = read_data_file(report / "data" / "annual" / "england.js")["standards"]["total/total"]["percentage_recovery"]
    assert {year: word for year, word in zip(years, words.split(","), strict=False) if word} == said != {}
    page = (report / "recovery-rate" / "england-annual.html").read_text("utf-8")
    assert set(re.findall(r'<td class="standard-status">(met|missed)</td>', page)) == set(said.values())


def test_the_report_is_an_asset_that_follows_the_release() -> None:
    graph = defs().resolve_asset_graph()
    assert graph.get(REPORT).parent_keys == {RELEASE}


def test_another_report_of_the_same_tables_is_another_release(copied_home: Workspace) -> None:
    def build(_: Path, target: Path, said: Any) -> None:
        target.mkdir()
        (target / "index.html").write_text(str(said["release_id"]), "utf-8")

    builder = ReportBuilder("another fingerprint", build)
    for is_new in (True, False):
        published = publish(make_candidate_of_home(copied_home, report_builder=builder), copied_home, date.today())
        assert published.is_new is is_new
    assert (copied_home.latest / "report" / "index.html").read_text("utf-8") == published.release_id


def test_a_report_that_cannot_be_built_leaves_the_last_release_standing(copied_home: Workspace) -> None:
    before, folders = copied_home.latest.readlink(), sorted(copied_home.releases.iterdir())
    copied_home.boundaries.write_text('{"type": "Point"}', "utf-8")
    definitions = dg.Definitions(
        assets=[staged_tables, release],
        asset_checks=[gate],
        jobs=[dg.define_asset_job("by_hand", dg.AssetSelection.assets(release).without_checks())],
        resources={"workspace": WorkspaceResource(root=str(copied_home.root)), "progress": ProgressReporter()},
    )
    with dg.DagsterInstance.ephemeral() as instance:
        result = definitions.resolve_job_def("by_hand").execute_in_process(instance=instance, raise_on_error=False)
    assert not result.success
    said = [event.step_failure_data.user_failure_data for event in result.all_events if event.is_step_failure]
    assert "boundaries.geojson" in str(said[0].description if said[0] else "")
    assert copied_home.latest.readlink() == before
    assert sorted(copied_home.releases.iterdir()) == folders


def test_the_command_builds_a_report_elsewhere_and_says_where(released_home: BuiltHome, tmp_path: Path) -> None:
    target = tmp_path / "site"
    result = CliRunner().invoke(
        app, ["report", "--to", str(target), "--home", str(released_home.home.root)], env={"COLUMNS": "500"}
    )
    assert result.exit_code == 0, result.output
    assert str(target) in result.output
    ours = {path.relative_to(target): path.read_bytes() for path in target.rglob("*") if path.is_file()}
    shipped = released_home.home.latest / "report"
    assert ours == {path.relative_to(shipped): path.read_bytes() for path in shipped.rglob("*") if path.is_file()}


def test_the_command_replaces_a_report_and_nothing_else(released_home: BuiltHome, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", "utf-8")
    result = CliRunner().invoke(app, ["report", "--to", str(tmp_path), "--home", str(released_home.home.root)])
    assert result.exit_code == 2
    assert (tmp_path / "thesis.txt").is_file()


def test_the_command_refuses_what_is_no_release(released_home: BuiltHome, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["report", str(tmp_path), "--home", str(released_home.home.root)])
    assert result.exit_code == 2
    assert "manifest.json" in result.output


def test_serving_a_folder_without_a_report_says_what_to_do(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["serve", str(tmp_path)])
    assert result.exit_code == 2
    assert "iapt report" in result.output


def test_the_report_is_served_on_this_machine_alone(report: Path) -> None:
    server = make_server(report, 0)
    assert server.server_address[0] == "127.0.0.1"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/index.html") as answer:
            assert answer.read() == (report / "index.html").read_bytes()
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    finally:
        server.shutdown()
        server.server_close()
