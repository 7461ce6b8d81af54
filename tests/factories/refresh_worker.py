"""A process that has imported all that a refresh needs, and runs each refresh that it is asked for in a fork of itself.

    python -m tests.factories.refresh_worker

It reads requests from standard input, a line of JSON each: `home`, `drops`, and `moment`, a pattern. At the first event
that the pattern matches the fork is killed, or the disk is full: then nothing is renamed any more. An empty pattern
matches none. It answers with the exit status of the fork, negative where that was killed. Events are `at <step>` as
progress is told, and `before <path>` and `after <path>` of whatever is renamed in the home.
"""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import orchestration.definitions  # noqa: F401  # what takes long, once for all forks
from iapt.workspace import Workspace
from orchestration.progress import ProgressReporter
from orchestration.refresh import refresh


def refresh_until(home: Path, drops: Path, moment: str, *, is_killed: bool) -> int:
    """Refresh a home, and be killed at a moment, or find the disk full from then on; return the exit status."""
    is_full = False

    def note(event: str) -> None:
        nonlocal is_full
        if not is_full and not (moment and re.search(moment, event)):
            return
        if is_killed:
            os.kill(os.getpid(), signal.SIGKILL)
        is_full = True
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for name in ("replace", "rename"):
        setattr(os, name, _make_noting_rename(getattr(os, name), home, note))
    progress = ProgressReporter(lambda step, *_: note(f"at {step}"))
    return refresh(Workspace(home), drops, progress=progress).exit_status


def _make_noting_rename(
    rename: Callable[[Path, Path], None], home: Path, note: Callable[[str], None]
) -> Callable[[Path, Path], None]:
    def note_and_rename(source: Path, target: Path) -> None:
        name = os.path.relpath(target, home)
        note(f"before {name}")
        rename(source, target)
        note(f"after {name}")

    return note_and_rename


def main() -> None:
    """Answer requests until there are no more."""
    for line in sys.stdin:
        request = json.loads(line)
        process = os.fork()
        if process == 0:
            status = 99
            try:
                os.environ |= request["environment"]
                with open(os.devnull, "w") as nowhere:  # noqa: PTH123
                    os.dup2(nowhere.fileno(), 1)
                status = refresh_until(
                    Path(request["home"]), Path(request["drops"]), request["moment"], is_killed=request["is_killed"]
                )
            finally:
                os._exit(status)
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
