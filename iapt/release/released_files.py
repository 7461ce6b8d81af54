"""The files of the last release, which the next one holds too where they are to be the same: linked, after their hash.

A release is never written in, so that one file can stand in several; taking a release away leaves the files of others.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from iapt.contract import parquet_name
from iapt.files import compute_sha256
from iapt.workspace_state import read_manifest

#: What a manifest says of a file: `sha256`, `bytes` and, of a table, `rows`.
FileRecord = Mapping[str, str | int]
#: The sha256 of the part of each period of each table, by table and period, as a manifest lists them.
PartDigests = Mapping[str, Mapping[str, str]]
#: How the name of a file ends that has not taken its name.
_UNFINISHED: Final = ".part"


@dataclass(frozen=True)
class ReleasedFiles:
    """The files of a release, and what its manifest says of them. Where there is no release there are none.

    `parts` are the parts of its tables, and `writers` digests of the code that wrote what is made from the tables.
    """

    folder: Path
    files: Mapping[str, FileRecord] = field(default_factory=dict)
    parts: PartDigests = field(default_factory=dict)
    writers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, release: Path) -> ReleasedFiles:
        """Return those of a release folder, or of a link to it."""
        manifest: Mapping[str, Any] = read_manifest(release) or {}
        return cls(release.resolve(), manifest.get("files", {}), manifest.get("parts", {}), manifest.get("writers", {}))

    def get_digest(self, name: str) -> str | None:
        """Return the sha256 that the manifest has of a file; None where it lists no such file."""
        digest = self.files.get(name, {}).get("sha256")
        return digest if isinstance(digest, str) else None

    def get_table_digest(self, table: str) -> str | None:
        """Return the sha256 that the manifest has of a table; None where it lists no such table."""
        return self.get_digest(parquet_name(table))

    def link(self, name: str, target: Path) -> FileRecord | None:
        """Put a file at `target`, in place of what is there; return what the manifest says of it.

        It is a hard link where the file system has them, else a copy. Return None, and change nothing, where the file
        is not there or its bytes are no longer those that the manifest lists.
        """
        source, temp_path = self.folder / name, target.with_name(target.name + _UNFINISHED)
        if (digest := self.get_digest(name)) is None or source.is_symlink() or not source.is_file():
            return None
        temp_path.unlink(missing_ok=True)
        if target.exists() and target.samefile(source):  # a rename over a link to the same file does nothing
            target.unlink()
        try:
            os.link(source, temp_path)
        except OSError:  # another file system, one without links, or too many links to the file
            shutil.copyfile(source, temp_path)
        # Hashed after it was put there: what is compared is what the new release holds.
        if compute_sha256(temp_path) != digest:
            temp_path.unlink()
            return None
        temp_path.replace(target)
        return self.files[name]
