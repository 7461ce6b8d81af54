"""What a piece of code flushes and renames, in order: whether a power cut could take what a rename has named."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

#: Names in a home of what no reader looks into: it is given another name, or removed, when it is done.
_UNFINISHED: Final = re.compile(r"releases/\.making-|drops/\.archiving-|observations/reading-|temporary/|dagster/")
#: Of a file or folder, what changes whenever its content does.
_Version = tuple[int, int]


@dataclass
class DiskCalls:
    """The renames of this process into `root`, and what was wrong with them.

    Before a rename, all that it names has to be flushed as it is then; after it the folder of the new name, before the
    same thread names anything else.
    """

    root: Path
    renamed: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    _flushed: dict[int, _Version] = field(default_factory=dict)
    _owed: dict[int, tuple[int, str]] = field(default_factory=dict)

    def note_flush(self, descriptor: int) -> None:
        """Note that a file or folder is on the disk as it is now."""
        status = os.fstat(descriptor)
        self._flushed[status.st_ino] = (status.st_mtime_ns, status.st_size)
        self._owed = {thread: owed for thread, owed in self._owed.items() if owed[0] != status.st_ino}

    def note_rename(self, source: Path, target: Path) -> None:
        """Note a rename that is about to be made."""
        if not target.is_relative_to(self.root):
            return
        name = target.relative_to(self.root).as_posix()
        if _UNFINISHED.match(name):
            return
        self._note_folder_owed()
        self.renamed.append(name)
        self.faults += [f"{name}: {path.name} was not flushed before" for path in _walk(source) if self._is_owed(path)]
        self._owed[threading.get_ident()] = target.parent.stat().st_ino, name

    def list_faults(self) -> list[str]:
        """Return what was wrong with the renames so far, at the end."""
        self._note_folder_owed()
        return self.faults

    def _note_folder_owed(self) -> None:
        if owed := self._owed.pop(threading.get_ident(), None):
            self.faults.append(f"{owed[1]}: its folder was not flushed after")

    def _is_owed(self, path: Path) -> bool:
        status = path.lstat()
        return self._flushed.get(status.st_ino) != (status.st_mtime_ns, status.st_size)


def _walk(path: Path) -> Iterator[Path]:
    if not path.is_symlink():
        yield path
        yield from (below for below in path.rglob("*") if not below.is_symlink())


def record_disk_calls(root: Path, monkeypatch: pytest.MonkeyPatch) -> DiskCalls:
    """Watch `os.fsync` and the renames of this process until the test ends, or the context of the patch."""
    calls, fsync = DiskCalls(root), os.fsync

    def flush(descriptor: int) -> None:
        fsync(descriptor)
        calls.note_flush(descriptor)

    monkeypatch.setattr(os, "fsync", flush)
    for name in ("replace", "rename"):
        monkeypatch.setattr(os, name, _make_noting_rename(calls, getattr(os, name)))
    return calls


def _make_noting_rename(
    calls: DiskCalls, rename: Callable[[str | Path, str | Path], None]
) -> Callable[[str | Path, str | Path], None]:
    def note_and_rename(source: str | Path, target: str | Path) -> None:
        calls.note_rename(Path(source), Path(target))
        rename(source, target)

    return note_and_rename
