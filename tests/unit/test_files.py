"""Files are written whole or not at all."""

import hashlib
import os
import stat
from pathlib import Path

import pytest

from iapt.files import compute_sha256, write_atomically, write_json_atomically


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


def test_a_private_file_is_private_from_its_first_byte(tmp_path: Path) -> None:
    (tmp_path / "salt.part").touch(mode=0o666)
    write_atomically(tmp_path / "salt", "secret", mode=0o600)
    assert stat.S_IMODE((tmp_path / "salt").stat().st_mode) == 0o600


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"figures" * 1000)
    assert compute_sha256(tmp_path / "a.csv") == hashlib.sha256(b"figures" * 1000).hexdigest()
