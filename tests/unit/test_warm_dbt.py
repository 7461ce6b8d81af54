"""Every process of a run of dbt ends when the refresh is killed, and what they leave is found by the next one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from iapt.workspace import PROJECT_ROOT
from orchestration import warm_dbt
from tests.factories import waiting_dbt

SECONDS = 30.0


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{process}/stat")  # one that has ended and that nobody has asked for is none
    return not stat.is_file() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


def start_refresh(folder: Path, *settings: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, waiting_dbt.FOLDER_VARIABLE: str(folder), "PYTHONPATH": str(PROJECT_ROOT)}
    return subprocess.Popen([sys.executable, "-m", waiting_dbt.MODULE, "refresh", *settings], env=environment)


@pytest.mark.parametrize(
    ("settings", "roles"), [((), {"prepared", "asking", "run"}), ((waiting_dbt.ALONE,), {"asking", "run"})]
)
def test_no_process_of_a_run_outlives_the_refresh_that_is_killed(
    settings: tuple[str, ...], roles: set[str], tmp_path: Path
) -> None:
    refresh = start_refresh(tmp_path, *settings)
    wait_until(lambda: {path.name.split("-")[0] for path in tmp_path.iterdir()} == roles, "they did not start")
    processes = {int(path.name.split("-")[1]) for path in tmp_path.iterdir()}
    assert all(map(is_running, processes))
    refresh.kill()
    refresh.wait()
    wait_until(lambda: not any(map(is_running, processes)), "they outlive it")
    wait_until(lambda: not warm_dbt.list_abandoned_folders(tmp_path), "a folder is left")


def test_the_folder_of_a_prepared_process_that_was_killed_too_is_found_by_its_home_alone(tmp_path: Path) -> None:
    refresh = start_refresh(tmp_path)
    wait_until(lambda: any(tmp_path.glob("run-*")), "it did not start")
    (prepared,) = (int(path.name.split("-")[1]) for path in tmp_path.glob("prepared-*"))
    os.kill(prepared, 9)
    refresh.kill()
    refresh.wait()
    (folder,) = warm_dbt.list_abandoned_folders(tmp_path)
    assert [path.name for path in folder.iterdir()] == ["socket"]
    assert warm_dbt.list_abandoned_folders(tmp_path / "other") == []
    (folder / "socket").unlink()
    folder.rmdir()


def test_the_folder_of_this_process_is_not_abandoned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm_dbt, "SYSTEM_FOLDER", str(tmp_path))
    folder = tmp_path / f"{warm_dbt._make_folder_prefix(tmp_path)}own"
    folder.mkdir()
    assert warm_dbt.list_abandoned_folders(tmp_path) == [folder]
    monkeypatch.setenv(warm_dbt.SOCKET_VARIABLE, str(folder / "socket"))
    assert warm_dbt.list_abandoned_folders(tmp_path) == []
