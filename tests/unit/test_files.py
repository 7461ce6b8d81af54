"""Files are written whole or not at all."""

import errno
import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from iapt.files import compute_sha256, flush, flush_tree, rename_durably, write_atomically, write_json_atomically
from tests.factories.disk_calls import record_disk_calls


def make_folder(folder: Path) -> Path:
    """A folder of two files, one of them in a folder of its own, and a link that leads nowhere."""
    (folder / "data").mkdir(parents=True)
    (folder / "manifest.json").write_text("{}", "utf-8")
    (folder / "data" / "site.js").write_text("1", "utf-8")
    (folder / "data" / "link").symlink_to("nowhere")
    return folder


@pytest.mark.parametrize("content", ["Überall", b"\x00\xff"])
def test_a_file_holds_the_text_or_the_bytes_given(tmp_path: Path, content: str | bytes) -> None:
    path = tmp_path / "record"
    write_atomically(path, content)
    assert path.read_bytes() == (content if isinstance(content, bytes) else content.encode())


def test_json_is_indented_and_ends_in_a_line_break(tmp_path: Path) -> None:
    write_json_atomically(tmp_path / "record.json", {"file": "Überblick.csv"})
    assert (tmp_path / "record.json").read_text("utf-8") == '{\n  "file": "Überblick.csv"\n}\n'


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_crash_leaves_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    path = tmp_path / "record"
    write_atomically(path, "old")
    with monkeypatch.context() as patch:
        patch.setattr(os, step, crash)
        with pytest.raises(KeyboardInterrupt):
            write_atomically(path, "new")
    assert path.read_text("utf-8") == "old"
    write_atomically(path, "newest")
    assert [file.name for file in tmp_path.iterdir()] == ["record"]
    assert path.read_text("utf-8") == "newest"


def write(path: Path) -> None:
    write_atomically(path / "record", "new")


def rename_folder(path: Path) -> None:
    rename_durably(make_folder(path / "a"), path / "b")


def rename_link(path: Path) -> None:
    (path / "latest.part").symlink_to("b", target_is_directory=True)
    rename_durably(path / "latest.part", path / "latest")


def rename_file(path: Path) -> None:
    (path / "a").write_bytes(b"1")
    assert rename_durably(path / "a", path / "b").read_bytes() == b"1"


@pytest.mark.parametrize("name_something", [write, rename_folder, rename_link, rename_file])
def test_no_name_is_given_before_all_of_it_is_on_the_disk_and_the_name_is_there_after(
    name_something: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = record_disk_calls(tmp_path, monkeypatch)
    name_something(tmp_path)
    assert len(calls.renamed) == 1
    assert calls.list_faults() == []


@pytest.mark.parametrize("name_something", [write, rename_folder, rename_file])
@pytest.mark.parametrize("missing", ["file", "folder"])
def test_what_is_not_flushed_is_seen(
    name_something: Callable[[Path], None], missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = record_disk_calls(tmp_path, monkeypatch)
    fsync, is_missing = os.fsync, stat.S_ISREG if missing == "file" else stat.S_ISDIR

    def flush_others(descriptor: int) -> None:
        if not is_missing(os.fstat(descriptor).st_mode):
            fsync(descriptor)

    monkeypatch.setattr(os, "fsync", flush_others)
    name_something(tmp_path)
    assert calls.list_faults()


def test_what_is_written_after_it_was_flushed_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = record_disk_calls(tmp_path, monkeypatch)
    (tmp_path / "a").write_bytes(b"1")
    flush_tree(tmp_path / "a")
    (tmp_path / "a").write_bytes(b"12")
    (tmp_path / "a").replace(tmp_path / "b")
    flush(tmp_path)
    assert calls.list_faults() == ["b: a was not flushed before"]


def test_a_file_system_that_flushes_no_folders_is_good_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some of networks refuse it; an error about a file is never passed over."""

    def fail(_: int) -> None:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    (tmp_path / "a").touch()
    monkeypatch.setattr(os, "fsync", fail)
    flush(tmp_path)
    with pytest.raises(OSError, match="Invalid argument"):
        flush(tmp_path / "a")


def test_a_folder_that_cannot_be_flushed_keeps_the_name_from_being_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    folder = make_folder(tmp_path / "a")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output"):
        rename_durably(folder, tmp_path / "b")
    assert folder.is_dir()
    assert not (tmp_path / "b").exists()


def test_a_private_file_is_private_from_its_first_byte(tmp_path: Path) -> None:
    (tmp_path / "salt.part").touch(mode=0o666)
    write_atomically(tmp_path / "salt", "secret", mode=0o600)
    assert stat.S_IMODE((tmp_path / "salt").stat().st_mode) == 0o600


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"figures" * 1000)
    assert compute_sha256(tmp_path / "a.csv") == hashlib.sha256(b"figures" * 1000).hexdigest()
