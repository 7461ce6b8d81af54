"""Reading the archived drops of a home: each is read once under today's reader and layouts, a few at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from iapt.catalogue.catalogue import Catalogue
from iapt.ingest.archive import ArchivedDrop, DropArchive
from iapt.ingest.name_validation import find_name_conflict
from iapt.ingest.observation_store import DropSummary, ObservationStore
from iapt.rejection import DropRejectedError

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many are done and how many there are."""


def no_progress(what: str, done: int, total: int) -> None:
    """Report progress to nobody."""


@dataclass
class ReadResult:
    """What became of the archived drops of one origin: `usable` ones were read in full, `rejected` have the reason.

    `read` are the sha256 of those that were read now, `known` of those that had been read before.
    """

    usable: list[tuple[ArchivedDrop, DropSummary]] = field(default_factory=list)
    rejected: list[tuple[ArchivedDrop, dict[str, str]]] = field(default_factory=list)
    read: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)


def read_archived_drops(
    archive: DropArchive,
    observations: ObservationStore,
    catalogue: Catalogue,
    origin: str,
    progress: Progress = no_progress,
    unused: Collection[str] = (),
) -> ReadResult:
    """Read every archived drop of an origin that has not been read under today's reader and layouts.

    `unused` are the sha256 of drops that no release may be built from: those held or rejected, and withdrawn ones.
    A drop archived as published whose rows bear the mark of a demonstration is rejected: it has lost its provenance.
    """
    drops = [drop for drop in archive if drop.origin == origin and drop.sha256 not in unused]
    unread = [drop for drop in drops if observations.read_summary(drop.sha256, catalogue) is None]
    _read_drops(archive, unread, observations, catalogue, progress)
    newly_read = {drop.sha256 for drop in unread}
    result = ReadResult(
        read=[drop.sha256 for drop in unread],
        known=[drop.sha256 for drop in drops if drop.sha256 not in newly_read],
    )
    for drop in drops:
        summary = observations.read_summary(drop.sha256, catalogue)
        if summary is None:
            raise AssertionError(f"{drop.file} was read and has no summary")
        rejection = summary.rejection or _find_lost_provenance(drop, summary)
        if rejection:
            result.rejected.append((drop, rejection))
        else:
            result.usable.append((drop, summary))
    return result


def _read_drops(
    archive: DropArchive,
    drops: Sequence[ArchivedDrop],
    observations: ObservationStore,
    catalogue: Catalogue,
    progress: Progress,
) -> None:
    if not drops:
        return
    # Imported late: what reads takes long to import, and most runs read little or nothing.
    from iapt.ingest.reading import READERS, open_reading_connection, read_drop

    with open_reading_connection(observations) as connection, ThreadPoolExecutor(READERS) as readers:

        def read_one(drop: ArchivedDrop) -> ArchivedDrop:
            # Temporary tables belong to a cursor, so two drops on their way through DuckDB never meet.
            with connection.cursor() as cursor:
                read_drop(cursor, drop, archive.path_to(drop), catalogue, observations)
            return drop

        progress(f"reading drops: {drops[0].file}", 0, len(drops))
        for done, drop in enumerate(readers.map(read_one, drops), start=1):
            following = drops[done].file if done < len(drops) else drop.file
            progress(f"reading drops: {following}", done, len(drops))


def _find_lost_provenance(drop: ArchivedDrop, summary: DropSummary) -> dict[str, str] | None:
    if drop.origin == "published" and summary.has_synthetic_mark:
        return DropRejectedError(
            drop.file,
            "its organisation names",
            "published figures",
            "the mark of a demonstration drop",
            "Offer it in a folder and home of its own, with the provenance.json it was made with.",
        ).to_record()
    return None


def find_name_conflicts(
    other_names: Sequence[tuple[str, str]], usable: Sequence[tuple[ArchivedDrop, DropSummary]], catalogue: Catalogue
) -> list[dict[str, str]]:
    """Return a rejection of every name that says another period than the bytes in use that it was given to.

    `other_names` are those of an `IngestResult`. The bytes stay in use under the name they have.
    """
    read = {drop.sha256: (drop, summary) for drop, summary in usable}
    rejections = [find_name_conflict(*read[sha256], name, catalogue) for sha256, name in other_names if sha256 in read]
    return [rejection.to_record() for rejection in rejections if rejection is not None]


def list_current_rejections(
    drops: Sequence[ArchivedDrop], observations: ObservationStore, catalogue: Catalogue
) -> list[tuple[ArchivedDrop, dict[str, str]]]:
    """Return the rejected ones of archived drops, in their order, that no later drop of the same name replaces."""
    newest = {(drop.origin, drop.file): drop.sha256 for drop in sorted(drops, key=lambda drop: drop.sequence)}
    rejected = []
    for drop in drops:
        summary = observations.read_summary(drop.sha256, catalogue)
        if summary is not None and summary.rejection and newest[drop.origin, drop.file] == drop.sha256:
            rejected.append((drop, summary.rejection))
    return rejected


def list_drops_of_period(
    usable: Sequence[tuple[ArchivedDrop, DropSummary]], grain: str, start: str
) -> list[tuple[ArchivedDrop, DropSummary]]:
    """Return the drops that publish a period, given its grain and first day in ISO form."""
    return [
        (drop, summary)
        for drop, summary in usable
        if any(
            table.period_grain == grain and any(first == start for first, _ in table.coverage)
            for table in summary.tables
        )
    ]
