"""What becomes of the bytes of a publication: archived, read, compared with what was there, and held or let go.

A drop is held from before it is archived until it has been compared, so that a run that is killed in between leaves
nothing that a refresh would use. What arrived is archived whatever it is, except withdrawn bytes: nothing is lost.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import duckdb

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.publications import Publication
from iapt.ingest.archive import ArchivedDrop, ArchiveStamp, DropArchive
from iapt.ingest.observation_store import DropSummary, ObservationStore
from iapt.ingest.reading import read_drop
from iapt.machine_errors import describe_machine_error
from iapt.pull.assessment import (
    RULES_OF_THE_LIST,
    ReadDrop,
    assess_drop,
    describe_shrinkage,
    find_contradictions,
)
from iapt.pull.outcomes import Outcome, PulledPublication
from iapt.pull.reviews import (
    PENDING,
    assign_review,
    close_earlier_holds,
    hold_drop,
    hold_drops,
    is_pending,
    read_reviews,
    release_hold,
)
from iapt.rejection import DropRejectedError
from iapt.run_warnings import make_printable
from iapt.sources.folder import OfferedFile
from iapt.sources.remote_files import FetchedFile, SourceError
from iapt.workspace import Workspace
from iapt.workspace_state import PulledFile, PulledFiles, Review


@dataclass(frozen=True)
class PullHome:
    """The home that is pulled into: its folders, archive and observations, and the catalogue that it is read under."""

    workspace: Workspace
    archive: DropArchive
    observations: ObservationStore
    catalogue: Catalogue


@dataclass
class _Drops:
    """The archived drops as they are known during a pull."""

    by_sha256: dict[str, ArchivedDrop]
    batch: int
    arrived: int = 0
    summaries: dict[str, DropSummary] = field(default_factory=dict)


class Receiver:
    """Receives the bytes of publications into a home, and says what came of them, for as long as a pull lasts."""

    def __init__(self, home: PullHome, connection: duckdb.DuckDBPyConnection, get_now: Callable[[], datetime]) -> None:
        """Take the home, where its drops are read, and the clock."""
        self.home, self.connection, self.get_now = home, connection, get_now
        archived = {drop.sha256: drop for drop in home.archive}
        self.drops = _Drops(archived, home.archive.next_sequence())
        self.withdrawn = {entry.sha256: entry for entry in home.catalogue.withdrawn}

    def assess_unreviewed(self, selected: Sequence[Publication]) -> None:
        """Assess what was pulled into the archive before, in its order, where the home knows of no holds at all.

        A home that is made again, or another one of the same archive, would else use what was held or rejected. What a
        run that was killed meanwhile has not assessed is assessed by the next.
        """
        workspace = self.home.workspace
        listed = {row.id: row for row in (*self.home.catalogue.publications.rows, *selected) if row.file is not None}
        pulled = [drop for drop in self.drops.by_sha256.values() if drop.publication in listed]
        at_addresses: set[str] = set()
        if workspace.reviews.is_file():
            at_addresses = {file.sha256 for file in read_pulled_files(workspace).files.values()}
        else:
            hold_drops(workspace, pulled, [PENDING], self.get_now())
        reviews = read_reviews(workspace).reviews
        for drop in pulled:
            if is_pending(reviews.get(drop.sha256)) and drop.sha256 not in at_addresses:
                publication = listed[drop.publication]
                known = PulledPublication(publication, "unchanged", sha256=drop.sha256, bytes=drop.bytes)
                try_publication(publication, functools.partial(self._assess, known, drop))

    def receive(self, publication: Publication, path: Path, sha256: str, fetched: FetchedFile) -> PulledPublication:
        """Archive, read and compare the bytes that arrived. They are held until that is done."""
        pulled = PulledPublication(
            publication,
            "unchanged",
            sha256=sha256,
            bytes=path.stat().st_size,
            bytes_received=fetched.bytes_received,
            http_status=fetched.http_status,
        )
        if (entry := self.withdrawn.get(sha256)) is not None:
            self.remember(publication, fetched, sha256, "withdrawn")
            return replace(pulled, outcome="withdrawn", detail=entry.reason)
        existing = self.drops.by_sha256.get(sha256)
        if existing is not None and self._is_used_as_another(existing, publication):
            self.remember(publication, fetched, sha256, "failed")
            raise _make_other_use(existing, publication)
        earlier = self.find_known(publication)
        if existing is not None and _is_issue(existing, publication):
            self.remember(publication, fetched, sha256, "unchanged")
            if int(existing.publication.rsplit("/", 1)[1]) >= publication.revision:
                return self._describe_received(pulled, earlier)
        if existing is None:
            self._hold_until_assessed(publication, sha256)
            self.remember(publication, fetched, sha256, "held")
            return self._assess(pulled, self._archive(publication, path))
        if not self._keep_decision(publication, sha256):
            self._hold_until_assessed(publication, sha256)
        self.remember(publication, fetched, sha256, "held")
        # Bytes of a folder, or of an earlier revision: known from now on as what the publisher has here.
        drop = self._rename(publication, path, existing, self._make_stamp())
        return self._assess_renamed(pulled, drop, "its bytes were archived before, from elsewhere")

    def _hold_until_assessed(self, publication: Publication, sha256: str) -> None:
        hold_drop(self.home.workspace, sha256, publication.id, publication.file_name, [PENDING], self.get_now())

    def _keep_decision(self, publication: Publication, sha256: str) -> bool:
        """Keep what a person decided of bytes that are an issue of the same publication; return whether they did."""
        review = read_reviews(self.home.workspace).reviews.get(sha256)
        if (
            review is None
            or review.state == "held"
            or review.publication.rpartition("/")[0] != "/".join(publication.key)
        ):
            return False
        assign_review(self.home.workspace, sha256, publication.id)
        return True

    def _assess_renamed(self, pulled: PulledPublication, drop: ArchivedDrop, detail: str) -> PulledPublication:
        """Assess a drop that is known as another publication from now on, unless a person has decided of it."""
        if is_pending(read_reviews(self.home.workspace).reviews.get(drop.sha256)):
            return self._assess(pulled, drop, detail)
        return self._describe_received(pulled)

    def _is_used_as_another(self, existing: ArchivedDrop, publication: Publication) -> bool:
        """Whether archived bytes are in use as what another publication published."""
        is_used = existing.sha256 not in read_reviews(self.home.workspace).unused
        return is_used and existing.publication != "" and not _is_issue(existing, publication)

    def _describe_received(self, pulled: PulledPublication, earlier: PulledFile | None = None) -> PulledPublication:
        """Return what came of bytes that were archived before as the same publication.

        `earlier` is what was known of the address until now.
        """
        reviews = read_reviews(self.home.workspace)
        review, drop = reviews.reviews.get(pulled.sha256), self.drops.by_sha256[pulled.sha256]
        if self._is_to_be_assessed(pulled.publication, drop, review):
            return self._assess(pulled, drop)
        if review is not None and review.state != "accepted":
            return replace(pulled, outcome="held", detail=_describe_review(review))
        if earlier is None or earlier.sha256 in reviews.unused | self.withdrawn.keys():
            return pulled
        later = self.drops.by_sha256[earlier.sha256]
        if later.sequence <= drop.sequence:
            return pulled
        detail = (
            f"its address has the bytes of an earlier file again. Releases go on with the later one, sha256 "
            f"{later.sha256}: list it in catalogue/withdrawn.yml if the publisher took it back"
        )
        return replace(pulled, detail=detail)

    def _make_stamp(self) -> ArchiveStamp:
        sequence = self.drops.batch + self.drops.arrived
        return ArchiveStamp(sequence, self.drops.batch, self.get_now().isoformat(timespec="seconds"))

    def _describe_offered(self, publication: Publication, path: Path) -> OfferedFile:
        return OfferedFile(
            path=path,
            relative_path=publication.file_name,
            origin=self.home.catalogue.publisher.data_origin,
            source=publication.file or "",
            publication=publication.id,
            address=publication.file or "",
            status=publication.status,
            revision=publication.revision,
        )

    def _archive(self, publication: Publication, path: Path) -> ArchivedDrop:
        catalogue = self.home.catalogue
        drop, _ = self.home.archive.archive(
            self._describe_offered(publication, path),
            self._make_stamp(),
            precedence=catalogue.precedence,
            limits=catalogue.limits,
            withdrawn=catalogue.withdrawn,
        )
        self.drops.by_sha256[drop.sha256] = drop
        self.drops.arrived += 1
        return drop

    def _rename(
        self, publication: Publication, path: Path, existing: ArchivedDrop, stamp: ArchiveStamp
    ) -> ArchivedDrop:
        """Let archived bytes be known as a publication from now on, under the name of `path`."""
        found = self._describe_offered(publication, path)
        drop = self.home.archive.rename(existing, found, stamp, precedence=self.home.catalogue.precedence)
        if drop.file != existing.file:
            self.home.observations.delete(drop.sha256)
        self.drops.by_sha256[drop.sha256] = drop
        self.drops.arrived += 1
        return drop

    def _assess(self, pulled: PulledPublication, drop: ArchivedDrop, known_detail: str = "") -> PulledPublication:
        """Read and compare an archived drop, and hold it for good or not at all.

        `known_detail` is what to say of one that was archived before, where nothing is found against it.
        """
        home, publication = self.home, pulled.publication
        arrived = (drop, self._read(drop))
        assessment = assess_drop(
            self.connection, arrived, publication, self._list_in_use(), home.observations, home.catalogue
        )
        comparison = assessment.comparison
        if assessment.reasons:
            review = hold_drop(
                home.workspace, drop.sha256, publication.id, drop.file, assessment.reasons, self.get_now()
            )
            return replace(pulled, outcome="held", detail=_describe_review(review), comparison=comparison)
        release_hold(home.workspace, drop.sha256)
        close_earlier_holds(home.workspace, publication.id, drop.sha256, self.get_now())
        if known_detail:
            return replace(pulled, outcome="unchanged", detail=known_detail)
        if comparison is None:
            rules = home.catalogue.holds
            detail = describe_shrinkage(arrived[1], publication, self._list_in_use(), rules)
            return replace(pulled, outcome="created", detail=detail)
        outcome: Outcome = "same_figures" if comparison.is_same else "changed"
        return replace(pulled, outcome=outcome, detail=comparison.describe(), comparison=comparison)

    def _read(self, drop: ArchivedDrop) -> DropSummary:
        home = self.home
        summary = home.observations.read_summary(drop.sha256, home.catalogue)
        if summary is None:
            path = home.archive.path_to(drop)
            with self.connection.cursor() as cursor:
                summary = read_drop(cursor, drop, path, home.catalogue, home.observations)
        self.drops.summaries[drop.sha256] = summary
        return summary

    def _list_in_use(self) -> list[ReadDrop]:
        """Return the drops that a release would be built from, as they were read."""
        unused = read_reviews(self.home.workspace).unused | self.withdrawn.keys()
        in_use: list[ReadDrop] = []
        for drop in self.drops.by_sha256.values():
            if drop.sha256 in unused:
                continue
            summary = self.drops.summaries.get(drop.sha256)
            if summary is None:
                summary = self.home.observations.read_summary(drop.sha256, self.home.catalogue)
            if summary is not None and summary.rejection is None:
                self.drops.summaries[drop.sha256] = summary
                in_use.append((drop, summary))
        return in_use

    def find_known(self, publication: Publication) -> PulledFile | None:
        """Return what is known of the file at an address whose bytes are archived, or withdrawn."""
        known = read_pulled_files(self.home.workspace).files.get(publication.file or "")
        is_known = known is not None and (known.sha256 in self.drops.by_sha256 or known.sha256 in self.withdrawn)
        return known if is_known else None

    def assess_again(self, publication: Publication, known: PulledFile) -> PulledPublication | None:
        """Assess an archived drop that was never compared, or of which the list says otherwise by now; else None."""
        drop = self.drops.by_sha256.get(known.sha256)
        if drop is None or drop.sha256 in self.withdrawn:
            return None
        pulled = _describe_bytes(publication, known)
        listed = (publication.id, publication.status, publication.revision)
        is_of_this_row = drop.address == publication.file or drop.publication == publication.id
        if is_of_this_row and (drop.publication, drop.status, drop.revision) != listed:
            if not self._keep_decision(publication, drop.sha256):
                self._hold_until_assessed(publication, drop.sha256)
            stamp = ArchiveStamp(drop.sequence, drop.batch, drop.archived_at)
            before = f"the list had it as {drop.publication}, {drop.status}; it is archived as {listed[0]}, {listed[1]}"
            return self._assess_renamed(pulled, self._rename(publication, Path(drop.file), drop, stamp), before)
        review = read_reviews(self.home.workspace).reviews.get(known.sha256)
        return self._assess(pulled, drop) if self._is_to_be_assessed(publication, drop, review) else None

    def _is_to_be_assessed(self, publication: Publication, drop: ArchivedDrop, review: Review | None) -> bool:
        """Whether a drop was never compared, or what the catalogue says of it is not what was found then."""
        if drop.publication != publication.id:
            return is_pending(review)
        if review is None:
            return publication.sha256 not in {None, drop.sha256}
        if is_pending(review):
            return True
        if review.state != "held" or not {reason.rule for reason in review.reasons} <= RULES_OF_THE_LIST:
            return False
        summary = self.home.observations.read_summary(drop.sha256, self.home.catalogue)
        if summary is None:
            return True
        return summary.rejection is None and review.reasons != tuple(find_contradictions(drop, summary, publication))

    def describe_known(self, publication: Publication, known: PulledFile) -> PulledPublication:
        """Return what is known of a publication whose bytes came before: unchanged, held, withdrawn or misused."""
        if (entry := self.withdrawn.get(known.sha256)) is not None:
            return replace(_describe_bytes(publication, known), outcome="withdrawn", detail=entry.reason)
        drop = self.drops.by_sha256[known.sha256]
        if self._is_used_as_another(drop, publication):
            return PulledPublication(publication, "failed", str(_make_other_use(drop, publication)))
        review = read_reviews(self.home.workspace).reviews.get(known.sha256)
        described = _describe_bytes(publication, known)
        if review is None or review.state == "accepted":
            return described
        return replace(described, outcome="held", detail=_describe_review(review))

    def remember(self, publication: Publication, fetched: FetchedFile, sha256: str, outcome: str) -> None:
        """Write down what came from the address of a publication, and what came of it."""
        assert publication.file is not None
        files = dict(read_pulled_files(self.home.workspace).files)
        files[publication.file] = PulledFile(
            publication=publication.id,
            sha256=sha256,
            bytes=fetched.bytes,
            checked_at=self.get_now().isoformat(timespec="seconds"),
            http_status=fetched.http_status,
            etag=fetched.validators.etag,
            last_modified=fetched.validators.last_modified,
            outcome=outcome,
        )
        PulledFiles(files=files).write(self.home.workspace.pulled)


def try_publication(publication: Publication, act: Callable[[], PulledPublication]) -> PulledPublication:
    """Return what an act comes to; that the publication failed, where it alone is to blame."""
    try:
        return act()
    except DropRejectedError as rejection:
        return PulledPublication(publication, "failed", str(rejection))
    except (OSError, SourceError):  # of this machine, or of the archive: the next file would meet it too
        raise
    except Exception as error:
        if describe_machine_error(str(error)) is not None:
            raise
        return PulledPublication(
            publication,
            "failed",
            f"a defect of the pipeline, {type(error).__name__}: {make_printable(str(error))}. What "
            "has arrived is archived and in no release until a later pull has compared it. Please report it",
        )


def read_pulled_files(workspace: Workspace) -> PulledFiles:
    """Return what is known of the addresses that a home has fetched from; nothing where it has from none."""
    return PulledFiles.load_if_present(workspace.pulled) or PulledFiles()


def _make_other_use(drop: ArchivedDrop, publication: Publication) -> DropRejectedError:
    return DropRejectedError(
        publication.file_name,
        "the whole file",
        f"a file of {publication.series} {publication.period}",
        f"the very bytes that are in use as {drop.publication}",
        "One of the two entries of catalogue/publications.yml has the address of the other: mend it.",
    )


def _is_issue(drop: ArchivedDrop, publication: Publication) -> bool:
    """Whether a drop was got as an issue of a publication, of whichever revision."""
    return drop.publication.rpartition("/")[0] == "/".join(publication.key)


def _describe_bytes(publication: Publication, known: PulledFile) -> PulledPublication:
    """Return that a publication is as it was, with what is known of its bytes."""
    return PulledPublication(
        publication, "unchanged", sha256=known.sha256, bytes=known.bytes, http_status=known.http_status
    )


def _describe_review(review: Review) -> str:
    """Return why a drop is held, or that a person rejected it."""
    reasons = "; ".join(reason.text for reason in review.reasons)
    return f"rejected{f' ({review.note})' if review.note else ''}: {reasons}" if review.state == "rejected" else reasons
