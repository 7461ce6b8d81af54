"""A pull that is killed leaves nothing half archived and nothing in use unseen, and the next one completes."""

import contextlib
import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.factories.drops import make_monthly_csv, make_row
from tests.factories.publisher_server import CURED_BY_RETRY, FaultPlan, PublisherServer
from tests.factories.pull_home import PullingHome
from tests.factories.pull_worker import ROWS, pull

pytestmark = pytest.mark.integration

CONTENTS = [make_monthly_csv(make_row("35", start="01/05/2026", end="31/05/2026")), make_monthly_csv(make_row("25"))]


def serve(server: PublisherServer) -> None:
    for row, content in zip(ROWS, CONTENTS, strict=True):
        server.add_file(unquote(urlsplit(str(row.file)).path), content)


def find_problems(home: PullingHome) -> list[str]:
    """Return what is wrong with an archive: drops that are not whole, and drops in use that were not compared."""
    problems = []
    for folder in home.archive.folder.glob("[!.]*"):
        drop = home.archive.get(folder.name)
        if drop is None or hashlib.sha256(home.archive.path_to(drop).read_bytes()).hexdigest() != folder.name:
            problems.append(f"{folder.name} is not whole")
    for drop in home.list_drops_in_use():
        summary = home.observations.read_summary(drop.sha256, home.catalogue)
        if summary is None or summary.cells != summary.observations + summary.quarantined:
            problems.append(f"{drop.file} is in use and was not read")
    return problems


@contextlib.contextmanager
def start_worker(origin: str) -> Generator[Callable[[Path, int], int]]:
    """What pulls into a home and is killed before a move, and returns the exit status."""
    command = [sys.executable, "-m", "tests.factories.pull_worker", origin]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        requests, answers = worker.stdin, worker.stdout

        def pull_until_killed(root: Path, number: int) -> int:
            requests.write(json.dumps([str(root), number]) + "\n")
            requests.flush()
            return int(answers.readline())

        yield pull_until_killed
        requests.close()


def test_a_pull_that_is_killed_before_any_file_is_moved_into_place_is_completed_by_the_next(tmp_path: Path) -> None:
    with PublisherServer() as server, start_worker(server.origin) as pull_until_killed:
        serve(server)
        number, ended = 0, -signal.SIGKILL
        while ended == -signal.SIGKILL:
            number += 1
            root = tmp_path / str(number)
            root.mkdir()
            ended = pull_until_killed(root, number)
            home = PullingHome(root, ROWS)
            assert find_problems(home) == [], f"killed before move {number}"
            pull(root, server.origin)
            assert find_problems(home) == [], f"killed before move {number}, then pulled again"
            assert len(home.list_drops_in_use()) == len(ROWS), f"killed before move {number}"
            assert not home.read_reviews().unused
            left = [path.name for path in (*home.workspace.incoming.iterdir(), *home.archive.folder.glob(".*"))]
            assert left == [], f"killed before move {number}"
        assert ended == 0
        assert number > 2 * 6, "each publication is received, held, remembered, archived, read and let go"


@pytest.mark.parametrize("seed", range(3))
def test_every_file_arrives_from_a_server_that_fails_every_second_time(tmp_path: Path, seed: int) -> None:
    with PublisherServer(FaultPlan(seed, 0.5, CURED_BY_RETRY)) as server:
        serve(server)
        assert pull(tmp_path, server.origin) == {"created": 2}
        assert find_problems(PullingHome(tmp_path, ROWS)) == []
