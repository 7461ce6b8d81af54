"""A home as a refresh leaves it, with all by which the next one knows that nothing is new; nothing in it is built."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.disclosure_policy import Policy, load_policy
from iapt.files import compute_sha256
from iapt.ingest.archive import ArchivedDrop, DropArchive
from iapt.ingest.completeness import list_home_inputs
from iapt.ingest.drop_reading import read_archived_drops
from iapt.ingest.ingestion import ingest_folder
from iapt.ingest.observation_store import DropSummary, ObservationStore
from iapt.input_fingerprint import compute_input_fingerprint
from iapt.pull.reviews import list_unused_drops
from iapt.refresh_basis import begin_basis, complete_basis, find_change, is_build_certain
from iapt.sources.folder_fingerprint import compute_folder_fingerprint
from iapt.workspace import CATALOGUE, PROJECT_ROOT, Workspace
from iapt.workspace_state import (
    BuildInputs,
    IngestRecord,
    LastRelease,
    ReadRecord,
    RefreshPlan,
    RefreshRecord,
    record_ingested_fingerprint,
)

RELEASE = "2026.06.1"


@dataclass
class RefreshedHome:
    """A home, the folder of drops that it was refreshed from, and the project that did it."""

    workspace: Workspace
    folder: Path
    root: Path = PROJECT_ROOT
    day: dt.date = dt.date(2026, 6, 1)

    @property
    def catalogue(self) -> Catalogue:
        return Catalogue(self.root / CATALOGUE.name)

    @property
    def policy(self) -> Policy:
        return load_policy(self.catalogue.folder / "disclosure.yml")

    def list_usable(self) -> list[tuple[ArchivedDrop, DropSummary]]:
        """Return the archived drops that are read, with their summaries, but not those that are held or rejected."""
        archive, store = DropArchive(self.workspace.drops), ObservationStore(self.workspace.observations)
        unused = list_unused_drops(self.workspace, self.catalogue)
        read = [(drop, store.read_summary(drop.sha256, self.catalogue)) for drop in archive]
        return [(drop, summary) for drop, summary in read if summary is not None and drop.sha256 not in unused]

    def offer(self, name: str, content: bytes) -> None:
        """Put a file into the folder, archive it and read it, as a refresh begins."""
        (self.folder / name).write_bytes(content)
        archive, observations = DropArchive(self.workspace.drops), ObservationStore(self.workspace.observations)
        ingest_folder(self.folder, archive, self.catalogue, "2026-06-02T00:00:00+00:00", observations)
        read_archived_drops(archive, observations, self.catalogue, "published")

    def write_state(self) -> None:
        """Archive and read the folder, and leave what a refresh leaves that made a release of it."""
        workspace, catalogue = self.workspace, self.catalogue
        begin_basis(workspace, self.root)
        archive, observations = DropArchive(workspace.drops), ObservationStore(workspace.observations)
        fingerprint = compute_folder_fingerprint(self.folder)
        result = ingest_folder(self.folder, archive, catalogue, "2026-06-01T00:00:00+00:00", observations)
        IngestRecord.model_validate(asdict(result) | {"folder_fingerprint": fingerprint}).write(workspace.ingest_record)
        reading = read_archived_drops(archive, observations, catalogue, "published")
        rejected = [rejection for _, rejection in reading.rejected]
        usable = tuple(drop.sha256 for drop, _ in reading.usable)
        record = ReadRecord(
            read=len(reading.read),
            known=len(reading.known),
            usable=usable,
            rejected=tuple(rejected),
            notices=("a note",),
        )
        record.write(workspace.read_record)
        record_ingested_fingerprint(workspace, self.folder, fingerprint)
        known = list_home_inputs(workspace, catalogue)
        inputs = BuildInputs(
            input_fingerprint=compute_input_fingerprint(self.root, reading.usable, self.policy.profile, known),
            drops=usable,
        )
        RefreshPlan(action="build", inputs=inputs).write(workspace.refresh_plan)
        self._write_release(inputs.input_fingerprint)
        RefreshRecord(
            run_id="a run",
            state="released",
            released=RELEASE,
            drops_read=len(reading.read),
            rejected=rejected,
            warnings=["a warning (a/table): of the release."],
            notices=["a note"],
        ).write(workspace.last_refresh)
        complete_basis(workspace, catalogue, self.day)

    def _write_release(self, fingerprint: str) -> None:
        folder = self.workspace.releases / RELEASE
        folder.mkdir(parents=True)
        (folder / "dim_period.parquet").write_bytes(b"a table")
        (folder / "README.md").write_text("a release", "utf-8")
        files = {path.name: {"sha256": compute_sha256(path), "bytes": path.stat().st_size} for path in folder.iterdir()}
        manifest = {"release_id": RELEASE, "data_origin": "published", "statement": None, "files": files}
        (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
        self.workspace.latest.symlink_to(folder, target_is_directory=True)
        LastRelease(release_id=RELEASE, input_fingerprint=fingerprint, data_origin="published").write(
            self.workspace.released
        )

    def find_change(self, *, profile: str = "", day: dt.date | None = None, drops: str = "") -> str | None:
        """Return what a refresh on a day would find changed; None where nothing is new."""
        return find_change(
            self.workspace, drops or str(self.folder), self.root, self.catalogue, profile, day or self.day
        )

    def is_build_certain(self, *, profile: str = "") -> bool:
        """Return whether a refresh of the folder will build, as is known before a drop is read."""
        return is_build_certain(self.workspace, str(self.folder), self.root, self.catalogue, profile)


def make_refreshed_home(root: Path, files: dict[str, bytes], project: Path = PROJECT_ROOT) -> RefreshedHome:
    """Make a home that was refreshed from a folder of these files, by their names."""
    home = RefreshedHome(Workspace(root / "home"), root / "offered", project)
    home.folder.mkdir(parents=True)
    home.workspace.root.mkdir()
    for name, content in files.items():
        (home.folder / name).write_bytes(content)
    home.write_state()
    return home
