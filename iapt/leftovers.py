"""What a run makes for itself alone, and what killed runs left of it: listed by kind, and removed by the next run."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Final

from iapt.ingest import archive, observation_store
from iapt.release import publish
from iapt.release.parts import StagedParts
from iapt.workspace import Workspace

_TEMPORARY_FOLDER: Final = "TMPDIR"  # in the environment: for the processes that a run starts


@contextlib.contextmanager
def use_temporary_folder(workspace: Workspace) -> Generator[None]:
    """Let everything that a run puts aside lie in the home for as long as this lasts, where the next run finds it.

    That is also what libraries and child processes put aside: outside, it would stay behind when the run is killed,
    with figures in it. Only while the workspace is locked.
    """
    workspace.temporary.mkdir(parents=True, exist_ok=True)
    before = tempfile.tempdir, os.environ.get(_TEMPORARY_FOLDER)
    tempfile.tempdir = os.environ[_TEMPORARY_FOLDER] = str(workspace.temporary.absolute())
    try:
        yield
    finally:
        tempfile.tempdir = before[0]
        if before[1] is None:
            del os.environ[_TEMPORARY_FOLDER]
        else:
            os.environ[_TEMPORARY_FOLDER] = before[1]


def list_leftovers(workspace: Workspace) -> dict[str, list[Path]]:
    """Return what killed runs left in a home, by kind; kinds of which there is nothing are missing.

    Only while the workspace is locked: else a run at work may be using it. Bodies of a fetch that was cut off are none:
    the next one goes on with them.
    """
    return {kind: found for kind, list_kind in _KINDS.items() if (found := sorted(list_kind(workspace)))}


def remove_leftovers(workspace: Workspace, warn: Callable[[str], None]) -> dict[str, int]:
    """Remove what killed runs left in a home, and return how many there were of each kind.

    `warn` is told what cannot be removed. Only while the workspace is locked.
    """
    removed = {}
    for kind, paths in list_leftovers(workspace).items():
        for path in paths:
            try:
                _remove(path)
            except OSError as error:
                warn(f"{error.filename}: {error.strerror}; it is of no use, so take it away")
        removed[kind] = len(paths)
    return removed


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _list_unfinished_drops(workspace: Workspace) -> Iterator[Path]:
    for folder in (workspace.drops, workspace.archive_cache):
        yield from folder.glob(f"{archive.UNFINISHED}*")


def _list_unfinished_readings(workspace: Workspace) -> Iterator[Path]:
    return workspace.observations.glob(f"{observation_store.UNFINISHED}*")


def _list_unfinished_releases(workspace: Workspace) -> Iterator[Path]:
    return workspace.releases.glob(f"{publish.UNFINISHED}*")


def _list_unfinished_files(workspace: Workspace) -> Iterator[Path]:
    """Yield what has not taken its name. Not of `incoming`, nor of the owner's findings, which no run writes."""
    names = (
        "*.json",
        workspace.kept_database.name,
        workspace.latest.name,
        workspace.staging.name,
        workspace.found_publications.name,
        "salt",
    )
    of_root = (workspace.root.glob(f"{name}.part") for name in names)
    folders = (
        workspace.observations,
        workspace.drop_validations,
        workspace.audits,
        workspace.validation,
        workspace.parts,
    )
    return chain(
        *of_root,
        *(folder.glob("*.part") for folder in folders),
        workspace.checked_parts.rglob("*.part"),
        workspace.drops.glob("*/*.json.part"),
    )


def _list_spill_files(workspace: Workspace) -> Iterator[Path]:
    """Yield what DuckDB put aside. Beside a database is where it goes when DuckDB is told no other place."""
    return chain(workspace.spill.glob("*"), workspace.root.glob("*.duckdb.tmp"), workspace.root.glob("*.spill"))


def _list_temporary_folders(workspace: Workspace) -> Iterator[Path]:
    return workspace.temporary.glob("*")


def _list_unused_parts(workspace: Workspace) -> Iterator[Path]:
    """Yield the parts that the staged tables are not put together from."""
    staged = StagedParts.load_if_present(workspace.staged_parts)
    used = {part.file_name for part in staged.parts} if staged is not None else set[str]()
    return (path for path in workspace.parts.glob("*.parquet") if path.name not in used)


_KINDS: Final[Mapping[str, Callable[[Workspace], Iterator[Path]]]] = {
    "drops half archived": _list_unfinished_drops,
    "drops half read": _list_unfinished_readings,
    "releases half made": _list_unfinished_releases,
    "files half written": _list_unfinished_files,
    "spill files": _list_spill_files,
    "temporary files and folders": _list_temporary_folders,
    "parts of no table": _list_unused_parts,
}
