"""One refresh at a time in a home, and none that is kept waiting by one that was killed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
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
from tests.factories.drops import FINISHED, make_monthly_csv, make_row


def write_drops(folder: Path) -> Path:
    folder.mkdir()
    rows = [make_row("25"), make_row("*", measure=FINISHED)]
    (folder / "iapt_month_apr_2026_activity.csv").write_bytes(make_monthly_csv(*rows))
    return folder


@pytest.fixture
def drops(tmp_path: Path) -> Path:
    return write_drops(tmp_path / "drops")


@dataclass(frozen=True)
class RefreshedTwice:
    """A home that two commands refreshed at once, from one folder of drops: how they ended, and what they printed."""

    home: Workspace
    drops: Path
    statuses: list[int]
    printed: list[tuple[str, str]]


@pytest.fixture(scope="module")
def refreshed_twice(tmp_path_factory: pytest.TempPathFactory) -> RefreshedTwice:
    folder = tmp_path_factory.mktemp("twice")
    home, drops = Workspace(folder / "home"), write_drops(folder / "drops")
    command = [Path(sys.executable).with_name("iapt"), "refresh", "--drops", drops, "--home", home.root]
    at_once = [
        subprocess.Popen(command, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    printed = [refresh.communicate(timeout=300) for refresh in at_once]
    return RefreshedTwice(home, drops, [refresh.returncode for refresh in at_once], printed)


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


def test_two_refreshes_at_once_queue(refreshed_twice: RefreshedTwice) -> None:
    """The second one says that it waits, then that nothing is new, for which it needs no run; both end well."""
    printed = refreshed_twice.printed
    assert refreshed_twice.statuses == [0, 0], printed
    assert sum("Another refresh is at work" in err for _, err in printed) == 1
    assert sum("Nothing new; the latest release is" in out for out, _ in printed) == 1
    with open_instance(refreshed_twice.home.dagster) as instance:
        statuses = [record.dagster_run.status for record in instance.get_run_records()]
    assert statuses == [dg.DagsterRunStatus.SUCCESS]


def test_a_reader_of_the_warehouse_is_waited_for(refreshed_twice: RefreshedTwice, tmp_path: Path) -> None:
    drops, home = refreshed_twice.drops, Workspace(tmp_path / "home")
    shutil.copytree(refreshed_twice.home.root, home.root, symlinks=True)
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
