"""A process that has imported all that a pull needs, and runs each pull that it is asked for in a fork of itself.

    python -m tests.factories.pull_worker ORIGIN

It reads requests from standard input, a JSON list each: a home, and before which move of a file into its place the fork
is killed. It answers with the exit status, negative where the fork was killed. What is pulled are two small
publications of one month and the next, from a server on this machine.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from iapt.pull.pulling import pull_publications
from iapt.pull.receiving import PullHome
from iapt.sources.https import PublisherSite
from iapt.sources.mirror import MirroredSite
from iapt.sources.site_requests import SiteAccess
from tests.factories.publisher_site import LIMITS, TRANSFER
from tests.factories.pull_home import PullingHome, make_publication

ROWS = [make_publication("2026-05"), make_publication("2026-04")]


def kill_before_move(number: int) -> None:
    """Let this process be killed before the nth file or folder is moved into its place."""
    move, moved = Path.replace, 0

    def move_or_die(path: Path, target: Any) -> Path:
        nonlocal moved
        moved += 1
        if moved == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return move(path, target)

    Path.replace = move_or_die  # type: ignore[method-assign]


def pull(root: Path, origin: str) -> dict[str, int]:
    """Pull both publications from a server; return the counts of outcomes."""
    home = PullingHome(root, ROWS)
    access = SiteAccess(
        hosts=frozenset({"files.digital.nhs.uk"}),
        transfer=TRANSFER,
        limits=LIMITS,
        contact="tests@example.org",
        local_servers=frozenset({origin}),
    )
    with PublisherSite(access) as site:
        pull_home = PullHome(home.workspace, home.archive, home.observations, home.catalogue)
        result = pull_publications(pull_home, ROWS, MirroredSite(site, origin), recheck=True)
    return {str(outcome): count for outcome, count in result.counts.items()}


def pull_in_fork(root: Path, origin: str, number: int) -> int:
    """Pull in a fork that is killed before the nth move; return its exit status."""
    process = os.fork()
    if process == 0:
        status = 1
        try:
            kill_before_move(number)
            pull(root, origin)
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


if __name__ == "__main__":
    for line in sys.stdin:
        folder, move = json.loads(line)
        print(pull_in_fork(Path(folder), sys.argv[1], move), flush=True)  # noqa: T201
