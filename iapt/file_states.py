"""The state of files by what the system knows of them: whether they are as they were, without reading them.

A file whose bytes were changed has another time of change (`ctime`), which no program can set, whatever became of its
size and its time of modification. A copy, a new link or other permissions change it too: then a file may look changed
and is not.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path


def read_file_state(path: Path) -> str:
    """Return size, times, place on the disk and permissions of a file or link. Raises OSError where there is none."""
    state = path.lstat()
    return f"{state.st_size} {state.st_mtime_ns} {state.st_ctime_ns} {state.st_ino} {state.st_mode}"


def compute_tree_state(folder: Path) -> str:
    """Return a digest of the names and states of all files and links in a folder; that of an empty one if none is."""
    digest = hashlib.sha256()
    for path in sorted(_walk(folder)):
        digest.update(
            f"{path.relative_to(folder).as_posix()}\0{read_file_state(path)}\n".encode(errors="surrogateescape")
        )
    return digest.hexdigest()


def _walk(folder: Path) -> Iterator[Path]:
    def stop(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise error

    for at, folders, names in os.walk(folder, onerror=stop):
        links = [name for name in folders if (Path(at) / name).is_symlink()]
        yield from (Path(at) / name for name in (*names, *links))
