"""Resources: the workspace, its stores and the catalogue, as the assets receive them."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, Literal

import dagster as dg

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.disclosure_policy import Policy, load_policy
from iapt.ingest.archive import ArchivedDrop, DropArchive
from iapt.ingest.observation_store import DropSummary, ObservationStore
from iapt.ingest.remote_archive import open_archive
from iapt.pull.reviews import list_unused_drops
from iapt.sources.drop_folder_copy import CopiedFolder, copy_drop_folder, find_copy_folder
from iapt.sources.remote_files import SourceError
from iapt.sources.store_addresses import is_elsewhere, parse_store_address
from iapt.warehouse_lock import WarehouseLockedError, wait_for_warehouse
from iapt.workspace import CATALOGUE, DISCLOSURE_POLICY, Workspace
from iapt.workspace_lock import WAIT_SECONDS

#: In `incoming/` of a home: the copies of drop folders that lie elsewhere.
DROP_FOLDERS = "drop_folders"


class WorkspaceResource(dg.ConfigurableResource[Workspace]):
    """A workspace and its stores. An empty `root` means IAPT_HOME, or `data` in the project's folder.

    `wait_seconds` is how long a run waits for another one in the workspace, and for a reader of its warehouse.
    """

    root: str = ""
    catalogue: str = ""
    wait_seconds: float = WAIT_SECONDS

    @property
    def paths(self) -> Workspace:
        """The folders and files of the workspace."""
        return Workspace(Path(self.root)) if self.root else Workspace.from_environment()

    @property
    def drop_store(self) -> DropArchive:
        """The archived drops."""
        return open_archive(self.paths)

    @property
    def observation_store(self) -> ObservationStore:
        """The observations of every drop that was read."""
        return ObservationStore(self.paths.observations)

    def load_catalogue(self) -> Catalogue:
        """Return the catalogue of this project."""
        return Catalogue(Path(self.catalogue) if self.catalogue else CATALOGUE, restricted=self.paths.is_restricted)

    def list_unused_drops(self) -> frozenset[str]:
        """Return the sha256 of the drops that no release may be built from: held, rejected and withdrawn ones."""
        return list_unused_drops(self.paths, self.load_catalogue())

    def load_policy(self, profile: str) -> Policy:
        """Return the disclosure policy of this project in a profile; empty means its default."""
        return load_policy(self.load_catalogue().folder / DISCLOSURE_POLICY, profile or None)

    def load_drops(self, sha256s: Iterable[str]) -> list[tuple[ArchivedDrop, DropSummary]]:
        """Return archived drops with their summaries, in the order asked for.

        Raises dg.Failure where one is gone, or is not read under today's reader and layouts.
        """
        catalogue = self.load_catalogue()
        drops = []
        for sha256 in sha256s:
            drop, summary = self.drop_store.get(sha256), self.observation_store.read_summary(sha256, catalogue)
            if drop is None or summary is None:
                raise dg.Failure(f"Drop {sha256} is in use and no longer read; run the refresh again.")
            drops.append((drop, summary))
        return drops

    def wait_for_warehouse(self, say: Callable[[str], None], *, for_writing: bool = False) -> None:
        """Return when no other program keeps this run from the warehouse; raises dg.Failure where one still does."""
        try:
            wait_for_warehouse(self.paths.warehouse, for_writing=for_writing, wait_seconds=self.wait_seconds, say=say)
        except WarehouseLockedError as error:
            raise dg.Failure(f"{error}.") from error


#: In the environment: where a run that is told nothing else gets its drops from.
SOURCE_SETTING: Final = "IAPT_SOURCE"
SourceKind = Literal["folder", "publisher"]


def read_source_setting() -> SourceKind:
    """Return where this installation gets its drops from: a folder, unless the environment says the publisher.

    Raises ValueError where it says something else.
    """
    setting = os.environ.get(SOURCE_SETTING, "").strip() or "folder"
    if setting == "folder" or setting == "publisher":
        return setting
    raise ValueError(f"{SOURCE_SETTING}: expected folder or publisher; found {setting!r}")


class RefreshConfig(dg.Config):
    """What a refresh is asked to do. An empty `drops` means IAPT_DROPS, or `inbox` in the workspace.

    `drops` is a path, or the address of a folder in a store: then the folder is a copy of it in the workspace.

    `source` is where the drops come from; empty means the folder where one is named, else what IAPT_SOURCE says. Of the
    publisher, `discover` reads its pages first, `series` and `since` (the label of a period) limit what is pulled. An
    empty `profile` means the default profile of the disclosure policy.
    """

    drops: str = ""
    profile: str = ""
    rebuild: bool = False
    source: Literal["", "folder", "publisher"] = ""
    discover: bool = False
    series: list[str] = []
    since: str = ""

    def folder(self, workspace: Workspace) -> Path:
        """Return the folder of drops to ingest."""
        location = self.location(workspace)
        if is_elsewhere(location):
            return find_copy_folder(location, workspace.incoming / DROP_FOLDERS)
        return Path(parse_store_address(location).path)

    def location(self, workspace: Workspace) -> str:
        """Return the folder of drops as it was named: a path on this machine, or an address of a store."""
        return workspace.locate_drops(self.drops)

    def copy_folder(self, workspace: Workspace, catalogue: Catalogue) -> CopiedFolder:
        """Make the copy of a drop folder that lies elsewhere what that is now; of one on this machine none is made.

        Raises dg.Failure where it cannot be had.
        """
        location = self.location(workspace)
        if not is_elsewhere(location):
            return CopiedFolder(self.folder(workspace))
        try:
            return copy_drop_folder(
                location, workspace.incoming / DROP_FOLDERS, max_file_bytes=catalogue.limits.max_file_bytes
            )
        except SourceError as error:
            raise dg.Failure(str(error)) from error

    def find_source(self, workspace: Workspace) -> SourceKind:
        """Return where the drops come from. Raises dg.Failure where they cannot come from there."""
        source = self.source or ("folder" if self.drops else read_source_setting())
        if source == "publisher" and workspace.is_restricted:
            raise dg.Failure("A restricted home holds an organisation's own counts: nothing is pulled into it.")
        return source
