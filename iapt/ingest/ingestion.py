"""Ingestion: archive the drops of a folder, and say what became of each file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from iapt.catalogue.catalogue import Catalogue
from iapt.files import compute_sha256
from iapt.ingest.archive import ArchivedDrop, ArchiveStamp, DropArchive
from iapt.ingest.home_origin import OtherOriginError
from iapt.ingest.name_validation import find_name_conflict
from iapt.ingest.observation_store import ObservationStore
from iapt.rejection import DropRejectedError
from iapt.remembered_digests import RememberedDigests
from iapt.sources.folder import OfferedFile, discover_files

RESTRICTED: Final = "restricted"  # an origin, beside published and synthetic


@dataclass
class IngestResult:
    """What a folder offered. `offered` are its archived drops in its order, `new` those not archived before.

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


def ingest_folder(
    folder: Path,
    drops: DropArchive,
    catalogue: Catalogue,
    archived_at: str,
    observations: ObservationStore | None = None,
    home_origin: str | None = None,
    *,
    digests: RememberedDigests | None = None,
) -> IngestResult:
    """Archive every drop of a folder.

    Bytes that were rejected under one name are ingested anew when they are offered under another: what a file is, its
    period, its status, may stand in its name. So are those that another name says to be definitive, or of a higher
    revision. `observations` tells what became of them. Every other name is left for `find_name_conflicts`.

    Published and synthetic drops never share a home: `home_origin` is the origin of what the home holds, and drops of
    another are rejected. A home that holds nothing takes the origin of its first folder, in which synthetic drops
    beside published ones are rejected. What a restricted catalogue reads is restricted, whatever its folder says.
    With `digests`, files that are as they were when they were hashed are not read again.

    Raises FileNotFoundError where there is nothing at `folder`, and OtherOriginError where nothing in it is of the
    home's origin.
    """
    discovered = discover_files(folder)
    files = discovered.files
    if catalogue.restricted:
        files = [replace(found, origin=RESTRICTED) for found in files]
    result = IngestResult(str(folder), ignored=discovered.ignored)
    result.rejected = [(path, rejection.to_record()) for path, rejection in discovered.rejected]
    origins = {found.origin for found in files}
    if home_origin is not None and origins and home_origin not in origins:
        raise OtherOriginError(
            f"{folder} holds {min(origins)} drops, and this home holds {home_origin} ones, which never share a home: "
            "nothing was archived or released. Name another home for them: --home, or IAPT_HOME for make"
        )
    first_origin = "published" if "published" in origins or not origins else min(origins)
    result.origin = home_origin or first_origin
    batch = drops.next_sequence()
    acceptable = [found.path for found in files if found.origin == result.origin and _has_size_within(found, catalogue)]
    withdrawn = {entry.sha256 for entry in catalogue.withdrawn}
    compute_digest = compute_sha256 if digests is None else digests.compute_sha256
    with drops.copying_ahead(acceptable, compute_digest, withdrawn) as compute_digest_ahead:
        for found in files:
            stamp = ArchiveStamp(batch + len(result.new), batch, archived_at)
            try:
                _ingest_file(
                    found,
                    stamp,
                    drops,
                    catalogue,
                    result,
                    observations=observations,
                    compute_digest=compute_digest_ahead,
                )
            except DropRejectedError as rejection:
                result.rejected.append((found.relative_path, rejection.to_record()))
    if digests is not None:
        digests.write()
    return result


def _has_size_within(found: OfferedFile, catalogue: Catalogue) -> bool:
    """Whether a file has a size, and is no larger than the limit."""
    try:
        return found.path.stat().st_size <= catalogue.limits.max_file_bytes
    except OSError:
        return False


def _ingest_file(
    found: OfferedFile,
    stamp: ArchiveStamp,
    drops: DropArchive,
    catalogue: Catalogue,
    result: IngestResult,
    *,
    observations: ObservationStore | None,
    compute_digest: Callable[[Path], str],
) -> None:
    """Archive one file and add it to the result. Raises DropRejectedError where it cannot be archived."""
    if found.origin != result.origin:
        raise DropRejectedError(
            found.path.name,
            "its provenance",
            f"drops of one origin in a folder ({result.origin}), that of the home",
            f"a drop whose origin is {found.origin}",
            "Keep demonstration drops and published drops in folders and homes of their own.",
        )
    drop, is_new = drops.archive(
        found,
        stamp,
        precedence=catalogue.precedence,
        limits=catalogue.limits,
        withdrawn=catalogue.withdrawn,
        compute_digest=compute_digest,
    )
    if not is_new and drop.file != found.path.name:
        if observations is not None and _is_better_name(drop, found, observations, catalogue):
            drop, is_new = drops.rename(drop, found, stamp, precedence=catalogue.precedence), True
        else:
            result.other_names.append((drop.sha256, found.path.name))
    if is_new:
        result.new.append(drop.sha256)
        if observations is not None:
            observations.delete(drop.sha256)  # left behind by the same bytes under another name
    if drop.sha256 not in result.offered:
        result.offered.append(drop.sha256)


def _is_better_name(
    drop: ArchivedDrop, found: OfferedFile, observations: ObservationStore, catalogue: Catalogue
) -> bool:
    """Whether known bytes are to be known by another name from now on, that of a file found.

    Where they could not be used under the one they have; or where the other says that they are definitive, or of a
    higher revision, and of the same period.
    """
    summary = observations.read_summary(drop.sha256, catalogue)
    if summary is None or drop.publication:  # of a listed publication the list says what it is, and no name
        return False
    if summary.rejection is not None:
        return True
    name, precedence = found.path.name, catalogue.precedence
    is_definitive_now = drop.status == "provisional" and precedence.infer_status(name) != "provisional"
    is_downgraded = drop.status != "provisional" and precedence.infer_status(name) == "provisional"
    is_raised = precedence.infer_revision(name) > drop.revision and not is_downgraded
    return (is_definitive_now or is_raised) and find_name_conflict(drop, summary, name, catalogue) is None
