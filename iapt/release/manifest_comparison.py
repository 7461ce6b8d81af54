"""Whether the files of a release are those that its manifest lists, by name and by their bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from iapt.files import compute_sha256
from iapt.workspace_state import MANIFEST

_HASHED_AT_ONCE: Final = 2


def compare_with_manifest(folder: Path, manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yield the files that are not as a manifest lists them, each with what is the matter."""
    listed = manifest.get("files", {})
    sha256s = [record.get("sha256") for record in listed.values()]
    with ThreadPoolExecutor(_HASHED_AT_ONCE) as executor:
        problems = executor.map(_find_problem, [folder] * len(listed), listed, sha256s)
        yield from (f"{name} ({problem})" for name, problem in zip(listed, problems, strict=True) if problem)
    if listed:
        present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        yield from (f"{name} (not listed)" for name in sorted(present - listed.keys() - {MANIFEST}))


def _find_problem(folder: Path, name: str, sha256: object) -> str:
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        return "outside the folder"
    if not path.is_file():
        return "missing"
    return "" if compute_sha256(path) == sha256 else "changed"
