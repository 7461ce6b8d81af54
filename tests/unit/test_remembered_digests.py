"""Files that were hashed before are read again only where they may be others."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from iapt import remembered_digests
from iapt.ingest.ingestion import ingest_folder
from iapt.remembered_digests import RememberedDigests
from tests.factories import drops
from tests.factories.drop_home import APRIL, ARCHIVED_AT, MAY, DropHome


@pytest.fixture(autouse=True)
def at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits until a file has been at rest for long enough."""
    monkeypatch.setattr(remembered_digests, "SECONDS_AT_REST", 0)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were read to be hashed."""
    names: list[str] = []

    def hash_file(path: Path) -> str:
        names.append(path.name)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    monkeypatch.setattr(remembered_digests, "compute_sha256", hash_file)
    return names


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def compute(tmp_path: Path, *files: Path) -> list[str]:
    digests = RememberedDigests(tmp_path / "digests.json")
    computed = [digests.compute_sha256(file) for file in files]
    digests.write()
    return computed


def test_a_file_that_is_as_it_was_is_read_once(tmp_path: Path, read: list[str]) -> None:
    file = write(tmp_path / "a.csv", b"one")
    assert compute(tmp_path, file) == compute(tmp_path, file) == [hashlib.sha256(b"one").hexdigest()]
    assert read == ["a.csv"]


def test_a_byte_changed_under_the_same_size_and_time_is_seen(tmp_path: Path, read: list[str]) -> None:
    file = write(tmp_path / "a.csv", b"one")
    before = file.stat()
    compute(tmp_path, file)
    file.write_bytes(b"two")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert compute(tmp_path, file) == [hashlib.sha256(b"two").hexdigest()]
    assert read == ["a.csv", "a.csv"]


def test_another_file_under_the_name_or_behind_the_link_is_seen(tmp_path: Path) -> None:
    file, other = write(tmp_path / "a.csv", b"one"), write(tmp_path / "b.csv", b"two")
    link = tmp_path / "link.csv"
    link.symlink_to(file)
    compute(tmp_path, file, link)
    file.unlink()
    other.rename(file)
    assert compute(tmp_path, file, link) == [hashlib.sha256(b"two").hexdigest()] * 2


def test_a_file_that_has_just_been_changed_is_not_remembered(
    tmp_path: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Changed once more within one tick of the clock, it would look as it was."""
    monkeypatch.setattr(remembered_digests, "SECONDS_AT_REST", 3600)
    file = write(tmp_path / "a.csv", b"one")
    compute(tmp_path, file)
    compute(tmp_path, file)
    assert read == ["a.csv", "a.csv"]


@pytest.mark.parametrize("content", ["{", "[]", '{"/a.csv": "one"}'])
def test_a_damaged_record_is_left_out(tmp_path: Path, content: str) -> None:
    (tmp_path / "digests.json").write_text(content)
    assert compute(tmp_path, write(tmp_path / "a.csv", b"one")) == [hashlib.sha256(b"one").hexdigest()]


def test_ingesting_a_folder_again_reads_what_is_new_alone_and_says_the_same(tmp_path: Path, read: list[str]) -> None:
    home = DropHome(tmp_path).offer(a__csv=APRIL)

    def ingest() -> tuple[list[str], list[str]]:
        result = ingest_folder(
            home.folder,
            home.drops,
            drops.catalogue(),
            ARCHIVED_AT,
            digests=RememberedDigests(tmp_path / "digests.json"),
        )
        return result.offered, result.new

    first, _ = ingest()
    assert ingest() == (first, [])
    home.offer(b__csv=MAY)
    assert len(ingest()[1]) == 1
    assert read == ["a.csv", "b.csv"]
