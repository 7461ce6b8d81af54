"""What Dagster knows: a snapshot of every asset and check, so that none is lost silently; how partitions behave."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import cast

import dagster as dg
import pytest

from iapt.workspace import Workspace
from orchestration.assets.drops import drop_assets
from orchestration.definitions import build_definitions, build_resources
from orchestration.resources import WorkspaceResource
from orchestration.sensors import drop_folder_sensor
from tests.integration.conftest import BuiltHome

SNAPSHOT = Path(__file__).with_name("definitions.snapshot.txt")
UPDATE = "IAPT_UPDATE_SNAPSHOT"


def _described(definitions: dg.Definitions) -> str:
    """Every asset with its parents and whether it can be run, every check, job, schedule and sensor; one a line."""
    repository = definitions.get_repository_def()
    graph = repository.asset_graph
    lines = []
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        parents = ", ".join(sorted(parent.to_user_string() for parent in node.parent_keys)) or "nothing"
        partitions = (
            " by " + node.partitions_def.get_serializable_unique_identifier()[:8] if node.partitions_def else ""
        )
        state = "" if node.is_executable else " NOT EXECUTABLE"
        lines.append(f"asset {key.to_user_string()}{' partitioned' if partitions else ''} from {parents}{state}")
    for check in graph.asset_check_keys:
        blocking = " blocking" if graph.get(check).blocking else ""
        lines.append(f"check {check.asset_key.to_user_string()}: {check.name}{blocking}")
    lines += [f"job {job.name}" for job in repository.get_all_jobs() if not job.name.startswith("__")]
    lines += [f"schedule {schedule.name}" for schedule in repository.schedule_defs]
    lines += [f"sensor {sensor.name}" for sensor in repository.sensor_defs]
    return "\n".join(sorted(lines)) + "\n"


def test_no_asset_or_check_is_lost_silently() -> None:
    found = _described(build_definitions())
    if os.environ.get(UPDATE):
        SNAPSHOT.write_text(found, "utf-8")
    expected = SNAPSHOT.read_text("utf-8")
    assert found.splitlines() == expected.splitlines(), f"review the difference; {UPDATE}=1 writes the snapshot again"


def test_whoever_opens_the_warehouse_shares_one_pool() -> None:
    """Only drops and the release are of files alone; whatever step is new opens it until somebody says otherwise."""
    job = build_definitions().resolve_job_def("refresh")
    pools = {node.name: getattr(node.definition, "pool", None) for node in job.graph.nodes}
    of_files = {"publications", "archived_drops", "observations", "refresh_plan", "release"}
    assert {name for name, pool in pools.items() if pool != "duckdb"} == of_files
    assert {"landing", "dbt_marts", "value_checks", "stage", "gate"} < set(pools)


def _materialise_partition(home: Workspace, grain_asset: str, key: str) -> dg.ExecuteInProcessResult:
    asset = next(asset for asset in drop_assets if asset.key == dg.AssetKey(grain_asset))
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize(
            [asset],
            partition_key=key,
            resources=build_resources(WorkspaceResource(root=str(home.root))),
            instance=instance,
            raise_on_error=False,
        )


def test_the_quarter_that_never_was_is_a_success_that_says_so(copied_home: Workspace) -> None:
    result = _materialise_partition(copied_home, "quarterly_drops", "2020-07-01")
    assert result.success
    metadata = result.asset_materializations_for_node("quarterly_drops")[0].metadata
    assert metadata["status"].value == "not_published"
    assert metadata["period"].value == "2020-21 Q2"
    assert metadata["reason"].value


def test_a_loaded_quarter_is_read_again(copied_home: Workspace) -> None:
    result = _materialise_partition(copied_home, "quarterly_drops", "2020-10-01")
    assert result.success
    metadata = result.asset_materializations_for_node("quarterly_drops")[0].metadata
    assert metadata["status"].value == "published"


def test_a_month_nobody_loaded_fails_and_says_what_to_do(copied_home: Workspace) -> None:
    result = _materialise_partition(copied_home, "monthly_drops", "2024-02-01")
    assert not result.success
    failure = next(event for event in result.all_events if event.is_step_failure)
    user_failure = failure.step_failure_data.user_failure_data
    assert user_failure is not None
    assert "2024-02 is not loaded" in str(user_failure.description)


def test_the_sensor_requests_one_run_for_a_changed_folder(
    released_home: BuiltHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A folder of its own: the one that the shared home was built from has been ingested.
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "new.csv").write_text("not yet looked into", "utf-8")
    monkeypatch.setenv("IAPT_DROPS", str(tmp_path / "inbox"))
    resources = {"workspace": WorkspaceResource(root=str(released_home.home.root))}
    cursor, answers = None, []
    with dg.DagsterInstance.ephemeral() as instance:
        for _ in range(3):
            context = dg.build_sensor_context(instance=instance, resources=resources, cursor=cursor)
            answers += [type(answer) for answer in cast("Iterable[object]", drop_folder_sensor(context))]
            cursor = context.cursor
    assert answers == [dg.SkipReason, dg.RunRequest, dg.SkipReason]
