"""Drops that are added to a home one after another."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from iapt.workspace import Workspace
from iapt.workspace_state import RefreshRecord
from orchestration.refresh import refresh

#: The series of which the newest period is held back.
SERIES = ("monthly", "quarterly", "annual")


def link_drops(drops: Path, target: Path, periods: Sequence[Path] | None = None) -> Path:
    """The files of a folder of drops in another folder, without other bytes where the file system can.

    `periods` are folders below `drops`; by default it is all of them.
    """
    for path in drops.rglob("*"):
        part = path.relative_to(drops)
        if not path.is_file() or (periods is not None and len(part.parts) > 1 and path.parent not in periods):
            continue
        copied = target / part
        copied.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path, copied)
        except OSError:  # another file system
            shutil.copyfile(path, copied)
    return target


def find_newest(drops: Path) -> list[Path]:
    """The folder of the newest month, quarter and year of some drops."""
    return [max(path for path in (drops / series).iterdir() if path.is_dir()) for series in SERIES]


def build_one_by_one(drops: Path, newest: Sequence[Path], home: Workspace) -> Iterator[tuple[str, RefreshRecord]]:
    """Refresh a home with all drops but the newest periods, then with each of them; yield what came of each."""
    aside = drops.with_name(f"{drops.name}-held-back")
    aside.mkdir()
    held_back = {path: aside / f"{path.parent.name}-{path.name}" for path in newest}
    for path, kept in held_back.items():
        path.rename(kept)
    yield "all but the newest", refresh(home, drops)
    for path, kept in held_back.items():
        kept.rename(path)
        yield f"{path.parent.name} {path.name}", refresh(home, drops)
    aside.rmdir()
