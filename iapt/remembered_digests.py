"""SHA-256 of files that were hashed before, by their paths and states: gigabytes that have not changed are not read."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from iapt.file_states import read_file_state
from iapt.files import compute_sha256, write_json_atomically

#: A file may be changed once more within the same tick of the clock: one that has just been changed is hashed again.
SECONDS_AT_REST: Final = 2
_DIGESTS: Final = TypeAdapter(dict[str, tuple[str, str]])


class RememberedDigests:
    """Digests in a file, which is left out where it is damaged; of the files that were asked for last, no others."""

    def __init__(self, path: Path) -> None:
        """Use a file, made when it is first written."""
        self._path = path
        self._before: dict[str, tuple[str, str]] | None = None
        self._asked: dict[str, tuple[str, str]] = {}

    def has(self, path: Path) -> bool:
        """Whether a file of this path was hashed before, and is as it was."""
        if self._before is None:
            self._before = self._read()
        return self._before.get(str(path.absolute()), ("", ""))[0] == self._read_state(path)

    def compute_sha256(self, path: Path) -> str:
        """Return the SHA-256 of a file's bytes, read only where it is not as it was when it was hashed last."""
        if self._before is None:
            self._before = self._read()
        key, state = str(path.absolute()), self._read_state(path)
        known_state, sha256 = self._before.get(key, ("", ""))
        if state != known_state:
            sha256 = compute_sha256(path)
            if time.time() - path.stat().st_ctime < SECONDS_AT_REST or self._read_state(path) != state:
                return sha256
        self._asked[key] = state, sha256
        return sha256

    def write(self) -> None:
        """Write down the digests of the files that were asked for, where they are others than before."""
        if self._asked != self._before:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_json_atomically(self._path, self._asked)
            self._before = dict(self._asked)

    @staticmethod
    def _read_state(path: Path) -> str:
        """Return the state of a file; of a link, that of what it leads to, too."""
        return f"{read_file_state(path)} {read_file_state(path.resolve())}"

    def _read(self) -> dict[str, tuple[str, str]]:
        try:
            return _DIGESTS.validate_json(self._path.read_bytes())
        except (FileNotFoundError, ValidationError):
            return {}
