"""A process that has imported all that a refresh needs, and runs each refresh that it is asked for in a fork of itself.

    python -m tests.factories.refresh_worker [--shares-dbt]

With the option dbt is prepared once for all refreshes, else by each. It reads requests from standard input, a line of
JSON each: `home`, `drops`, `profile`, and `moment`, a pattern. At the first event
that the pattern matches the fork is killed, or the disk is full: then nothing is renamed any more. An empty pattern
matches none. It answers, in JSON again, with the exit status of the fork, negative where that was killed, and with what
it said of its failure. Events are `at <step>` as progress is told, and `before <path>` and `after <path>` of whatever
is renamed in the home.
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
from typing import Any, Final

from iapt.machine_errors import MachineError
from iapt.workspace import PROJECT_ROOT, Workspace
from orchestration import warm_dbt
from orchestration.dbt_command import MODULE
from orchestration.progress import ProgressReporter
from orchestration.refresh import refresh

SHARES_DBT: Final = "--shares-dbt"
#: The exit status where an error came out of the refresh that no command would tell as a sentence.
UNEXPECTED: Final = 99


def refresh_until(home: Path, drops: Path, profile: str, moment: str, *, is_killed: bool) -> tuple[int, str]:
    """Refresh a home, and be killed at a moment, or find the disk full from then on.

    Return the exit status of the command, and why nothing was released.
    """
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
    try:
        record = refresh(Workspace(home), drops, profile=profile, progress=progress)
    except MachineError as error:
        return 1, str(error)
    return record.exit_status, record.failure or ""


def _make_noting_rename(
    rename: Callable[[Path, Path], None], home: Path, note: Callable[[str], None]
) -> Callable[[Path, Path], None]:
    def note_and_rename(source: Path, target: Path) -> None:
        name = os.path.relpath(target, home)
        note(f"before {name}")
        rename(source, target)
        note(f"after {name}")

    return note_and_rename


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Run the refresh of a request in a fork; return its exit status, and why it failed if it was not killed."""
    receiver, sender = os.pipe()
    process = os.fork()
    if process == 0:
        status = UNEXPECTED
        try:
            os.environ |= request["environment"]
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            home, drops = Path(request["home"]), Path(request["drops"])
            status, said = refresh_until(
                home, drops, request["profile"], request["moment"], is_killed=request["is_killed"]
            )
            os.write(sender, said.encode())
        finally:
            os._exit(status)
    os.close(sender)
    with open(receiver, encoding="utf-8") as stream:  # noqa: PTH123
        said = stream.read()
    return {"status": os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), "said": said}


def main(*, shares_dbt: bool) -> None:
    """Answer requests until there are no more."""
    if shares_dbt:
        warm_dbt.start(MODULE, PROJECT_ROOT)
    import orchestration.definitions  # what takes long, once for all forks; dbt is prepared meanwhile
    import orchestration.event_log  # noqa: F401
    from expectations.engine import warm_up

    warm_up()
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(shares_dbt=SHARES_DBT in sys.argv)
