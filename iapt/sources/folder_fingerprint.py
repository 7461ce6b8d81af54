"""A drop folder as it stands, and as a run has taken it in: how the sensor knows whether anything is left to do.

A run notes the state of the folder as it was before it took the files in, and only when each of them was kept and
read, or rejected with a reason. What changes meanwhile, or arrives while another run is at work, is a state nobody has
noted.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path, PurePosixPath
from typing import Final

from iapt.files import write_json_atomically
from iapt.sources.folder import is_system_file
from iapt.workspace import Workspace

EMPTY: Final = hashlib.sha256().hexdigest()


def compute_folder_fingerprint(folder: Path) -> str:
    """Return a digest of names, sizes, times and permissions of all files in a folder, or EMPTY; none is opened.

    Sidecars and notes count too: what a sidecar says decides what becomes of the drops beside it.
    """
    digest = hashlib.sha256()
    paths = [folder] if folder.is_file() else [Path(at) / name for at, _, names in os.walk(folder) for name in names]
    for relative, path in sorted((path.relative_to(folder).as_posix(), path) for path in paths):
        if is_system_file(PurePosixPath(relative)):
            continue
        try:
            state = path.lstat()
        except FileNotFoundError:  # gone since it was listed: then it is not there
            continue
        line = f"{relative}\0{state.st_size}\0{state.st_mtime_ns}\0{state.st_mode}\n"
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def record_ingested_fingerprint(home: Workspace, folder: Path, fingerprint: str) -> None:
    """Write down that a run has taken in a folder in this state: each file is kept and read, or rejected."""
    noted = _noted(home) | {str(folder.absolute()): fingerprint}
    write_json_atomically(home.ingested_folder, noted)


def read_ingested_fingerprint(home: Workspace, folder: Path) -> str | None:
    """Return the state in which a folder was last taken in; None where no run has."""
    return _noted(home).get(str(folder.absolute()))


def _noted(home: Workspace) -> dict[str, str]:
    return json.loads(home.ingested_folder.read_text("utf-8")) if home.ingested_folder.is_file() else {}
