"""The intake: take a folder of drops into the store, read what is new, and say what became of each file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from iapt.catalogue.catalogue import Catalogue
from iapt.ingest.archive import ArchivedDrop, DropArchive
from iapt.ingest.name_validation import find_name_conflict
from iapt.ingest.observation_store import DropSummary, ObservationStore, TableSummary
from iapt.ingest.reading import READERS, open_reading_connection, read_drop
from iapt.rejection import DropRejectedError
from iapt.sources.folder import FoundFile, discover_files

RESTRICTED = "restricted"  # an origin, beside published and synthetic

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many are done and how many there are."""


def no_progress(what: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


@dataclass
class IngestResult:
    """What a folder offered. `offered` are its kept drops in its order, `new` those not kept before.

    `rejected` pairs a path in the folder with the reason; `other_names` pairs the sha256 of bytes that are known by one
    name with another that they are offered under; `origin` is the origin all offered drops share; `fingerprint`
    is of the folder as it stood before.
    """

    folder: str
    origin: str = "published"
    offered: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    rejected: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    other_names: list[tuple[str, str]] = field(default_factory=list)
    fingerprint: str = ""


class OtherOriginError(Exception):
    """Raised when every drop of a folder is of another origin than the home; nothing was kept."""


def ingest_folder(
    folder: Path,
    store: DropArchive,
    catalogue: Catalogue,
    archived_at: str,
    observations: ObservationStore | None = None,
    home_origin: str | None = None,
) -> IngestResult:
    """Keep every drop of a folder.

    Bytes that were rejected under one name are taken in anew when they are offered under another: what a file is, its
    period, its status, may stand in its name. So are those that another name says to be definitive, or of a higher
    revision. `observations` tells what became of them. Every other name is left for `refuse_other_names`.

    Published and synthetic drops never share a home: `home_origin` is the origin of what the home holds, and drops of
    another are rejected. A home that holds nothing takes the origin of its first folder, in which synthetic drops
    beside published ones are rejected. What a restricted catalogue reads is restricted, whatever its folder says.

    Raises FileNotFoundError where there is nothing at `folder`, and OtherOriginError where nothing in it is of the
    home's origin.
    """
    contents = discover_files(folder)
    if catalogue.restricted:
        contents.files = [replace(found, origin=RESTRICTED) for found in contents.files]
    intake = IngestResult(str(folder), ignored=contents.ignored)
    intake.rejected = [(path, rejection.to_record()) for path, rejection in contents.rejected]
    origins = {found.origin for found in contents.files}
    if home_origin is not None and origins and home_origin not in origins:
        raise OtherOriginError(
            f"{folder} holds {min(origins)} drops, and this home holds {home_origin} ones, which never share a home: "
            "nothing was kept or released. Name another home for them: --home, or IAPT_HOME for make"
        )
    first_origin = "published" if "published" in origins or not origins else min(origins)
    intake.origin = home_origin or first_origin
    batch = sequence = store.next_sequence()
    for found in contents.files:
        try:
            if found.origin != intake.origin:
                raise DropRejectedError(
                    found.path.name,
                    "its provenance",
                    f"drops of one origin in a folder ({intake.origin}), that of the home",
                    f"a drop whose origin is {found.origin}",
                    "Keep demonstration drops and published drops in folders and homes of their own.",
                )
            drop, is_new = store.archive(
                found,
                precedence=catalogue.precedence,
                limits=catalogue.limits,
                sequence=sequence,
                batch=batch,
                archived_at=archived_at,
            )
            if is_new and observations is not None:
                observations.delete(drop.sha256)  # left behind by the same bytes under another name
            if not is_new and drop.file != found.path.name:
                if observations is not None and _is_better_name(drop, found, observations, catalogue):
                    drop = store.rename(
                        drop,
                        found,
                        precedence=catalogue.precedence,
                        sequence=sequence,
                        batch=batch,
                        archived_at=archived_at,
                    )
                    observations.delete(drop.sha256)
                    is_new = True
                else:
                    intake.other_names.append((drop.sha256, found.path.name))
        except DropRejectedError as rejection:
            intake.rejected.append((found.relative_path, rejection.to_record()))
            continue
        if drop.sha256 not in intake.offered:
            intake.offered.append(drop.sha256)
        if is_new:
            intake.new.append(drop.sha256)
            sequence += 1
    return intake


def _is_better_name(drop: ArchivedDrop, found: FoundFile, observations: ObservationStore, catalogue: Catalogue) -> bool:
    """Whether known bytes are to be known by another name from now on, that of a file found.

    Where they could not be used under the one they have; or where the other says that they are definitive, or of a
    higher revision, and of the same period.
    """
    summary = observations.read_summary(drop.sha256, catalogue)
    if summary is None:
        return False
    if summary.rejection is not None:
        return True
    name = found.path.name
    precedence = catalogue.precedence
    is_definitive_now = drop.status == "provisional" and precedence.status_of(name) != "provisional"
    is_downgraded = drop.status != "provisional" and precedence.status_of(name) == "provisional"
    is_raised = precedence.revision_of(name) > drop.revision and not is_downgraded
    return (is_definitive_now or is_raised) and find_name_conflict(drop, summary, name, catalogue) is None


def find_name_conflicts(
    other_names: Sequence[tuple[str, str]], usable: Sequence[tuple[ArchivedDrop, DropSummary]], catalogue: Catalogue
) -> list[dict[str, str]]:
    """Return a rejection of every name that says another period than the bytes in use that it was given to.

    `other_names` are those of an intake: see `IngestResult`. The bytes stay in use under the name they have.
    """
    read = {drop.sha256: (drop, summary) for drop, summary in usable}
    rejections = [find_name_conflict(*read[sha256], name, catalogue) for sha256, name in other_names if sha256 in read]
    return [rejection.to_record() for rejection in rejections if rejection is not None]


def list_current_rejections(
    drops: Sequence[ArchivedDrop], observations: ObservationStore, catalogue: Catalogue
) -> list[tuple[ArchivedDrop, dict[str, str]]]:
    """Return the rejected ones of kept drops, in the order of keeping, that no later drop of the same name replaces."""
    newest = {(drop.origin, drop.file): drop.sha256 for drop in sorted(drops, key=lambda drop: drop.sequence)}
    rejected = []
    for drop in drops:
        summary = observations.read_summary(drop.sha256, catalogue)
        if summary is not None and summary.rejection and newest[drop.origin, drop.file] == drop.sha256:
            rejected.append((drop, summary.rejection))
    return rejected


@dataclass(frozen=True)
class SeriesSummary:
    """What a store holds of one series. A re-issue counts, and what it replaces does not: `replaced` drops, no cell."""

    origin: str
    series: str
    drops: int
    replaced: int
    first_period: str
    last_period: str
    cells: int
    quarantined: int


def summarise_series(
    usable: Sequence[tuple[ArchivedDrop, DropSummary]], replaced: Collection[str]
) -> list[SeriesSummary]:
    """Return what drops that were read in full hold, by origin and series.

    `replaced` are the sha256 of those that a re-issue replaces: see `reissues.find_wholly_replaced_drops`.
    """
    tables: dict[tuple[str, str], dict[str, list[TableSummary]]] = {}
    for drop, summary in usable:
        for table in summary.tables:
            tables.setdefault((drop.origin, table.series), {}).setdefault(drop.sha256, []).append(table)
    held = []
    for (origin, series), of_drops in sorted(tables.items()):
        counted = [table for sha256, of_drop in of_drops.items() if sha256 not in replaced for table in of_drop]
        periods = sorted(period for table in counted for period in table.periods)
        held.append(
            SeriesSummary(
                origin,
                series,
                sum(sha256 not in replaced for sha256 in of_drops),
                sum(sha256 in replaced for sha256 in of_drops),
                periods[0],
                periods[-1],
                sum(table.cells for table in counted),
                sum(sum(table.quarantined.values()) for table in counted),
            )
        )
    return held


@dataclass
class ReadResult:
    """What was read of the kept drops of one origin: `read` now, `known` from before, `rejected` with the reason."""

    usable: list[tuple[ArchivedDrop, DropSummary]] = field(default_factory=list)
    rejected: list[tuple[ArchivedDrop, dict[str, str]]] = field(default_factory=list)
    read: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)


def read_archived_drops(
    store: DropArchive,
    observations: ObservationStore,
    catalogue: Catalogue,
    origin: str,
    progress: Progress = no_progress,
) -> ReadResult:
    """Read every kept drop of an origin that has not been read under today's reader and layouts.

    A drop kept as published whose rows wear the mark of a demonstration is rejected: it has lost its provenance.
    """
    reading = ReadResult()
    drops = [drop for drop in store if drop.origin == origin]
    unread = [drop for drop in drops if observations.read_summary(drop.sha256, catalogue) is None]
    with open_reading_connection() as connection, ThreadPoolExecutor(READERS) as readers:

        def read_one(drop: ArchivedDrop) -> ArchivedDrop:
            # Temporary tables belong to a cursor, so two drops on their way through DuckDB never meet.
            with connection.cursor() as own:
                read_drop(own, drop, store.path_to(drop), catalogue, observations)
            return drop

        if unread:
            progress(f"reading drops: {unread[0].file}", 0, len(unread))
        for done, drop in enumerate(readers.map(read_one, unread), start=1):
            following = unread[done].file if done < len(unread) else drop.file
            progress(f"reading drops: {following}", done, len(unread))
            reading.read.append(drop.sha256)
    for drop in drops:
        summary = observations.read_summary(drop.sha256, catalogue)
        if summary is None:
            raise AssertionError(f"{drop.file} was read and has no summary")
        if drop.sha256 not in reading.read:
            reading.known.append(drop.sha256)
        rejection = summary.rejection or _lost_provenance(drop, summary)
        if rejection:
            reading.rejected.append((drop, rejection))
        else:
            reading.usable.append((drop, summary))
    return reading


def _lost_provenance(drop: ArchivedDrop, summary: DropSummary) -> dict[str, str] | None:
    if drop.origin == "published" and summary.has_synthetic_mark:
        return DropRejectedError(
            drop.file,
            "its organisation names",
            "published figures",
            "the mark of a demonstration drop",
            "Offer it in a folder and home of its own, with the provenance.json it was made with.",
        ).to_record()
    return None


def list_drops_of_period(
    usable: Sequence[tuple[ArchivedDrop, DropSummary]], grain: str, start: str
) -> list[tuple[ArchivedDrop, DropSummary]]:
    """The drops that publish a period, given its grain and first day in ISO form."""
    return [
        (drop, summary)
        for drop, summary in usable
        if any(
            table.period_grain == grain and any(first == start for first, _ in table.coverage)
            for table in summary.tables
        )
    ]
