"""What killed runs left in a home is removed by the next run; what is of use, of a person or of a fetch is not."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from iapt.leftovers import list_leftovers, remove_leftovers, use_temporary_folder
from iapt.release.parts import Part, StagedParts
from iapt.workspace import Workspace

SHA256 = "5" * 64
PART = Part(
    table="extract_monthly",
    grain="month",
    period="2026-04",
    period_start="2026-04-01",
    sha256=SHA256,
    rows=1,
    bytes=1,
    build="1",
)
#: What a run leaves that is killed at the worst moment, by kind: files, each in the folders that it lies in.
PLANTED = {
    "drops half archived": ["drops/.archiving-ab/april.csv", "archive_cache/.archiving-ab/april.csv"],
    "drops half read": ["observations/reading-ab/group-0/observations.parquet"],
    "releases half made": ["releases/.making-ab/manifest.json", "releases/.making-cd/report/.making-ef/index.html"],
    "files half written": [
        "built.json.part",
        "salt.part",
        "latest.part",
        "found_publications.yml.part",
        "staging.part/dim_measure.parquet",
        f"observations/{SHA256}.json.part",
        f"drops/{SHA256}/provenance.json.part",
        f"drop_validations/{SHA256}.json.part",
        "audits/extract_monthly-2026-04.json.part",
        "validation/report.json.part",
        "checked_parts/gate/a.json.part",
        "parts/extract_monthly-2026-04.parquet.part",
    ],
    "spill files": [
        "spill/duckdb_temp_storage_DEFAULT-0.tmp",
        "warehouse.duckdb.tmp/duckdb_temp_block-1.block",
        "warehouse.spill/1-0/a.tmp",
    ],
    "temporary files and folders": ["temporary/validated_release_ab/files/dim_measure.parquet", "temporary/tmpab"],
    "parts of no table": ["parts/extract_monthly-2026-04-0123456789abcdef.parquet"],
}
#: What stays: of use, of a person, or what the next fetch goes on with.
KEPT = [
    *(f"{name}.json" for name in ("built", "pulled", "reviews")),
    "warehouse.duckdb",
    "warehouse.duckdb.wal",
    "my notes.part",
    "inbox/april.csv.part",
    "incoming/0123456789abcdef/april.csv.part",
    "incoming/0123456789abcdef/april.csv.part.json",
    "audits/findings/2026-04.csv.part",
    f"drops/{SHA256}/april.csv.part",
    f"observations/{SHA256}.parquet",
    "releases/2026.11.1/manifest.json",
    "staging/dim_measure.parquet",
    f"parts/{PART.file_name}",
]


def write_files(root: Path, names: list[str]) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


def list_files(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file() or path.is_symlink()}


@pytest.fixture
def home(tmp_path: Path) -> Workspace:
    """A home in use, without leftovers."""
    home = Workspace(tmp_path)
    write_files(home.root, KEPT)
    home.latest.symlink_to("releases/2026.11.1")
    StagedParts(parts=(PART,)).write(home.staged_parts)
    return home


def refuse_warning(message: str) -> None:
    raise AssertionError(message)


def test_a_home_in_use_has_no_leftovers(home: Workspace) -> None:
    before = list_files(home.root)
    assert list_leftovers(home) == {}
    assert remove_leftovers(home, refuse_warning) == {}
    assert list_files(home.root) == before
    assert list_leftovers(Workspace(home.root / "not there")) == {}


@pytest.mark.parametrize("kind", PLANTED)
def test_each_kind_is_named_and_removed_alone(home: Workspace, kind: str) -> None:
    before = list_files(home.root)
    write_files(home.root, PLANTED[kind])
    found = list_leftovers(home)
    assert list(found) == [kind]
    assert len(found[kind]) == len({tuple(Path(name).parts[:2]) for name in PLANTED[kind]} | set())
    assert remove_leftovers(home, refuse_warning) == {kind: len(found[kind])}
    assert list_files(home.root) == before
    assert list_leftovers(home) == {}


def test_a_link_is_removed_and_not_what_it_leads_to(home: Workspace, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "figures.csv").touch()
    home.temporary.mkdir()
    (home.temporary / "link").symlink_to(elsewhere, target_is_directory=True)
    remove_leftovers(home, refuse_warning)
    assert list(home.temporary.iterdir()) == []
    assert (elsewhere / "figures.csv").is_file()


def test_without_a_list_of_staged_parts_none_is_used(home: Workspace) -> None:
    home.staged_parts.unlink()
    assert list_leftovers(home) == {"parts of no table": [home.parts / PART.file_name]}


def test_what_cannot_be_removed_is_told_and_keeps_nothing_from_being_removed(
    home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(home.root, ["temporary/a", "temporary/b"])
    unlink: Callable[..., None] = Path.unlink

    def unlink_others(path: Path, missing_ok: bool = False) -> None:
        if path.name == "a":
            raise PermissionError(13, "Permission denied", str(path))
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink_others)
    said: list[str] = []
    remove_leftovers(home, said.append)
    assert said == [f"{home.temporary / 'a'}: Permission denied; it is of no use, so take it away"]
    assert [path.name for path in home.temporary.iterdir()] == ["a"]


def test_what_a_run_and_its_processes_put_aside_lies_in_the_home(home: Workspace) -> None:
    before = tempfile.gettempdir(), os.environ.get("TMPDIR")
    ask = [sys.executable, "-c", "import tempfile; print(tempfile.gettempdir())"]
    with use_temporary_folder(home):
        with tempfile.TemporaryDirectory() as folder:
            assert Path(folder).parent == home.temporary
        assert subprocess.check_output(ask, text=True).strip() == str(home.temporary)
    assert (tempfile.gettempdir(), os.environ.get("TMPDIR")) == before
    assert list(home.temporary.iterdir()) == []
