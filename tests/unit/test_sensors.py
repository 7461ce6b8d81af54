"""The drop-folder sensor asks for a refresh of a folder that has changed and come to rest, and never of half a file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from orchestration.resources import PipelineHome
from orchestration.sensors import drop_folder_sensor, folder_fingerprint

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

    def tick(self) -> Tick:
        """One look at the folder."""
        with dg.DagsterInstance.ephemeral() as instance:
            context = dg.build_sensor_context(
                instance=instance, cursor=self.cursor, resources={"pipeline": PipelineHome(root=str(self.home))}
            )
            (answer,) = drop_folder_sensor(context)
            self.cursor = context.cursor
        return answer


def is_waiting(answer: Tick) -> bool:
    return isinstance(answer, dg.SkipReason) and "may still be on their way" in str(answer.skip_message)


def is_unchanged(answer: Tick) -> bool:
    return isinstance(answer, dg.SkipReason) and "nothing has changed" in str(answer.skip_message)


def test_a_folder_at_rest_is_asked_for_at_the_second_look_and_once(folder: Path, tmp_path: Path) -> None:
    (folder / "drop.csv").write_text("whole")
    sensor = Sensor(tmp_path)
    assert is_waiting(sensor.tick())
    asked = sensor.tick()
    assert isinstance(asked, dg.RunRequest)
    assert asked.run_key == folder_fingerprint(folder)
    assert is_unchanged(sensor.tick())


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
    joined(folder / "drop.csv")
    assert is_waiting(sensor.tick())
    assert isinstance(sensor.tick(), dg.RunRequest)
    assert is_unchanged(sensor.tick())


def test_a_file_that_came_and_went_again_is_no_change(folder: Path, tmp_path: Path) -> None:
    (folder / "drop.csv").write_text("whole")
    sensor = Sensor(tmp_path)
    sensor.tick()
    sensor.tick()
    joined(folder / "drop.csv")
    assert is_waiting(sensor.tick())
    (folder / "second.csv").unlink()
    assert is_unchanged(sensor.tick())


def test_the_cursor_can_be_read(folder: Path, tmp_path: Path) -> None:
    (folder / "drop.csv").write_text("whole")
    sensor = Sensor(tmp_path)
    sensor.tick()
    assert json.loads(sensor.cursor or "") == {"seen": folder_fingerprint(folder), "asked_for": ""}
    sensor.tick()
    assert set(json.loads(sensor.cursor or "").values()) == {folder_fingerprint(folder)}


def test_a_cursor_from_before_looks_were_compared_is_what_was_asked_for(folder: Path, tmp_path: Path) -> None:
    (folder / "drop.csv").write_text("whole")
    sensor = Sensor(tmp_path, cursor=folder_fingerprint(folder))
    assert is_unchanged(sensor.tick())
    joined(folder / "drop.csv")
    assert is_waiting(sensor.tick())
    assert isinstance(sensor.tick(), dg.RunRequest)


def test_a_folder_that_is_not_there_is_named(folder: Path, tmp_path: Path) -> None:
    folder.rmdir()
    answer = Sensor(tmp_path).tick()
    assert isinstance(answer, dg.SkipReason)
    assert "no drop folder named inbox" in str(answer.skip_message)
