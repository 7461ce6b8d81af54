"""The publisher as a Dagster resource: what it lists and is due to publish, its pages, and its files."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager
from typing import Final
from zoneinfo import ZoneInfo

import dagster as dg

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.publications import Publication, Publications
from iapt.discovery.discovery import discover
from iapt.discovery.results import DiscoveryResult
from iapt.ingest.completeness import PublicationState, assess_workspace
from iapt.ingest.due_publications import ExpectedPublication, PublicationOutlook, find_outlook, is_to_be_tried
from iapt.ingest.listed_publications import add_found_publications, load_publications
from iapt.pull.by_hand import find_by_hand
from iapt.pull.outcomes import PullResult
from iapt.pull.pulling import PullProgress, pull_publications
from iapt.pull.receiving import PullHome
from iapt.pull.selection import select_publications
from iapt.sources.https import PublisherSite
from iapt.sources.mirror import MirroredSite
from iapt.sources.remote_files import Source
from iapt.workspace_state import FailedPulls, PulledFiles
from orchestration.publisher_site import MIRROR_VARIABLE, open_site
from orchestration.resources import WorkspaceResource

#: The publisher's days begin and end there.
TIMEZONE: Final = "Europe/London"
#: How a look at the pages differs from a discovery: Dagster gives a tick of a schedule a minute.
QUICK: Final = {"attempts": 2, "longest_wait_seconds": 5.0, "connect_seconds": 10.0, "read_seconds": 15.0}


class PublisherResource(dg.ConfigurableResource[None]):
    """The publisher, as a home knows it. Tests give another day and another site."""

    workspace: WorkspaceResource

    def find_today(self) -> dt.date:
        """Return the day it is for the publisher."""
        return dt.datetime.now(ZoneInfo(TIMEZONE)).date()

    def load_publications(self) -> Publications:
        """Return what the catalogue and this home list."""
        return load_publications(self.workspace.paths, self.workspace.load_catalogue())[0]

    def find_outlook(self) -> PublicationOutlook:
        """Return what is due today. What the archive holds is there, however it came."""
        catalogue = self.workspace.load_catalogue()
        return find_outlook(
            catalogue.publisher,
            self.load_publications(),
            self.find_today(),
            gaps={(gap.series, gap.period) for gap in catalogue.gaps},
            present={(state.series, state.period) for state in self.assess() if state.drop is not None},
        )

    def assess(self) -> list[PublicationState]:
        """Return what became of each publication by today."""
        return assess_workspace(self.workspace.paths, self.workspace.load_catalogue(), self.find_today())

    def select(self, *, series: Sequence[str] = (), since: str = "") -> list[Publication]:
        """Return the listed publications that are pulled. Raises SelectionError."""
        publisher = self.workspace.load_catalogue().publisher
        return select_publications(self.load_publications(), publisher, series=series, since=since)

    def list_unarchived(self) -> list[Publication]:
        """Return the listed publications that are pulled and that the archive has no drop of, the newest first.

        Bytes that came from an address are had, also where they are those of another revision, or withdrawn.
        """
        drops = list(self.workspace.drop_store)
        archived = {drop.publication for drop in drops}
        had = {drop.sha256 for drop in drops} | {entry.sha256 for entry in self.workspace.load_catalogue().withdrawn}
        pulled = (PulledFiles.load_if_present(self.workspace.paths.pulled) or PulledFiles()).files
        return [
            row
            for row in self.select()
            if row.id not in archived and ((known := pulled.get(row.file or "")) is None or known.sha256 not in had)
        ]

    def list_to_be_tried(self) -> list[Publication]:
        """Return those of them that are to be tried today: what has failed for long is tried less often.

        A file that a person has got in its place is taken at once.
        """
        failed = (FailedPulls.load_if_present(self.workspace.paths.failed_pulls) or FailedPulls()).files
        today = self.find_today()
        return [
            row
            for row in self.list_unarchived()
            if (before := failed.get(row.file or "")) is None
            or is_to_be_tried(before.first_failed_on, before.last_tried_on, today)
            or find_by_hand(self.workspace.paths.inbox, row) is not None
        ]

    def look_for(self, awaited: Sequence[ExpectedPublication]) -> DiscoveryResult:
        """Read the series pages, and of publications those that are new since what is awaited. Nothing is written."""
        catalogue = self.workspace.load_catalogue()
        since = min((expected.period for expected in awaited), key=lambda period: period.end)
        with _open_site(catalogue, **QUICK) as site:
            return discover(catalogue, site.read_page, publications=self.load_publications(), since=since, rechecked=0)

    def discover(self) -> DiscoveryResult:
        """Read the publisher's pages, and list what nothing stands against for this home."""
        result = self.read_pages()
        if result.writable:
            add_found_publications(self.workspace.paths, self.workspace.load_catalogue(), result.writable)
        return result

    def read_pages(self) -> DiscoveryResult:
        """Read the series pages and those of the publications that are not listed yet. Nothing is written."""
        catalogue = self.workspace.load_catalogue()
        with _open_site(catalogue) as site:
            return discover(catalogue, site.read_page, publications=self.load_publications())

    def pull(self, selected: Sequence[Publication], progress: PullProgress | None = None) -> PullResult:
        """Get what the archive lacks of some publications. The caller holds the lock of the workspace.

        Raises OtherOriginError where the home holds figures of another origin, SourceError where nobody may be asked.
        """
        workspace, catalogue = self.workspace, self.workspace.load_catalogue()
        home = PullHome(workspace.paths, workspace.drop_store, workspace.observation_store, catalogue)
        with self.open_source(catalogue) as source:
            return pull_publications(home, selected, source, progress=progress)

    @contextlib.contextmanager
    def open_source(self, catalogue: Catalogue) -> Generator[Source]:
        """Yield what fetches the publisher's files."""
        with _open_site(catalogue) as site:
            yield site


def _open_site(catalogue: Catalogue, **transfer: float) -> AbstractContextManager[PublisherSite | MirroredSite]:
    """The publisher's site, or the mirror that the environment names, with changed settings."""
    return open_site(catalogue, os.environ.get(MIRROR_VARIABLE, ""), **transfer)
