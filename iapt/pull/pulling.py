"""Pulling: each listed publication that the archive lacks is asked for, from the inbox or the publisher, in turn."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from iapt.catalogue.publications import Publication
from iapt.files import compute_sha256
from iapt.ingest.home_origin import OtherOriginError, find_home_origin
from iapt.ingest.reading import open_reading_connection
from iapt.pull.by_hand import check_by_hand, find_by_hand
from iapt.pull.outcomes import Outcome, PulledPublication, PullResult
from iapt.pull.receiving import PullHome, Receiver, read_pulled_files, try_publication
from iapt.sources.remote_files import (
    FetchedFile,
    RefusedError,
    Source,
    SourceError,
    UnavailableError,
    Validators,
)
from iapt.workspace import Workspace
from iapt.workspace_state import PulledFile

#: After so many refusals, or answers that did not come, in a row the server is left alone for this run.
FAILURES_IN_A_ROW: Final = 3

#: Of the name of the folder in which a file arrives; other folders beside these are not of a pull.
_ARRIVAL_DIGITS: Final = 16

ReportFile = Callable[[Publication, int, int | None], None]
"""Called with the publication on its way, its bytes so far and how many there are, where that is known."""
ReportOutcome = Callable[[PulledPublication, int, int], None]
"""Called with what came of a publication, how many are done and how many there are."""


@dataclass(frozen=True)
class PullProgress:
    """What is told while pulling; by default nobody listens."""

    report_file: ReportFile = lambda publication, done, total: None
    report_outcome: ReportOutcome = lambda pulled, done, total: None


def plan_pull(home: PullHome, selected: Sequence[Publication]) -> PullResult:
    """Say of each publication whether it would be fetched or is archived. Nothing is asked, nothing changes.

    Raises OtherOriginError where a pull would.
    """
    _reject_other_home(home)
    known = read_pulled_files(home.workspace).files
    archived = {drop.sha256 for drop in home.archive} | {entry.sha256 for entry in home.catalogue.withdrawn}
    return PullResult(
        [
            PulledPublication(
                publication,
                "unchanged" if _is_archived(publication, known, archived) else "planned",
                publication.file or "",
            )
            for publication in selected
        ]
    )


def pull_publications(
    home: PullHome,
    selected: Sequence[Publication],
    source: Source,
    *,
    recheck: bool = False,
    get_now: Callable[[], datetime] = lambda: datetime.now(UTC),
    progress: PullProgress | None = None,
) -> PullResult:
    """Get each publication that the archive lacks, and ask whether the others are still what they were.

    A file that is archived is asked for again when it was last asked for longer ago than `recheck_hours` of
    catalogue/publisher.yml, or where `recheck` says so. One publication that fails never stops the others; a server
    that refuses or does not answer several times in a row is left alone. The caller holds the lock of the workspace.
    Raises OtherOriginError where the home holds figures of another origin, and is asked for none.
    """
    _reject_other_home(home)
    home.archive.remove_unfinished()
    home.observations.remove_unfinished()
    _remove_arrivals(home.workspace)
    progress = progress or PullProgress()
    result = PullResult()
    with open_reading_connection(home.observations) as connection:
        receiver = Receiver(home, connection, get_now)
        receiver.assess_unreviewed(selected)
        run = _Pull(receiver, source, progress, recheck=recheck)
        for done, publication in enumerate(selected, start=1):
            pulled = run.pull(publication)
            result.pulled.append(pulled)
            progress.report_outcome(pulled, done, len(selected))
    return result


def _remove_arrivals(workspace: Workspace) -> None:
    """Remove what a run that was killed left among the arrivals, but for bodies that a fetch goes on with."""
    for folder in workspace.incoming.glob(f"{'[0-9a-f]' * _ARRIVAL_DIGITS}/"):
        if not any(folder.glob("*.part")):
            shutil.rmtree(folder)


def _reject_other_home(home: PullHome) -> None:
    origin = home.catalogue.publisher.data_origin
    if home.workspace.is_restricted:
        raise OtherOriginError(f"{home.workspace.root} is for unrounded counts: nothing is pulled into it")
    home_origin = find_home_origin(home.workspace, home.archive)
    if home_origin not in (None, origin):
        raise OtherOriginError(
            f"{home.workspace.root} holds {home_origin} figures, and the publisher's are {origin}; they never share a "
            "home: nothing was asked for. Name another home: --home, or IAPT_HOME for make"
        )


class _Pull:
    """One pull: what is asked of the server, and how it has answered so far."""

    def __init__(self, receiver: Receiver, source: Source, progress: PullProgress, *, recheck: bool) -> None:
        self.receiver, self.home, self.get_now = receiver, receiver.home, receiver.get_now
        self.source, self.progress, self.recheck = source, progress, recheck
        self.failures_in_a_row: dict[type[SourceError], int] = {RefusedError: 0, UnavailableError: 0}

    def pull(self, publication: Publication) -> PulledPublication:
        """Get one publication and say what came of it."""
        known = self.receiver.find_known(publication)
        pulled = try_publication(publication, lambda: self._pull(publication, known))
        folder = self._find_incoming(publication)
        if not any(folder.glob("*.part")):  # a body that was cut is resumed
            shutil.rmtree(folder, ignore_errors=True)
        return pulled

    def _describe_not_fetched(
        self, publication: Publication, known: PulledFile | None, error: SourceError
    ) -> PulledPublication:
        """Return that a file could not be had, or that it could not be asked whether an archived one has changed."""
        for kind in self.failures_in_a_row:
            self.failures_in_a_row[kind] = self.failures_in_a_row[kind] + 1 if isinstance(error, kind) else 0
        if known is None:
            return PulledPublication(
                publication, "by_hand" if isinstance(error, RefusedError) else "failed", str(error)
            )
        described = self.receiver.describe_known(publication, known)
        not_asked = f"whether it has changed could not be asked: {error}"
        return replace(described, detail="; ".join(filter(None, (described.detail, not_asked))))

    def _pull(self, publication: Publication, known: PulledFile | None) -> PulledPublication:
        assert publication.file is not None
        if known is not None and (assessed := self.receiver.assess_again(publication, known)) is not None:
            return assessed
        if (received := self._receive_by_hand(publication)) is not None:
            return received
        if known is not None and not self._is_to_be_asked(known):
            return self.receiver.describe_known(publication, known)
        if (refused := self._find_server_left_alone()) is not None:
            return PulledPublication(publication, refused, "the server was left alone after it failed several times")
        target = self._make_target(publication)
        validators = Validators(known.etag, known.last_modified) if known is not None else None
        try:
            fetched = self.source.fetch(
                publication.file,
                target,
                validators,
                lambda done, total: self.progress.report_file(publication, done, total),
            )
        except SourceError as error:
            return self._describe_not_fetched(publication, known, error)
        self.failures_in_a_row = dict.fromkeys(self.failures_in_a_row, 0)
        if known is not None and not fetched.is_modified:
            self.receiver.remember(publication, replace(fetched, bytes=known.bytes), known.sha256, "unchanged")
            return replace(self.receiver.describe_known(publication, known), bytes_received=fetched.bytes_received)
        return self._receive_arrived(publication, target, fetched)

    def _make_target(self, publication: Publication) -> Path:
        """Return where the file of a publication arrives: in a folder of its own, under its own name."""
        folder = self._find_incoming(publication)
        folder.mkdir(parents=True, exist_ok=True)
        return folder / publication.file_name

    def _find_incoming(self, publication: Publication) -> Path:
        """Return the folder of the file of a publication while it is on its way."""
        name = hashlib.sha256((publication.file or "").encode()).hexdigest()[:_ARRIVAL_DIGITS]
        return self.home.workspace.incoming / name

    def _receive_arrived(self, publication: Publication, target: Path, fetched: FetchedFile) -> PulledPublication:
        """Receive what lies whole in the folder of arrivals, and take it out of there whatever it is."""
        try:
            return self.receiver.receive(publication, target, compute_sha256(target), fetched)
        finally:
            shutil.rmtree(target.parent)

    def _receive_by_hand(self, publication: Publication) -> PulledPublication | None:
        """Receive the file of a publication that a person got; None where there is none, or it was received before.

        Raises DropRejectedError where it cannot be read, is too large, or is a web page: it is not archived.
        """
        by_hand = find_by_hand(self.home.workspace.inbox, publication)
        if publication.file is None or by_hand is None:
            return None
        check_by_hand(by_hand, publication, self.home.catalogue.limits)
        sha256 = compute_sha256(by_hand)
        existing = self.receiver.drops.by_sha256.get(sha256)
        if sha256 in self.receiver.withdrawn or (existing is not None and existing.publication):
            return None
        target = self._make_target(publication)
        shutil.copyfile(by_hand, target)  # under the publisher's name, which says more than what a browser made of it
        fetched = FetchedFile(publication.file, is_modified=True, bytes=target.stat().st_size, bytes_received=0)
        return self._receive_arrived(publication, target, fetched)

    def _is_to_be_asked(self, known: PulledFile) -> bool:
        age = self.get_now() - datetime.fromisoformat(known.checked_at)
        return self.recheck or age >= timedelta(hours=self.home.catalogue.publisher.transfer.recheck_hours)

    def _find_server_left_alone(self) -> Outcome | None:
        for kind, failures in self.failures_in_a_row.items():
            if failures >= FAILURES_IN_A_ROW:
                return "by_hand" if kind is RefusedError else "not_asked"
        return None


def _is_archived(publication: Publication, known: dict[str, PulledFile], archived: Collection[str]) -> bool:
    file = known.get(publication.file or "")
    return file is not None and file.sha256 in archived
