"""The state of a drop folder as a fingerprint: by it the sensor knows whether anything is left to do.

A run records the state of the folder as it was before it ingested the files, and only when each of them was archived
and read, or rejected with a reason. What changes meanwhile, or arrives while another run is at work, is not recorded.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path, PurePosixPath
from typing import Final

from iapt.file_states import read_file_state
from iapt.sources.folder import is_system_file

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
            state = read_file_state(path)
        except FileNotFoundError:  # gone since it was listed: then it is not there
            continue
        digest.update(f"{relative}\0{state}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
