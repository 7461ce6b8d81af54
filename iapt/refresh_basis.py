"""Whether anything is new to a refresh: what the last one rests on, compared with what there is, without building.

No drop is opened. Files are compared by their states (`iapt.file_states`), small ones by their bytes. Where anything
cannot be compared, it counts as changed, and the refresh does its work.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import sys
from collections.abc import Iterator
from importlib.metadata import version
from itertools import takewhile
from pathlib import Path
from typing import Final

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.disclosure_policy import load_policy
from iapt.catalogue.publisher import Publisher
from iapt.file_states import compute_tree_state, read_file_state
from iapt.ingest.archive import ArchivedDrop, DropArchive
from iapt.ingest.completeness import list_home_inputs
from iapt.ingest.due_publications import iterate_expected
from iapt.ingest.observation_store import DropSummary, ObservationStore
from iapt.ingest.reissues import ReadDrops
from iapt.ingest.remote_archive import open_archive
from iapt.input_fingerprint import compute_input_fingerprint, digest_files
from iapt.pull.reviews import list_unused_drops
from iapt.remembered_digests import RememberedDigests
from iapt.sources.folder import discover_files
from iapt.sources.folder_fingerprint import compute_folder_fingerprint
from iapt.sources.remote_files import SourceError
from iapt.sources.store_addresses import is_elsewhere, parse_store_address
from iapt.workspace import DISCLOSURE_POLICY, Workspace
from iapt.workspace_state import (
    DamagedStateError,
    IngestRecord,
    LastRelease,
    ReadRecord,
    RefreshBasis,
    RefreshRecord,
    read_last_release,
)

#: What the outcome of a refresh rests on beside the drops and what the home knows: more than its release rests on.
CODE_PATTERNS: Final = (
    "catalogue/**/*",
    "dbt_project/*.yml",
    "dbt_project/macros/**/*",
    "dbt_project/models/**/*",
    "dbt_project/seeds/**/*",
    "dbt_project/tests/**/*",
    "expectations/**/*",
    "iapt/**/*",
    "orchestration/**/*.py",
    "requirements.lock",
)
_TOOLS: Final = ("dagster", "dbt-core", "dbt-duckdb", "duckdb", "great-expectations")


def compute_code_digest(root: Path) -> str:
    """Return a digest of the code and the catalogue under the folder of the project, and of what runs them."""
    tools = [f"{tool} {version(tool)}" for tool in _TOOLS]
    return hashlib.sha256(" ".join([digest_files(root, CODE_PATTERNS), sys.version, *tools]).encode()).hexdigest()


def begin_basis(workspace: Workspace, root: Path) -> None:
    """Write down with which code a run begins, and that it has not ended."""
    before = RefreshBasis.load_if_present(workspace.refresh_basis) or RefreshBasis()
    before.model_copy(update={"code": compute_code_digest(root), "is_complete": False}).write(workspace.refresh_basis)


def complete_basis(workspace: Workspace, catalogue: Catalogue, today: dt.date) -> None:
    """Write down what the run that began with `begin_basis`, and ended with a release that is whole, rests on.

    Nothing of a run on files of the publisher's: it asks a server, and another one must ask again.
    """
    basis, ingested = RefreshBasis.load(workspace.refresh_basis), IngestRecord.load(workspace.ingest_record)
    digests = dict(_compute_digests(workspace, catalogue, today))
    update = {
        "release": compute_release_state(workspace),
        "digests": digests | {"the drop folder": ingested.folder_fingerprint},
        "is_complete": bool(ingested.folder_fingerprint),
    }
    basis.model_copy(update=update).write(workspace.refresh_basis)


def compute_release_state(workspace: Workspace) -> str:
    """Return a digest of where `latest` leads and of the states of the files there; they are not read."""
    target = workspace.latest.readlink()
    return hashlib.sha256(f"{target} {compute_tree_state(workspace.latest.resolve())}".encode()).hexdigest()


def find_change(
    workspace: Workspace, drops: str, root: Path, catalogue: Catalogue, profile: str, today: dt.date
) -> str | None:
    """Return what has changed since the last refresh that ended well, or is in doubt; None where nothing is new.

    `drops` is the drop folder as it was named, a path or an address, `root` the folder of the project, and `profile`
    one of the disclosure policy, empty for its default.
    """
    try:
        return next(_find_changes(workspace, drops, root, catalogue, profile, today), None)
    except (DamagedStateError, OSError, SourceError, ValueError) as error:
        return f"what the last refresh rests on: {error}"


def _find_changes(
    workspace: Workspace, drops: str, root: Path, catalogue: Catalogue, profile: str, today: dt.date
) -> Iterator[str]:
    """Yield what has changed, what is cheap to compare first."""
    record, basis = RefreshRecord.load(workspace.last_refresh), RefreshBasis.load(workspace.refresh_basis)
    if not basis.is_complete or record.state not in ("released", "unchanged"):
        yield "the last refresh, which did not end with a release, or was of the publisher's files"
    released = read_last_release(workspace)
    if released is None or released.release_id != record.released or compute_release_state(workspace) != basis.release:
        yield "the newest release"
    archive = open_archive(workspace)
    if is_elsewhere(drops) or type(archive) is not DropArchive:
        yield "what lies in a store, which has to be asked"
    folder = Path(parse_store_address(drops).path)
    if not folder.exists() or compute_folder_fingerprint(folder) != basis.digests.get("the drop folder"):
        yield "the drop folder"
    if compute_code_digest(root) != basis.code:
        yield "the code or the catalogue"
    for name, digest in _compute_digests(workspace, catalogue, today):
        if digest != basis.digests.get(name):
            yield name
    ingested, reading = IngestRecord.load(workspace.ingest_record), ReadRecord.load(workspace.read_record)
    if _list_usable(workspace, archive, catalogue, ingested, reading) is None:
        yield "the drops in use"
    if released is None or _gives_another_release(workspace, released, archive, root, catalogue, profile):
        yield "what the newest release is made from"


def is_build_certain(workspace: Workspace, drops: str, root: Path, catalogue: Catalogue, profile: str) -> bool:
    """Whether a refresh will build, as far as it is seen without reading a drop; False where only reading tells.

    It will in a home without a release, where the drops in use give another release by now, and where the drop folder
    has a file of a size that no archived drop has: what is archived is told by a release, also where it is rejected.
    The arguments are those of `find_change`.
    """
    try:
        released = read_last_release(workspace)
        if released is None:
            return True
        archive = open_archive(workspace)
        if type(archive) is not DropArchive:
            return False
        return _offers_new_file(workspace, drops, archive) or _gives_another_release(
            workspace, released, archive, root, catalogue, profile
        )
    except (DamagedStateError, OSError, SourceError, ValueError):
        return False


def _offers_new_file(workspace: Workspace, drops: str, archive: DropArchive) -> bool:
    folder = Path(parse_store_address(drops).path)
    if is_elsewhere(drops) or not folder.exists():
        return False
    sizes, hashed = {drop.bytes for drop in archive}, RememberedDigests(workspace.offered_digests)
    return any(
        found.path.stat().st_size not in sizes and not hashed.has(found.path) for found in discover_files(folder).files
    )


def _gives_another_release(
    workspace: Workspace, released: LastRelease, archive: DropArchive, root: Path, catalogue: Catalogue, profile: str
) -> bool:
    """Whether the drops that were in use give another release under today's code, catalogue and profile."""
    policy = load_policy(catalogue.folder / DISCLOSURE_POLICY, profile or None)
    ingested, reading = IngestRecord.load(workspace.ingest_record), ReadRecord.load(workspace.read_record)
    usable = _list_usable(workspace, archive, catalogue, ingested, reading)
    known = list_home_inputs(workspace, catalogue)
    return usable is not None and released.input_fingerprint != compute_input_fingerprint(
        root, usable, policy.profile, known
    )


def _compute_digests(workspace: Workspace, catalogue: Catalogue, today: dt.date) -> Iterator[tuple[str, str]]:
    """Yield what a home holds, and what is due by a day, each by its name with a digest."""
    yield "the archive of drops", compute_tree_state(open_archive(workspace).folder)
    yield "the observations", compute_tree_state(workspace.observations)
    known = (workspace.reviews, workspace.found_publications, workspace.boundaries, workspace.root / "salt")
    yield "what the home knows of publications", _digest([read_file_state(path) for path in known if path.exists()])
    yield "which publications are due or late", _digest(_list_due(catalogue.publisher, today))


def _list_due(publisher: Publisher, today: dt.date) -> list[tuple[str, str, bool]]:
    """List what the calendar expects by a day, with whether it is past the tolerance: when that differs, run anew."""
    return [
        (name, expected.period.label, today > expected.late_after)
        for name, series in publisher.series.items()
        for expected in takewhile(lambda each: each.expected_on <= today, iterate_expected(name, series))
    ]


def _list_usable(
    workspace: Workspace, archive: DropArchive, catalogue: Catalogue, ingested: IngestRecord, reading: ReadRecord
) -> ReadDrops | None:
    """Return the drops in use with their summaries; None where others are archived, offered, unread or in use."""
    observations, unused = ObservationStore(workspace.observations), list_unused_drops(workspace, catalogue)
    drops = [drop for drop in archive if drop.origin == ingested.origin]
    read: list[tuple[ArchivedDrop, DropSummary]] = []
    for drop in drops:
        if drop.sha256 in unused:
            continue
        summary = observations.read_summary(drop.sha256, catalogue)
        if summary is None or not archive.path_to(drop).is_file():
            return None
        if drop.sha256 in reading.usable:
            if not observations.observations_path(drop.sha256).is_file():
                return None
            read.append((drop, summary))
    is_same = tuple(drop.sha256 for drop, _ in read) == reading.usable
    return read if is_same and {drop.sha256 for drop in drops}.issuperset(ingested.offered) else None


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
