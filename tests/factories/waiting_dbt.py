"""In the place of dbt: a run that waits and never ends by itself, for tests of what ends it.

    python -m tests.factories.waiting_dbt refresh FOLDER

is in the place of a refresh. Each of its processes leaves a file in the folder: `<what it is>-<its id>`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from orchestration import warm_dbt

MODULE: Final = "tests.factories.waiting_dbt"
#: In the environment: where the processes leave their files.
FOLDER_VARIABLE: Final = "WAITING_DBT"
ALONE: Final = "alone"  # no process is prepared, as in Dagster's UI


def leave_id(role: str) -> None:
    """Say that a process is there, and which one it is."""
    Path(os.environ[FOLDER_VARIABLE], f"{role}-{os.getpid()}").touch()


def run(_: list[str]) -> int:
    """Wait for a signal."""
    leave_id("run")
    signal.pause()
    return 0


def main(arguments: list[str]) -> None:
    """Be the refresh, the prepared process, or the process that asks for a run."""
    match arguments:
        case [warm_dbt.SERVE_AT, address]:
            warm_dbt.serve(Path(address), lambda: leave_id("prepared"), run)
        case ["refresh", *settings]:
            folder = os.environ[FOLDER_VARIABLE]
            os.environ[warm_dbt.SOCKET_VARIABLE] = ""
            if ALONE not in settings:
                warm_dbt.start(MODULE, Path(folder))
            os.environ[warm_dbt.CALLER_VARIABLE] = str(os.getpid())
            subprocess.run([sys.executable, "-m", MODULE, "ask"], check=False)
        case _:
            leave_id("asking")
            warm_dbt.end_with_caller()
            if warm_dbt.run_in_fork(arguments) is None:
                run(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
