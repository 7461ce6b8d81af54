"""Refreshes that are killed, and what is then true of their home: which processes are left, and what of the release."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Generator
from pathlib import Path
from typing import Final

import duckdb

from iapt.files import compute_sha256
from iapt.sql import quote_literal
from iapt.workspace import PROJECT_ROOT, Workspace
from iapt.workspace_state import read_manifest

#: In the environment of every process of the refreshes: by which they are found.
MARK: Final = "IAPT_KILLED_REFRESH"


class RefreshProcesses:
    """Runs refreshes, each in a process of its own, and knows what is left of them."""

    def __init__(self, worker: subprocess.Popen[str]) -> None:
        """Ask a worker, see `tests.factories.refresh_worker`."""
        self._worker = worker
        self._mark = uuid.uuid4().hex

    def refresh(self, home: Workspace, drops: Path, moment: str = "") -> int:
        """Refresh a home, and kill that at a moment; return the exit status, negative where the process was killed."""
        return self._ask(home, drops, moment, is_killed=True)[0]

    def refresh_until_disk_is_full(self, home: Workspace, drops: Path, moment: str) -> tuple[int, str]:
        """Refresh a home whose disk is full from a moment on; return the exit status, and what is said of it."""
        return self._ask(home, drops, moment, is_killed=False)

    def _ask(self, home: Workspace, drops: Path, moment: str, *, is_killed: bool) -> tuple[int, str]:
        assert self._worker.stdin is not None
        assert self._worker.stdout is not None
        request = {
            "home": str(home.root),
            "drops": str(drops),
            "moment": moment,
            "is_killed": is_killed,
            "environment": {MARK: self._mark},
        }
        self._worker.stdin.write(json.dumps(request) + "\n")
        self._worker.stdin.flush()
        answer = json.loads(self._worker.stdout.readline())
        return answer["status"], answer["said"]

    def list_remaining(self) -> list[str]:
        """Return the commands of the processes that refreshes started and that are still there."""
        return list_processes(self._mark)


def list_processes(mark: str) -> list[str]:
    """Return the commands of the processes that were started with a mark in their environment."""
    commands = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # ended meanwhile, or somebody else's
            if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes():
                commands.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return commands


@contextlib.contextmanager
def start_worker() -> Generator[RefreshProcesses]:
    """Start what runs the refreshes; it ends when this does."""
    command = [sys.executable, "-m", "tests.factories.refresh_worker"]
    environment = {**os.environ, "IAPT_WARM_DBT": ""}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT_ROOT, env=environment
    ) as worker:
        yield RefreshProcesses(worker)
        assert worker.stdin is not None
        worker.stdin.close()


def find_faults_of_latest(home: Workspace) -> list[str]:
    """Return what is wrong with the newest release: files that are not those of its manifest, or no release."""
    manifest = read_manifest(home.latest)
    if manifest is None:
        return ["there is none"]
    listed = {name: record["sha256"] for name, record in manifest["files"].items()}
    folder = home.latest.resolve()
    found = {path.relative_to(folder).as_posix(): compute_sha256(path) for path in folder.rglob("*") if path.is_file()}
    del found["manifest.json"]
    return sorted(name for name in listed.keys() | found.keys() if listed.get(name) != found.get(name))


def list_differing_tables(release: Path, other: Path) -> list[str]:
    """Return the tables whose rows, in whatever order, are not the same in two releases."""
    names = {path.name for folder in (release, other) for path in folder.glob("*.parquet")}
    with duckdb.connect() as connection:
        return sorted(name for name in names if not _hold_same_rows(connection, release / name, other / name))


def _hold_same_rows(connection: duckdb.DuckDBPyConnection, file: Path, other: Path) -> bool:
    if not (file.is_file() and other.is_file()):
        return False
    first, second = (f"(from read_parquet({quote_literal(path)}))" for path in (file, other))
    if connection.execute(f"describe {first}").fetchall() != connection.execute(f"describe {second}").fetchall():
        return False
    both = f"(from {first} except all from {second}) union all (from {second} except all from {first})"
    return connection.execute(f"select count(*) from ({both})").fetchall() == [(0,)]
