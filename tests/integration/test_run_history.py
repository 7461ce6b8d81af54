"""What a run leaves behind: one record whoever started it, its checks, and nothing that speaks of other figures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from typer.testing import CliRunner

from iapt.workspace import Workspace
from orchestration.assets.observations import OBSERVATIONS
from orchestration.check_events import EVERY_DROP_IS_READ, read_check_evaluations
from orchestration.cli import app
from orchestration.definitions import build_definitions
from orchestration.event_log import open_instance
from orchestration.refresh import prepare_dagster_home, refresh
from orchestration.resources import WorkspaceResource
from tests.factories.drops import FINISHED, OTHER_PROVIDER, make_monthly_csv, make_row
from tests.integration.conftest import BuiltHome

GOOD = make_monthly_csv(
    make_row("25"),
    make_row("*", measure=FINISHED),
    make_row("30", provider=OTHER_PROVIDER),
    make_row("#N/A", measure=FINISHED, provider=OTHER_PROVIDER),
)
_IN_MAY = {"start": "01/05/2026", "end": "31/05/2026"}
MAY = make_monthly_csv(make_row("30", **_IN_MAY), make_row("*", measure=FINISHED, **_IN_MAY))
READ_CHECK = dg.AssetCheckKey(OBSERVATIONS, EVERY_DROP_IS_READ)
SENSOR = {"dagster/sensor_name": "drop_folder_sensor"}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with drops, and a home after one refresh of them."""
    folder = tmp_path_factory.mktemp("first")
    (folder / "inbox").mkdir()
    (folder / "inbox" / "iapt_month_apr_2026_activity.csv").write_bytes(GOOD)
    assert refresh(Workspace(folder / "home"), folder / "inbox").exit_status == 0
    return folder


@pytest.fixture
def place(first: Path, tmp_path: Path) -> Path:
    """The same to change at will."""
    shutil.copytree(first, tmp_path / "place", symlinks=True)
    return tmp_path / "place"


def run_by_the_sensor(home: Workspace, inbox: Path) -> str:
    """Run the job as Dagster's daemon does, and return the run's id."""
    job = build_definitions(WorkspaceResource(root=str(home.root))).resolve_job_def("refresh")
    config = {"config": {"drops": str(inbox)}}
    with open_instance(home.dagster) as instance:
        return job.execute_in_process(
            run_config={"ops": dict.fromkeys(("archived_drops", "observations", "refresh_plan"), config)},
            instance=instance,
            tags=SENSOR,
            raise_on_error=False,
        ).run_id


def statuses(home: Workspace) -> dict[str, str]:
    """What Dagster shows of each check that was made at least once: the newest record of it."""
    with open_instance(home.dagster) as instance:
        keys = {
            event.asset_check_evaluation_data.asset_check_key
            for run in instance.get_runs()
            for entry in instance.all_logs(run.run_id, of_type={dg.DagsterEventType.ASSET_CHECK_EVALUATION})
            if (event := entry.dagster_event) is not None
        }
        newest = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(keys))
    return {key.to_user_string(): record.status.value for key, record in newest.items()}


def said(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.output


def find_record(home: Workspace) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((home.root / "last_refresh.json").read_text("utf-8"))
    return record


def test_every_check_that_dagster_shows_is_evaluated_by_the_refresh_that_makes_its_asset(
    released_home: BuiltHome,
) -> None:
    home = released_home.home
    with open_instance(home.dagster) as instance:
        evaluations = read_check_evaluations(instance, find_record(home)["run_id"])
    shown = build_definitions().get_repository_def().asset_graph.asset_check_keys
    assert {check.asset_check_key for check in evaluations} == shown
    log = (home.logs / find_record(home)["log"]).read_text("utf-8")
    assert "emitted no result" not in log
    assert "did not yield or return expected outputs" not in log


def test_a_rejected_drop_with_nothing_else_new_is_told_by_the_run_and_its_check(place: Path) -> None:
    home, before = Workspace(place / "home"), statuses(Workspace(place / "home"))
    (place / "inbox" / "odd.csv").write_text("a,b\n1,2\n")
    run_id = run_by_the_sensor(home, place / "inbox")
    with open_instance(home.dagster) as instance:
        (check,) = instance.event_log_storage.get_asset_check_execution_history(READ_CHECK, limit=1)
        warnings = [entry.user_message for entry in instance.all_logs(run_id) if entry.level == 30]
    assert (check.run_id, check.status) == (run_id, AssetCheckExecutionRecordStatus.FAILED)
    assert any("odd.csv, row 1: expected the header of a known layout" in warning for warning in warnings)
    after = statuses(home)
    assert {name for name in after if after[name] != before[name]} == {READ_CHECK.to_user_string()}


def test_a_run_with_nothing_new_keeps_the_reports_of_the_release_its_warnings_and_notices(place: Path) -> None:
    home, before, released = (
        Workspace(place / "home"),
        statuses(Workspace(place / "home")),
        find_record(Workspace(place / "home")),
    )
    assert len(before) > 50
    run_by_the_sensor(home, place / "inbox")
    assert statuses(home) == before
    assert find_record(home)["state"] == "unchanged"
    status = said("status", "--home", home.root)[1]
    for told in ("warnings", "notices"):
        assert find_record(home)[told] == released[told] != []
        assert all(f"  - {line}\n" in status for line in released[told])


def test_the_record_is_the_jobs_whoever_ran_it_and_status_tells_it(place: Path) -> None:
    home = Workspace(place / "home")
    (place / "inbox" / "iapt_month_may_2026_activity.csv").write_bytes(MAY)
    run_id = run_by_the_sensor(home, place / "inbox")
    record, release = find_record(home), json.loads((home.latest / "manifest.json").read_text("utf-8"))["release_id"]
    assert (record["run_id"], record["started_by"]) == (run_id, "the sensor drop_folder_sensor")
    assert (record["state"], record["released"], record["failure"]) == ("released", release, None)
    assert "landing" in (home.logs / str(record["log"])).read_text("utf-8")
    status = said("status", "--home", home.root)[1]
    assert f"(by the sensor drop_folder_sensor), made release {release}" in status
    assert f"The latest release is {release}" in status


def test_a_failed_run_of_the_sensor_is_on_record_with_its_reason(place: Path) -> None:
    home, release = Workspace(place / "home"), (place / "home" / "latest").readlink()
    (place / "inbox" / "provenance.json").write_text('{"data_origin": "synthetic"}')
    run_by_the_sensor(home, place / "inbox")
    assert find_record(home)["state"] == "failed"
    assert "never share a home" in str(find_record(home)["failure"])
    assert "failed; nothing was released: " in said("status", "--home", home.root)[1]
    assert home.latest.readlink() == release


def test_a_run_that_was_killed_is_distinguished_from_one_at_work(place: Path) -> None:
    home = Workspace(place / "home")
    running = find_record(home) | {"state": "running"}
    (home.root / "last_refresh.json").write_text(json.dumps(running), "utf-8")
    assert "its process was killed" in said("status", "--home", home.root)[1]


def test_runs_of_the_command_stand_in_the_history_of_the_job(first: Path) -> None:
    """Dagster's UI lists the runs of a job by its name and the repository it is loaded from."""
    with open_instance(first / "home" / "dagster") as instance:
        (run,) = instance.get_runs(
            dg.RunsFilter(job_name="refresh", tags={".dagster/repository": "__repository__@iapt"})
        )
    assert run.status == dg.DagsterRunStatus.SUCCESS


@pytest.mark.parametrize(("kept", "offered"), [("published", "synthetic"), ("synthetic", "published")])
def test_demonstration_and_published_figures_never_share_a_home(
    first: Path, tmp_path: Path, kept: str, offered: str
) -> None:
    """Refused before a byte is kept, with what to do; the release stands."""
    for origin in (kept, offered):
        (tmp_path / origin).mkdir()
        (tmp_path / origin / "iapt_month_apr_2026_activity.csv").write_bytes(GOOD)
        (tmp_path / origin / "provenance.json").write_text(json.dumps({"data_origin": origin}))
    home = Workspace(tmp_path / "home")
    if kept == "published":  # as is taken of drops that nothing is said of
        shutil.copytree(first / "home", home.root, symlinks=True)
    else:
        assert refresh(home, tmp_path / kept).exit_status == 0
    release, drops = home.latest.readlink(), sorted(home.drops.iterdir())
    (tmp_path / offered / "iapt_month_apr_2026_activity.csv").write_bytes(GOOD.replace(b",25", b",30"))
    exit_status, told = said("refresh", "--drops", tmp_path / offered, "--home", home.root)
    assert exit_status == 1
    assert f"holds {offered} drops, and this home holds {kept} ones, which never share a home" in told
    assert "IAPT_HOME" in told
    assert (home.latest.readlink(), sorted(home.drops.iterdir())) == (release, drops)
    # Nothing new, from an empty folder too: whatever the home holds.
    (tmp_path / "empty").mkdir()
    exit_status, told = said("refresh", "--drops", tmp_path / "empty", "--home", home.root)
    assert (exit_status, "Nothing new" in told) == (0, True), told
    assert home.latest.readlink() == release


def test_a_rejected_drop_that_was_replaced_leaves_the_list_of_the_rejected(place: Path) -> None:
    home, may = Workspace(place / "home"), place / "inbox" / "iapt_month_may_2026_activity.csv"
    may.write_bytes(MAY.replace(b"MEASURE_ID", b"MEASURE_NUMBER", 1))
    assert said("refresh", "--drops", place / "inbox", "--home", home.root)[0] == 3
    assert f"rejected: {may.name}" in said("status", "--home", home.root)[1]
    may.write_bytes(MAY)
    assert said("refresh", "--drops", place / "inbox", "--home", home.root)[0] == 0
    status = said("status", "--home", home.root)[1]
    assert f"rejected: {may.name}" not in status
    assert "rejected earlier" not in status


def test_the_settings_of_the_operator_are_respected(tmp_path: Path) -> None:
    home = Workspace(tmp_path)
    prepare_dagster_home(home)
    (home.dagster / "dagster.yaml").write_text("telemetry:\n  enabled: false\n# the operator's\n")
    prepare_dagster_home(home)
    assert "the operator's" in (home.dagster / "dagster.yaml").read_text()
