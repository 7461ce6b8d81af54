"""The drop-folder sensor asks for a refresh of a folder that has changed and come to rest, and never of half a file."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import cast

import dagster as dg
import pytest

from iapt.sources.folder_fingerprint import compute_folder_fingerprint
from iapt.workspace import Workspace
from iapt.workspace_state import record_ingested_fingerprint
from orchestration.pending_runs import SECONDS_TO_MARK_ALIVE, SECONDS_TO_START
from orchestration.resources import WorkspaceResource
from orchestration.sensors import FOLDER_TAG, drop_folder_sensor
from orchestration.workspace_lock_resource import mark_alive

Tick = dg.RunRequest | dg.SkipReason


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty drop folder, which the environment names."""
    made = tmp_path / "inbox"
    made.mkdir()
    monkeypatch.setenv("IAPT_DROPS", str(made))
    return made


class Sensor:
    """The sensor with the cursor Dagster keeps for it."""

    def __init__(self, home: Path, cursor: str | None = None) -> None:
        self.home, self.cursor = home, cursor

    def tick(self, *runs: dg.DagsterRun) -> Tick:
        """One look at the folder, where Dagster has these runs."""
        with dg.DagsterInstance.ephemeral() as instance:
            for run in runs:
                instance.add_run(run)
            context = dg.build_sensor_context(
                instance=instance, cursor=self.cursor, resources={"workspace": WorkspaceResource(root=str(self.home))}
            )
            (answer,) = cast("Iterable[Tick]", drop_folder_sensor(context))
            self.cursor = context.cursor
        return answer


def is_waiting(answer: Tick) -> bool:
    return isinstance(answer, dg.SkipReason) and "may still be on their way" in str(answer.skip_message)


def is_unchanged(answer: Tick) -> bool:
    return isinstance(answer, dg.SkipReason) and "nothing has changed" in str(answer.skip_message)


def ingest_folder(home: Path, folder: Path) -> None:
    """What a run does when it has taken in a folder."""
    record_ingested_fingerprint(Workspace(home), folder, compute_folder_fingerprint(folder))


def asked_run(folder: Path, status: dg.DagsterRunStatus, run_id: str = "0" * 32) -> dg.DagsterRun:
    tags = {FOLDER_TAG: compute_folder_fingerprint(folder)}
    return dg.DagsterRun(job_name="refresh", run_id=run_id, status=status, tags=tags)


def is_pending(answer: Tick) -> bool:
    return isinstance(answer, dg.SkipReason) and "is waiting or at work" in str(answer.skip_message)


def pass_time(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    later = time.time() + seconds
    monkeypatch.setattr(time, "time", lambda: later)


def test_nothing_is_asked_for_where_drops_come_from_the_publisher(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "april.csv").write_text("got by hand", "utf-8")
    monkeypatch.setenv("IAPT_SOURCE", "publisher")
    sensor = Sensor(tmp_path)
    answers = [sensor.tick() for _ in range(3)]
    assert all("drops come from the publisher" in str(getattr(answer, "skip_message", "")) for answer in answers)


def test_a_folder_at_rest_is_asked_for_at_the_second_look_until_it_is_taken_in(folder: Path, tmp_path: Path) -> None:
    (folder / "drop.csv").write_text("whole")
    sensor = Sensor(tmp_path)
    assert is_waiting(sensor.tick())
    asked = sensor.tick()
    assert isinstance(asked, dg.RunRequest)
    assert asked.tags[FOLDER_TAG] == compute_folder_fingerprint(folder)
    ingest_folder(tmp_path, folder)
    assert is_unchanged(sensor.tick())


def test_a_folder_that_a_run_failed_to_take_in_is_asked_for_again_later_and_later(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "drop.csv").write_text("whole")
    sensor = Sensor(tmp_path)
    sensor.tick()
    keys = []
    for pause in (0, 120, 240, 480, 960, 1920, 3600, 3600):
        pass_time(monkeypatch, max(0, pause - 10))
        if pause:
            failed = asked_run(folder, dg.DagsterRunStatus.FAILURE)
            answer = sensor.tick(failed)
            assert isinstance(answer, dg.SkipReason)
            assert "another is requested in" in str(answer.skip_message)
        pass_time(monkeypatch, 20)
        asked = sensor.tick()
        assert isinstance(asked, dg.RunRequest)
        keys.append(asked.run_key)
    assert len(set(keys)) == len(keys), "Dagster does not run one key twice"
    ingest_folder(tmp_path, folder)
    assert is_unchanged(sensor.tick())


@pytest.mark.parametrize(
    "status",
    [
        dg.DagsterRunStatus.NOT_STARTED,
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
    ],
)
def test_no_second_run_is_asked_for_while_one_is_on_its_way(
    folder: Path, tmp_path: Path, status: dg.DagsterRunStatus
) -> None:
    (folder / "drop.csv").write_text("whole")
    sensor = Sensor(tmp_path)
    sensor.tick()
    assert is_pending(sensor.tick(asked_run(folder, status)))


def test_a_run_that_is_long_at_work_is_waited_for_and_one_that_was_killed_is_not(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "drop.csv").write_text("whole")
    sensor = Sensor(tmp_path)
    sensor.tick()
    mark_alive(Workspace(tmp_path), "a" * 32)
    pass_time(monkeypatch, max(SECONDS_TO_MARK_ALIVE, SECONDS_TO_START) + 60)
    assert is_pending(sensor.tick(asked_run(folder, dg.DagsterRunStatus.STARTED, "a" * 32)))
    assert isinstance(sensor.tick(asked_run(folder, dg.DagsterRunStatus.STARTED, "b" * 32)), dg.RunRequest)


def test_a_file_that_arrives_while_a_run_is_at_work_is_asked_for(folder: Path, tmp_path: Path) -> None:
    """The run notes the folder as it was before; what came since is in no noted state."""
    (folder / "drop.csv").write_text("whole")
    sensor = Sensor(tmp_path)
    sensor.tick()
    sensor.tick()
    before = compute_folder_fingerprint(folder)
    joined(folder / "drop.csv")
    record_ingested_fingerprint(Workspace(tmp_path), folder, before)
    assert is_waiting(sensor.tick())
    assert isinstance(sensor.tick(), dg.RunRequest)


def test_a_sidecar_that_was_mended_and_a_file_that_can_be_read_now_are_changes(folder: Path, tmp_path: Path) -> None:
    (folder / "drop.csv").write_text("whole")
    (folder / "provenance.json").write_text("[")
    ingest_folder(tmp_path, folder)
    sensor = Sensor(tmp_path)
    assert is_unchanged(sensor.tick())
    (folder / "provenance.json").write_text("{}")
    assert is_waiting(sensor.tick())
    ingest_folder(tmp_path, folder)
    (folder / "drop.csv").chmod(0o400)
    assert is_waiting(sensor.tick())


def test_an_empty_folder_is_nothing_to_refresh_from(folder: Path, tmp_path: Path) -> None:
    sensor = Sensor(tmp_path)
    for _ in range(3):
        answer = sensor.tick()
        assert isinstance(answer, dg.SkipReason)
        assert "is empty" in str(answer.skip_message)


def grown(path: Path) -> None:
    with path.open("a") as stream:
        stream.write("more")


def touched(path: Path) -> None:
    """Written in place, as by a copy that takes the whole size beforehand."""
    state = path.stat()
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns + 1_000_000_000))


def renamed(path: Path) -> None:
    path.rename(path.with_name("another.csv"))


def joined(path: Path) -> None:
    path.with_name("second.csv").write_text("another file of the same delivery")


@pytest.mark.parametrize("change", [grown, touched, renamed, joined])
def test_a_folder_that_changed_between_two_looks_is_waited_for(
    folder: Path, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    (folder / "drop.csv").write_text("the first half")
    sensor = Sensor(tmp_path)
    assert is_waiting(sensor.tick())
    change(folder / "drop.csv")
    assert is_waiting(sensor.tick())
    assert isinstance(sensor.tick(), dg.RunRequest)


def test_a_change_after_a_refresh_waits_as_the_first_one_did(folder: Path, tmp_path: Path) -> None:
    (folder / "drop.csv").write_text("whole")
    sensor = Sensor(tmp_path)
    sensor.tick()
    assert isinstance(sensor.tick(), dg.RunRequest)
    ingest_folder(tmp_path, folder)
    joined(folder / "drop.csv")
    assert is_waiting(sensor.tick())
    assert isinstance(sensor.tick(), dg.RunRequest)
    ingest_folder(tmp_path, folder)
    assert is_unchanged(sensor.tick())


def test_a_file_that_came_and_went_again_is_no_change(folder: Path, tmp_path: Path) -> None:
    (folder / "drop.csv").write_text("whole")
    sensor = Sensor(tmp_path)
    sensor.tick()
    sensor.tick()
    ingest_folder(tmp_path, folder)
    joined(folder / "drop.csv")
    assert is_waiting(sensor.tick())
    (folder / "second.csv").unlink()
    assert is_unchanged(sensor.tick())


def test_the_cursor_can_be_read(folder: Path, tmp_path: Path) -> None:
    (folder / "drop.csv").write_text("whole")
    sensor = Sensor(tmp_path)
    sensor.tick()
    now = compute_folder_fingerprint(folder)
    assert json.loads(sensor.cursor or "")["last_seen"] == now
    sensor.tick()
    cursor = json.loads(sensor.cursor or "")
    assert (cursor["last_seen"], cursor["last_requested"], cursor["requests"], cursor["attempts"]) == (now, now, 1, 1)


@pytest.mark.parametrize("cursor", ["{}", '{{"seen": "{}", "asked_for": "{}"}}'])
def test_what_an_earlier_version_asked_for_is_asked_for_once_more(folder: Path, tmp_path: Path, cursor: str) -> None:
    """It noted what it asked for, and not whether a run has taken it in."""
    (folder / "drop.csv").write_text("whole")
    now = compute_folder_fingerprint(folder)
    sensor = Sensor(tmp_path, cursor=cursor.format(now, now))
    assert isinstance(sensor.tick(), dg.RunRequest)
    ingest_folder(tmp_path, folder)
    assert is_unchanged(sensor.tick())


def test_a_folder_that_is_not_there_is_named(folder: Path, tmp_path: Path) -> None:
    folder.rmdir()
    answer = Sensor(tmp_path).tick()
    assert isinstance(answer, dg.SkipReason)
    assert "no drop folder named inbox" in str(answer.skip_message)


def test_the_sensor_leaves_a_drop_folder_elsewhere_to_the_schedule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IAPT_DROPS", "s3://bucket/drops")
    answer = Sensor(tmp_path).tick()
    assert isinstance(answer, dg.SkipReason)
    assert "the drop folder is s3://bucket/drops, which the schedule asks" in str(answer.skip_message)


def test_a_drop_folder_of_this_machine_may_be_named_by_its_address(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IAPT_DROPS", f"file://{folder}")
    answer = Sensor(tmp_path).tick()
    assert isinstance(answer, dg.SkipReason)
    assert str(answer.skip_message) == "the drop folder is empty"
