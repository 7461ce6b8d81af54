"""Add the newest month, quarter and year one by one, and compare with a home built from all drops at once, row by row.

    .venv/bin/python -m benchmarks.add_one_by_one DROPS SCRATCH

DROPS is laid out as the real drops are: a folder a series, in it a folder a period. SCRATCH holds both homes after.
Prints how long each refresh took and every table or part that differs, never a figure; ends with 1 where any does.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from iapt.workspace import Workspace
from iapt.workspace_state import RefreshPlan, RefreshRecord
from orchestration.refresh import refresh
from tests.factories.one_by_one import build_one_by_one, find_newest, link_drops
from tests.oracles.home_contents import list_differences


def main(drops: Annotated[Path, typer.Argument()], scratch: Annotated[Path, typer.Argument()]) -> None:
    """Build both homes and compare them."""
    console = Console(width=160)
    scratch = scratch.resolve()
    shutil.rmtree(scratch, ignore_errors=True)
    offered = link_drops(drops, scratch / "drops")
    added, whole = Workspace(scratch / "added"), Workspace(scratch / "whole")
    started = time.perf_counter()
    for name, record in build_one_by_one(offered, find_newest(offered), added):
        _require_release(name, record)
        affected = RefreshPlan.load(added.refresh_plan).affected
        console.print(f"{name}: {time.perf_counter() - started:.1f} s, {len(affected)} periods affected")
        started = time.perf_counter()
    shutil.copytree(added.drops, whole.drops)
    _require_release("all at once", refresh(whole, offered))
    console.print(f"all at once: {time.perf_counter() - started:.1f} s")
    differences = list_differences(added, whole)
    console.print("\n".join(differences) or "no difference: every row of every table, and every part")
    sys.exit(bool(differences))


def _require_release(name: str, record: RefreshRecord) -> None:
    if record.released is None:
        sys.exit(f"{name}: nothing was released: {record.failure}")


if __name__ == "__main__":
    typer.run(main)
