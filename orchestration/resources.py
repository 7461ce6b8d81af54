"""Resources: the home, the catalogue and the dbt project, as the assets receive them."""

import os
from collections.abc import Callable
from pathlib import Path

import dagster as dg

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.disclosure_policy import Policy, load_policy
from iapt.ingest.archive import DropArchive
from iapt.ingest.observation_store import ObservationStore
from iapt.warehouse_lock import WarehouseLockedError, wait_for_warehouse
from iapt.workspace import CATALOGUE, DISCLOSURE_POLICY, Workspace
from iapt.workspace_lock import WAIT_SECONDS


class WorkspaceResource(dg.ConfigurableResource[Workspace]):
    """The folders of one home; empty means IAPT_HOME, or `data` in the project's folder.

    `wait_seconds` is how long a run waits for another one in the home, and for a reader of its warehouse.
    """

    root: str = ""
    catalogue: str = ""
    wait_seconds: float = WAIT_SECONDS

    @property
    def home(self) -> Workspace:
        """The home this pipeline works in."""
        return Workspace(Path(self.root)) if self.root else Workspace.from_environment()

    @property
    def drops(self) -> DropArchive:
        """The store of drops."""
        return DropArchive(self.home.drops)

    @property
    def observations(self) -> ObservationStore:
        """The folder of observations."""
        return ObservationStore(self.home.observations)

    def load_catalogue(self) -> Catalogue:
        """The catalogue of this project."""
        return Catalogue(Path(self.catalogue) if self.catalogue else CATALOGUE, restricted=self.home.is_restricted)

    def load_policy(self, profile: str) -> Policy:
        """The disclosure policy of this project in a profile; empty means its default."""
        return load_policy(self.load_catalogue().folder / DISCLOSURE_POLICY, profile or None)

    def await_warehouse(self, say: Callable[[str], None], *, for_writing: bool = False) -> None:
        """Return when nobody else keeps this run from the warehouse; raises dg.Failure where somebody still does."""
        try:
            wait_for_warehouse(self.home.warehouse, for_writing=for_writing, wait_seconds=self.wait_seconds, say=say)
        except WarehouseLockedError as error:
            raise dg.Failure(f"{error}.") from error


class RefreshConfig(dg.Config):
    """What a refresh is asked to do. An empty `drops` means IAPT_DROPS, or the home's `inbox`.

    An empty `profile` means the default profile of the disclosure policy.
    """

    drops: str = ""
    profile: str = ""
    rebuild: bool = False

    def folder(self, home: Workspace) -> Path:
        """The folder of drops to take in."""
        return Path(self.drops or os.environ.get("IAPT_DROPS") or home.root / "inbox").expanduser()
