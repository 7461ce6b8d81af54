"""Refreshes in processes that need not import anything first: forks of a worker, which can be stopped at a moment."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Generator
from pathlib import Path
from typing import Final

from iapt.workspace import PROJECT_ROOT, Workspace
from orchestration import warm_dbt
from tests.factories.project_copies import make_environment

#: In the environment of every process of the refreshes: by which they are found.
MARK: Final = "IAPT_KILLED_REFRESH"
#: The moment of a refresh at which its tables are staged, see `tests.factories.refresh_worker`.
_STAGED: Final = "^at checking and auditing"


class RefreshProcesses:
    """Runs refreshes, each in a process of its own, and knows what is left of them."""

    def __init__(self, worker: subprocess.Popen[str]) -> None:
        """Ask a worker, see `tests.factories.refresh_worker`."""
        self._worker = worker
        self._mark = uuid.uuid4().hex

    def refresh(
        self, home: Workspace, drops: Path, moment: str = "", *, profile: str = "", is_killed: bool = True
    ) -> tuple[int, str]:
        """Refresh a home, and kill that at a moment, or let the disk be full from then on.

        Return the exit status, negative where the process was killed, and what is said of a failure.
        """
        assert self._worker.stdin is not None
        assert self._worker.stdout is not None
        request = {
            "home": str(home.root),
            "drops": str(drops),
            "profile": profile,
            "moment": moment,
            "is_killed": is_killed,
            "environment": {MARK: self._mark},
        }
        self._worker.stdin.write(json.dumps(request) + "\n")
        self._worker.stdin.flush()
        answer = json.loads(self._worker.stdout.readline())
        return answer["status"], answer["said"]

    def build_until_staged(self, archive: Path, home: Workspace, drops: Path, *, profile: str = "") -> None:
        """Build a new home from the drops of an archive until its tables are staged.

        What follows, the gate and the release, changes no table.
        """
        shutil.copytree(archive, home.drops)
        status, said = self.refresh(home, drops, _STAGED, profile=profile)
        assert status == -signal.SIGKILL, (status, said)

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
def start_worker(checkout: Path = PROJECT_ROOT, *, shares_dbt: bool = False) -> Generator[RefreshProcesses]:
    """Start what runs the refreshes of a checkout; it ends when this does.

    Each refresh prepares dbt for itself, as the command does, unless they share what was prepared once.
    """
    command = [sys.executable, "-m", "tests.factories.refresh_worker", *(["--shares-dbt"] if shares_dbt else [])]
    environment = make_environment(checkout) | {warm_dbt.SOCKET_VARIABLE: ""}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=checkout, env=environment
    ) as worker:
        yield RefreshProcesses(worker)
        assert worker.stdin is not None
        worker.stdin.close()
