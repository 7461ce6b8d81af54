"""Pull the 79 listed files of today's shapes from a publisher on this machine that fails, and that is killed.

    python -m benchmarks.pull_publisher [--seed N] [--rate 0.2] [--kills 30]

1. One request of five fails in a way that a retry cures: is the pull complete, and how many bytes came over the wire
   for the bytes of the files?
2. A second pull: how long does it take, and does a body come?
3. One request of five fails in any way, also those that are never retried: how many pulls until all is archived?
4. The pull is killed by `kill -9` at random moments: is anything half archived or in use unseen, and does the next pull
   complete?
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.publications import Publications
from iapt.ingest.archive import DropArchive
from iapt.ingest.observation_store import ObservationStore
from iapt.pull.outcomes import PullResult
from iapt.pull.pulling import pull_publications
from iapt.pull.receiving import PullHome
from iapt.pull.reviews import list_unused_drops, read_reviews
from iapt.pull.selection import select_publications
from iapt.sources.https import PublisherSite
from iapt.sources.mirror import MirroredSite
from iapt.sources.site_requests import Clock, SiteAccess
from iapt.workspace import CATALOGUE, Workspace
from tests.factories.publisher_files import list_pulled_publications, make_publication_file
from tests.factories.publisher_server import CURED_BY_RETRY, NOT_RETRIED, Fault, FaultPlan, PublisherServer

#: Waits are shortened: what is measured is what is fetched, not how long a good guest waits.
_SHORTENED: Final = 0.01


def load_catalogue() -> Catalogue:
    """Return the project's catalogue with the 79 publications, of invented figures and asked without pauses."""
    catalogue = Catalogue(CATALOGUE)
    listed = list_pulled_publications(catalogue.publications)
    transfer = catalogue.publisher.transfer.model_copy(update={"pause_seconds": 0, "read_seconds": 10})
    publisher = catalogue.publisher.model_copy(update={"data_origin": "synthetic", "transfer": transfer})
    catalogue.publisher = publisher
    rows = [row.model_copy(update={"supersedes": None}) for row in listed]
    catalogue.publications = Publications(rows, publisher)
    return catalogue


def serve_files(server: PublisherServer, catalogue: Catalogue) -> int:
    """Put every file on the server; return their bytes."""
    total = 0
    for row in catalogue.publications.rows:
        content = make_publication_file(row)
        server.add_file(unquote(urlsplit(str(row.file)).path), content)
        total += len(content)
    return total


def open_home(root: Path, catalogue: Catalogue) -> PullHome:
    """Return the home of a folder."""
    workspace = Workspace(root)
    root.mkdir(parents=True, exist_ok=True)
    return PullHome(workspace, DropArchive(workspace.drops), ObservationStore(workspace.observations), catalogue)


def pull(root: Path, origin: str, *, recheck: bool = True) -> PullResult:
    """Pull everything from a server into a home."""
    catalogue = load_catalogue()
    access = SiteAccess.from_environment(catalogue.publisher, catalogue.limits, {"IAPT_CONTACT": "bench@example.org"})
    access = replace(access, local_servers=frozenset({origin}))
    clock = Clock(sleep=lambda seconds: time.sleep(seconds * _SHORTENED))
    selected = select_publications(catalogue.publications, catalogue.publisher)
    with PublisherSite(access, clock) as site:
        return pull_publications(open_home(root, catalogue), selected, MirroredSite(site, origin), recheck=recheck)


def check_archive(home: PullHome) -> list[str]:
    """Return what is wrong with an archive after a kill: half-archived drops, other bytes, drops in use unseen."""
    problems = []
    for folder in home.archive.folder.glob("[!.]*"):
        drop = home.archive.get(folder.name)
        if drop is None or hashlib.sha256(home.archive.path_to(drop).read_bytes()).hexdigest() != folder.name:
            problems.append(f"{folder.name} is not whole")
    unused = list_unused_drops(home.workspace, home.catalogue)
    for drop in home.archive:
        summary = home.observations.read_summary(drop.sha256, home.catalogue)
        if drop.sha256 not in unused and summary is None:
            problems.append(f"{drop.file} is in use and was not read")
    return problems


def kill_pulls(folder: Path, origin: str, kills: int, seed: int, seconds: float) -> tuple[int, list[str]]:
    """Start pulls and kill each at a random moment, then let one complete; return how many homes it took, and problems.

    A home that is complete before its pull is killed makes way for a new one. `seconds` is how long a whole pull takes.
    """
    moments = random.Random(seed)
    homes, killed = 1, 0
    problems: list[str] = []
    while killed < kills:
        root = folder / f"killed-{homes}"
        process = subprocess.Popen([sys.executable, "-m", "benchmarks.pull_publisher", "--worker", str(root), origin])
        # Python needs a second to start; the moments are within what a third of a whole pull takes.
        time.sleep(1 + moments.random() * seconds / 3)
        is_done = process.poll() is not None
        if not is_done:
            os.kill(process.pid, signal.SIGKILL)
            killed += 1
        process.wait()
        problems += check_archive(open_home(root, load_catalogue()))
        homes += is_done
    for number in range(1, homes + 1):
        root = folder / f"killed-{number}"
        result, home = pull(root, origin, recheck=False), open_home(root, load_catalogue())
        problems += check_archive(home)
        if (
            not result.is_complete
            or len(list(home.archive)) != len(result.pulled)
            or read_reviews(home.workspace).unused
        ):
            problems.append(f"home {number}: {result.describe_counts()}")
        problems += [f"{path} was left" for path in home.archive.folder.glob(".archiving-*")]
    return homes, problems


def write_line(text: str) -> None:
    """Write one line of the findings at once: the next part may take minutes."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    """Run the four parts and print what came of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=0.2)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--worker", nargs=2, metavar=("HOME", "ORIGIN"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        pull(Path(options.worker[0]), options.worker[1])
        return
    catalogue = load_catalogue()
    plan = FaultPlan(options.seed, options.rate, CURED_BY_RETRY)
    with tempfile.TemporaryDirectory() as folder, PublisherServer(plan) as server:
        size = serve_files(server, catalogue)
        root = Path(folder) / "retried"
        started = time.perf_counter()
        result = pull(root, server.origin)
        seconds = time.perf_counter() - started
        faults = sum(request.fault is not None for request in server.requests)
        sent = server.body_bytes_sent
        write_line(
            f"{len(result.pulled)} files of {size / 1e6:.1f} MB, {faults} of {len(server.requests)} requests failed"
        )
        write_line(f"  {result.describe_counts()}, in {seconds:.1f} s")
        write_line(f"  received {result.bytes_received / size:.3f} of their size; sent by the server {sent / size:.3f}")
        server.faults = None
        for recheck, what in ((False, "a second pull"), (True, "a second pull that asks of every file")):
            before, asked, started = server.body_bytes_sent, len(server.requests), time.perf_counter()
            result = pull(root, server.origin, recheck=recheck)
            write_line(
                f"{what}: {result.describe_counts()}, {time.perf_counter() - started:.2f} s, "
                f"{len(server.requests) - asked} requests, {server.body_bytes_sent - before:,} bytes of bodies"
            )
        server.faults = FaultPlan(options.seed, options.rate, CURED_BY_RETRY | NOT_RETRIED | {Fault.STALE_FILE})
        root, pulls = Path(folder) / "any", 0
        while pulls < 20:
            result, pulls = pull(root, server.origin, recheck=False), pulls + 1
            if result.is_complete:
                break
        write_line(f"any fault: all archived after {pulls} pulls: {result.describe_counts()}")
        server.faults = plan
        homes, problems = kill_pulls(Path(folder), server.origin, options.kills, options.seed, seconds)
        write_line(
            f"killed {options.kills} times in {homes} homes, "
            f"each completed by one more pull: {problems or 'no problems'}"
        )


if __name__ == "__main__":
    main()
