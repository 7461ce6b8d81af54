"""State files are read as they were written, and as earlier versions wrote them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from iapt.workspace import Workspace
from iapt.workspace_state import (
    BuildInputs,
    DamagedStateError,
    LastRelease,
    PulledFiles,
    RefreshRecord,
    Reviews,
    read_ingested_fingerprint,
    read_last_release,
    record_ingested_fingerprint,
)

REJECTION = {"file": "a.csv", "place": "row 1", "expected": "b", "found": "c", "remedy": "d"}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace whose newest release is 2026.11.1."""
    release = tmp_path / "releases" / "2026.11.1"
    release.mkdir(parents=True)
    write(release / "manifest.json", {"release_id": "2026.11.1", "data_origin": "published"})
    (tmp_path / "latest").symlink_to(release)
    return Workspace(tmp_path)


def write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content), "utf-8")


def test_what_is_written_is_read(workspace: Workspace) -> None:
    inputs = BuildInputs(input_fingerprint="f", origin="published", drops=("1", "2"), rejected=(REJECTION,))
    inputs.write(workspace.landed)
    assert BuildInputs.load(workspace.landed) == inputs
    assert BuildInputs.load_if_present(workspace.built) is None


def test_a_malformed_file_is_no_state(workspace: Workspace) -> None:
    write(workspace.landed, {"drops": "all"})
    with pytest.raises(DamagedStateError, match=r"landed.json: expected .* found drops: .* Take the file away"):
        BuildInputs.load(workspace.landed)


@pytest.mark.parametrize("content", [b"", b"{", b'{"files": {"https://a/": {"sha256": "0', b"\xff\xfe", b"\0" * 64])
def test_a_half_written_file_is_told_in_one_sentence(workspace: Workspace, content: bytes) -> None:
    workspace.pulled.write_bytes(content)
    with pytest.raises(DamagedStateError, match="Take the file away: the next pull asks for every file") as raised:
        PulledFiles.load_if_present(workspace.pulled)
    assert "\n" not in str(raised.value)
    workspace.reviews.write_bytes(content)
    with pytest.raises(DamagedStateError, match="put a copy back"):
        Reviews.load_if_present(workspace.reviews)


def test_a_time_without_its_offset_is_no_state(workspace: Workspace) -> None:
    file = {"publication": "monthly/2026-04/1", "sha256": "0", "bytes": 1, "checked_at": "2026-07-01T00:00:00"}
    write(workspace.pulled, {"files": {"https://a/": file}})
    with pytest.raises(DamagedStateError, match="offset from UTC"):
        PulledFiles.load(workspace.pulled)


def test_inputs_of_an_earlier_version_are_read(workspace: Workspace) -> None:
    write(workspace.built, {"recipe": "f", "origin": "synthetic", "drops": ["1"], "refused": [REJECTION]})
    inputs = BuildInputs.load(workspace.built)
    assert (inputs.input_fingerprint, inputs.drops, inputs.rejected) == ("f", ("1",), (REJECTION,))
    assert inputs.disclosure == {}


def test_the_last_release_of_an_earlier_version_is_read(workspace: Workspace) -> None:
    write(workspace.released, {"release_id": "2026.11.1", "recipe": "f"})
    write(workspace.root / "released_by.json", {"release_id": "2026.11.1", "run_id": "r"})
    assert read_last_release(workspace) == LastRelease(
        release_id="2026.11.1", input_fingerprint="f", run_id="r", data_origin="published"
    )


def test_inputs_of_another_release_than_the_newest_are_not_its_own(workspace: Workspace) -> None:
    LastRelease(release_id="2026.10.1", input_fingerprint="f", run_id="r").write(workspace.released)
    assert read_last_release(workspace) == LastRelease(release_id="2026.11.1", data_origin="published")
    workspace.latest.unlink()
    assert read_last_release(workspace) is None


@pytest.mark.parametrize(
    ("record", "state", "exit_status"),
    [
        ({"failure": "It failed.", "released": None, "refused": []}, "failed", 1),
        ({"failure": None, "released": "2026.11.1", "refused": [REJECTION]}, "released", 3),
        ({"state": "nothing_to_do", "nothing_to_do": "No drop.", "released": None}, "nothing_to_do", 0),
    ],
)
def test_a_record_of_an_earlier_version_is_read(
    workspace: Workspace, record: dict[str, Any], state: str, exit_status: int
) -> None:
    write(workspace.last_refresh, record | {"by": "the command", "is_new": False})
    read = RefreshRecord.load(workspace.last_refresh)
    assert (read.state, read.started_by, read.exit_status) == (state, "the command", exit_status)
    assert read.rejected == record.get("refused", [])


def test_the_state_of_a_folder_is_remembered_under_either_name(workspace: Workspace, tmp_path: Path) -> None:
    write(workspace.root / "taken_in.json", {str(tmp_path / "a"): "before"})
    assert read_ingested_fingerprint(workspace, tmp_path / "a") == "before"
    record_ingested_fingerprint(workspace, tmp_path / "b", "now")
    assert [read_ingested_fingerprint(workspace, tmp_path / name) for name in "abc"] == ["before", "now", None]
