"""One refresh at a time in a home, and none that is kept waiting by one that was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from filelock import FileLock

from iapt.workspace import PROJECT_ROOT, Workspace
from iapt.workspace_lock import WorkspaceLockedError, lock_workspace
from orchestration.definitions import build_definitions
from orchestration.event_log import open_instance
from orchestration.refresh import prepare_dagster_home, refresh
from orchestration.resources import WorkspaceResource
from orchestration.workspace_lock_resource import ABANDONED
from tests.factories.drops import FINISHED, make_monthly_csv, make_row

REFRESH = """
import os, signal, sys
from pathlib import Path
from orchestration.assets import release
from iapt.workspace import Workspace
from orchestration.refresh import refresh

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[3:]:
    release.stage = die
sys.exit(refresh(Workspace(Path(sys.argv[1])), Path(sys.argv[2])).exit_status)
"""


@pytest.fixture
def drops(tmp_path: Path) -> Path:
    folder = tmp_path / "drops"
    folder.mkdir()
    rows = [make_row("25"), make_row("*", measure=FINISHED)]
    (folder / "iapt_month_apr_2026_activity.csv").write_bytes(make_monthly_csv(*rows))
    return folder


def test_a_refresh_goes_on_where_the_last_one_was_killed(tmp_path: Path, drops: Path) -> None:
    """It was killed in a step that holds a place in a pool, of which Dagster would not hear again."""
    home = Workspace(tmp_path / "home")
    command = [sys.executable, "-c", REFRESH, str(home.root), str(drops)]
    killed = subprocess.run([*command, "killed"], cwd=PROJECT_ROOT, check=False, timeout=300)
    assert killed.returncode == -signal.SIGKILL
    assert subprocess.run(command, cwd=PROJECT_ROOT, check=False, timeout=300).returncode == 0
    with open_instance(home.dagster) as instance:
        statuses = [record.dagster_run.status for record in instance.get_run_records()]
        assert statuses == [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE], "the newest first"
        assert instance.event_log_storage.get_concurrency_run_ids() == set()
    assert ABANDONED in sorted(home.logs.glob("*.log"))[-1].read_text("utf-8")


def test_a_second_refresh_says_that_there_is_one_and_changes_nothing(tmp_path: Path, drops: Path) -> None:
    home = Workspace(tmp_path / "home")
    home.root.mkdir()
    with FileLock(home.lock), pytest.raises(WorkspaceLockedError, match="another refresh is at work"):
        refresh(home, drops)
    assert not home.drops.exists()


def test_a_run_of_the_schedule_or_the_ui_keeps_out_too(tmp_path: Path, drops: Path) -> None:
    home = Workspace(tmp_path / "home")
    prepare_dagster_home(home)
    job = build_definitions(WorkspaceResource(root=str(home.root), wait_seconds=1)).resolve_job_def("refresh")
    config = {"config": {"drops": str(drops), "profile": "", "rebuild": False}}
    with FileLock(home.lock), open_instance(home.dagster) as instance:
        result = job.execute_in_process(
            run_config={"ops": dict.fromkeys(("archived_drops", "observations", "refresh_plan"), config)},
            instance=instance,
            raise_on_error=False,
        )
    assert not result.success
    assert not home.drops.exists()


def test_two_refreshes_at_once_queue(tmp_path: Path, drops: Path) -> None:
    """The second one says that it waits, then that nothing is new, for which it needs no run; both end well."""
    command = [Path(sys.executable).with_name("iapt"), "refresh", "--drops", drops, "--home", tmp_path / "home"]
    at_once = [
        subprocess.Popen(command, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [refresh.communicate(timeout=300) for refresh in at_once]
    assert [refresh.returncode for refresh in at_once] == [0, 0], said
    assert sum("Another refresh is at work" in err for _, err in said) == 1
    assert sum("Nothing new; the latest release is" in out for out, _ in said) == 1
    with open_instance(tmp_path / "home" / "dagster") as instance:
        statuses = [record.dagster_run.status for record in instance.get_run_records()]
    assert statuses == [dg.DagsterRunStatus.SUCCESS]


def test_a_reader_of_the_warehouse_is_waited_for(tmp_path: Path, drops: Path) -> None:
    home = Workspace(tmp_path / "home")
    assert refresh(home, drops).exit_status == 0
    command = [Path(sys.executable).with_name("iapt"), "refresh", "--rebuild", "--drops", drops, "--home", home.root]
    with duckdb.connect(str(home.warehouse), read_only=True):
        waiting = subprocess.Popen(command, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert waiting.stderr is not None
        said = waiting.stderr.readline()
    _, rest = waiting.communicate(timeout=300)
    assert said.startswith("Warehouse.duckdb is open in ")
    assert f"(process {os.getpid()}); waiting until it is closed there" in said
    assert (waiting.returncode, rest) == (0, "")


def test_a_home_can_be_held_twice_by_one_process_and_is_free_after_both(tmp_path: Path) -> None:
    home = Workspace(tmp_path)
    with lock_workspace(home), lock_workspace(home):
        pass
    with FileLock(home.lock).acquire(timeout=0):
        pass
