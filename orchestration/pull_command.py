"""`iapt pull`, `accept` and `reject`: what they do, and how it is told. Their options are in `publisher_commands`."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Literal

from rich.console import Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.publications import Publication
from iapt.ingest.home_origin import OtherOriginError
from iapt.ingest.listed_publications import FoundPublicationsError, load_publications
from iapt.ingest.observation_store import ObservationStore
from iapt.ingest.remote_archive import open_archive
from iapt.machine_errors import MachineError, translate_machine_errors
from iapt.pull.by_hand import describe_by_hand
from iapt.pull.outcomes import OUTCOMES, PulledPublication, PullResult
from iapt.pull.pulling import PullProgress, plan_pull, pull_publications
from iapt.pull.receiving import PullHome
from iapt.pull.reviews import ReviewError, decide_review
from iapt.pull.selection import SelectionError, select_publications
from iapt.run_warnings import make_printable
from iapt.sources.remote_files import Source, SourceError
from iapt.workspace import CATALOGUE, Workspace
from iapt.workspace_lock import WorkspaceLockedError, lock_workspace
from iapt.workspace_state import DamagedStateError
from orchestration.console import describe_os_error, err, explain_archive_errors, fail, open_terminal, out
from orchestration.publisher_site import open_source


def pull_into_workspace(
    workspace: Workspace,
    *,
    series: Sequence[str],
    since: str,
    dry_run: bool,
    recheck: bool,
    mirror: str,
    copy: str,
    wait_seconds: float,
) -> int:
    """Pull what is listed and not archived, print what came of it, and return the exit status."""
    catalogue = Catalogue(CATALOGUE)
    try:
        publications, _ = load_publications(workspace, catalogue)
        selected = select_publications(publications, catalogue.publisher, series=series, since=since)
    except (SelectionError, FoundPublicationsError) as error:
        raise fail(str(error), 2) from error
    with explain_archive_errors():
        archive = open_archive(workspace)
        pull_home = PullHome(workspace, archive, ObservationStore(workspace.observations), catalogue)
        if dry_run:
            try:
                _print_plan(plan_pull(pull_home, selected))
            except OtherOriginError as error:
                raise fail(str(error)) from error
            return 0
    sources = open_source(catalogue, mirror, copy)
    result = _pull(pull_home, selected, sources, recheck=recheck, wait_seconds=wait_seconds)
    _print_pull(pull_home, result)
    return _find_exit_status(result)


def decide(workspace: Workspace, digits: str, decision: Literal["accepted", "rejected"], note: str) -> None:
    """Write down what a person decided of a held drop, named by the first digits of its sha256, and print it."""
    try:
        with lock_workspace(workspace):
            sha256, review = decide_review(workspace, digits, decision, note, datetime.now(UTC))
    except ReviewError as error:
        raise fail(str(error), 2) from error
    except (WorkspaceLockedError, DamagedStateError) as error:
        raise fail(str(error)) from error
    following = "`iapt refresh` releases it." if decision == "accepted" else "No release is built from it."
    drop = f"{review.file} ({review.publication}, sha256 {sha256[:12]})"
    out.print(f"{decision.capitalize()} {drop}. {following}", markup=False)


def _pull(
    home: PullHome,
    selected: list[Publication],
    sources: AbstractContextManager[Source],
    *,
    recheck: bool,
    wait_seconds: float,
) -> PullResult:
    workspace = home.workspace
    try:
        workspace.refuse_unusable_path()
        with (
            translate_machine_errors(workspace),
            lock_workspace(workspace, wait_seconds, lambda message: err.print(message, markup=False)),
            sources as source,
            _show_progress(len(selected)) as progress,
        ):
            return pull_publications(home, selected, source, recheck=recheck, progress=progress)
    except (WorkspaceLockedError, OtherOriginError, SourceError) as error:
        raise fail(str(error)) from error
    except MachineError as error:
        raise fail(f"The pull did not come to its end; what arrived before is archived. {error}") from error
    except OSError as error:
        raise fail(f"The pull did not come to its end: {describe_os_error(error)}") from error


@contextlib.contextmanager
def _show_progress(files: int) -> Generator[PullProgress]:
    """Yield progress drawn on the terminal: the files, and the bytes of the one on its way with their rate."""
    with open_terminal() as terminal:
        counted = Progress(
            TextColumn("files"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=terminal
        )
        bytes_of_file = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            console=terminal,
        )
        all_files, one_file = counted.add_task("", total=files), bytes_of_file.add_task("", total=None)

        def report_file(publication: Publication, done: int, total: int | None) -> None:
            name = make_printable(publication.file_name)
            bytes_of_file.update(one_file, description=name, completed=done, total=total)

        def report_outcome(pulled: PulledPublication, done: int, total: int) -> None:
            counted.update(all_files, completed=done, total=total)
            bytes_of_file.reset(one_file)

        if not terminal.is_terminal:
            yield PullProgress()
            return
        drawn = Group(counted, bytes_of_file)
        with Live(drawn, console=terminal, transient=True, redirect_stdout=False, redirect_stderr=False):
            yield PullProgress(report_file, report_outcome)


def _print_plan(plan: PullResult) -> None:
    for pulled in plan.select("planned"):
        out.print(f"{pulled.publication.id}  {pulled.detail}", markup=False)
    out.print(f"{plan.describe_counts()}. Nothing was asked for.")


def _print_pull(home: PullHome, result: PullResult) -> None:
    """Print what came of each publication that is not as it was, what a person has to do, and the counts."""
    for pulled in result.select("created", "changed", "same_figures", "withdrawn", "failed"):
        detail = f": {pulled.detail}" if pulled.detail else ""
        named = f"{pulled.publication.id} {pulled.publication.file_name}"
        out.print(f"{OUTCOMES[pulled.outcome]} {named}{detail}", markup=False)
    for pulled in result.select("unchanged"):
        if pulled.detail:
            out.print(f"{pulled.publication.id} {pulled.publication.file_name}: {pulled.detail}", markup=False)
    for pulled in result.select("held"):
        out.print(
            f"held {pulled.publication.id} {pulled.publication.file_name}, in no release: {pulled.detail}\n"
            f"  iapt accept {pulled.sha256[:12]}   or   iapt reject {pulled.sha256[:12]}",
            markup=False,
        )
    if by_hand := [pulled.publication for pulled in result.select("by_hand")]:
        err.print(describe_by_hand(by_hand, home.catalogue.publisher, home.workspace.inbox), markup=False)
    received = f"{result.bytes_received / 1e6:,.1f} MB received"
    out.print(f"{len(result.pulled):,} files: {result.describe_counts()}; {received}.", markup=False)


def _find_exit_status(result: PullResult) -> int:
    if result.is_complete:
        return 0
    return 3 if result.select("created", "changed", "same_figures", "unchanged", "held", "withdrawn") else 1
