"""Refreshes that add a month and are killed (`kill -9`) at random moments: is the release whole, is nothing left over?

    .venv/bin/python -m benchmarks.killed_refreshes --kills 60

A small home holds a few months of the demonstration. The refresh that adds one more is run once undisturbed, which
takes T seconds; then again and again from the same home, killed after a random time up to T. After each kill it is
asked whether every file of `latest` is that of its manifest, and how long processes outlive it; then the refresh is run
to its end, in a fork of a process that has imported all, and the tables are compared with the undisturbed ones, row by
row. Ends with status 1 where anything is wrong.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from pathlib import Path
from typing import Final

from rich.console import Console

from iapt.leftovers import list_leftovers
from iapt.synthetic import write_demonstration_drops
from iapt.workspace import PROJECT_ROOT, Workspace
from iapt.workspace_state import RefreshRecord
from orchestration import warm_dbt
from tests.factories.refresh_processes import MARK, RefreshProcesses, list_processes, start_worker
from tests.oracles.home_contents import find_faults_of_latest, list_different_released_tables

#: Folders of the demonstration that the home is of, and the one that each refresh adds.
BASE: Final = ("monthly/2025-05", "monthly/2025-06", "quarterly/2025-26-q1")
ADDED: Final = "monthly/2025-07"
MOST_SECONDS_TO_END: Final = 60.0


def start_refresh(home: Path, drops: Path, mark: str) -> subprocess.Popen[bytes]:
    """Start the command in a process of its own; its children have the mark in their environment."""
    command = [sys.executable, "-m", "orchestration.cli", "refresh", "--drops", str(drops), "--home", str(home)]
    return subprocess.Popen(
        command,
        cwd=PROJECT_ROOT,
        env={**os.environ, MARK: mark, "IAPT_WARM_DBT": ""},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def run_refresh(home: Path, drops: Path) -> float:
    """Run a refresh to its end and return its seconds; raises RuntimeError where it fails."""
    begun = time.monotonic()
    if status := start_refresh(home, drops, "").wait():
        raise RuntimeError(f"{home}: the refresh ended with {status}")
    return time.monotonic() - begun


def wait_for_end(mark: str) -> float:
    """Return how many seconds processes outlived the refresh; raises RuntimeError where they never end."""
    begun = time.monotonic()
    while processes := list_processes(mark):
        if time.monotonic() - begun > MOST_SECONDS_TO_END:
            raise RuntimeError(f"still there: {processes}")
        time.sleep(0.02)
    return time.monotonic() - begun


def find_step(home: Workspace) -> str:
    """Return how far a refresh had come that was killed: the last file of its state."""
    begun = home.last_refresh.stat().st_mtime if home.last_refresh.is_file() else 0.0
    states = [home.root / f"{name}.json" for name in ("ingest", "reading", "refresh_plan", "landed", "built", "staged")]
    done = [path for path in states if path.is_file() and path.stat().st_mtime >= begun]
    if not home.last_refresh.is_file() or RefreshRecord.load(home.last_refresh).state != "running":
        return "before the run, or after it"
    return f"after {max(done, key=lambda path: path.stat().st_mtime).stem}" if done else "after its start"


def make_drops(folder: Path) -> tuple[Path, Path]:
    """Write the drops of the home, and those with one more; return both folders."""
    write_demonstration_drops(folder / "all")
    first, more = folder / "first", folder / "more"
    for target, names in ((first, BASE), (more, (*BASE, ADDED))):
        for name in names:
            shutil.copytree(folder / "all" / name, target / name)
        shutil.copyfile(folder / "all" / "provenance.json", target / "provenance.json")
    return first, more


def main(kills: int, seed: int, folder: Path, processes: RefreshProcesses) -> int:
    """Kill and complete refreshes; print what came of it, and return the exit status."""
    console, moments = Console(), random.Random(seed)
    first, more = make_drops(folder)
    base, undisturbed = folder / "base", Workspace(folder / "undisturbed")
    run_refresh(base, first)
    shutil.copytree(base, undisturbed.root, symlinks=True)
    most = run_refresh(undisturbed.root, more)
    steps, faults, outlived = Counter[str](), list[str](), [0.0]
    for number in range(1, kills + 1):
        home, mark = Workspace(folder / "home"), uuid.uuid4().hex
        shutil.rmtree(home.root, ignore_errors=True)
        shutil.copytree(base, home.root, symlinks=True)
        process, seconds = start_refresh(home.root, more, mark), moments.uniform(0, most)
        time.sleep(seconds)
        process.kill()
        process.wait()
        step = find_step(home)
        steps[step] += 1
        outlived.append(wait_for_end(mark))
        found = [f"latest: {name}" for name in find_faults_of_latest(home)]
        status, said = processes.refresh(home, more)
        found += [f"not completed: {said}"] if status else []
        found += [f"latest, completed: {name}" for name in find_faults_of_latest(home)]
        found += [f"other rows: {name}" for name in list_different_released_tables(home.latest, undisturbed.latest)]
        found += [f"left over: {kind}" for kind in list_leftovers(home)]
        found += [f"left over: {path}" for path in warm_dbt.list_abandoned_folders(home.root)]
        faults += [f"kill {number}, after {seconds:.1f} s, {step}: {fault}" for fault in found]
        console.print(f"{number}: {seconds:.1f} s, {step}: {found or 'whole, completed, equal'}", highlight=False)
    console.print(f"An undisturbed refresh took {most:.1f} s. Killed: {dict(steps)}.", highlight=False)
    console.print(f"The last process ended at most {max(outlived):.1f} s after its refresh.", highlight=False)
    for fault in faults:
        console.print(fault, highlight=False)
    return int(bool(faults))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="killed_refreshes_") as scratch,
        start_worker(shares_dbt=True) as processes,
    ):
        sys.exit(main(options.kills, options.seed, Path(scratch), processes))
