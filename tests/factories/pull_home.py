"""A home that is pulled into, a list of publications, and a source of files without a network."""

from __future__ import annotations

import calendar
import functools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.publications import Publication, Publications
from iapt.catalogue.withdrawn import WithdrawnFile
from iapt.ingest.archive import ArchivedDrop, DropArchive
from iapt.ingest.observation_store import ObservationStore
from iapt.periods import parse_period_label
from iapt.pull.outcomes import PulledPublication, PullResult
from iapt.pull.pulling import pull_publications
from iapt.pull.receiving import PullHome
from iapt.pull.reviews import list_unused_drops, read_reviews
from iapt.pull.selection import select_publications
from iapt.sources.remote_files import FetchedFile, NotThereError, ReportBytes, SourceError, Validators
from iapt.workspace import CATALOGUE, Workspace
from iapt.workspace_state import Reviews

HOST = "https://files.digital.nhs.uk/00/000000/"
NOW = datetime(2026, 7, 10, 9, 0, tzinfo=UTC)


def make_publication(period: str = "2026-04", **changes: Any) -> Publication:
    """A monthly publication; its file is named for its month, as the publisher's are."""
    month = calendar.month_abbr[int(period[5:7])].lower() if parse_period_label(period).grain == "month" else period
    row: dict[str, Any] = {
        "series": "monthly",
        "period": period,
        "revision": 1,
        "status": "definitive",
        "page": {"series": "talking_therapies_monthly"},
        "file": f"{HOST}month_{month}_{period[:4]}_performance.csv",
        "format": "csv",
    }
    return Publication.model_validate(row | changes)


class FakeSource:
    """Files by address. An error in the place of bytes is raised; each fetch is remembered with what it sent."""

    def __init__(self) -> None:
        self.files: dict[str, bytes | SourceError] = {}
        self.fetched: list[tuple[str, Validators | None]] = []
        self.version = 0

    def put(self, publication: Publication, content: bytes | SourceError) -> None:
        assert publication.file is not None
        self.version += 1
        self.files[publication.file] = content

    def fetch(
        self, address: str, target: Path, known: Validators | None = None, report: ReportBytes | None = None
    ) -> FetchedFile:
        self.fetched.append((address, known))
        content = self.files.get(address, NotThereError(address, "a file", "nothing", "Look at its page."))
        if isinstance(content, SourceError):
            raise content
        validators = Validators(etag=f'"{hash(content)}"')
        if known == validators:
            return FetchedFile(address, False, 0, 0, validators, 304)
        target.write_bytes(content)
        if report is not None:
            report(len(content), len(content))
        return FetchedFile(address, True, len(content), len(content), validators, 200)


class PullingHome:
    """A home, its list of publications and its source."""

    def __init__(self, root: Path, rows: Sequence[Publication], withdrawn: Sequence[WithdrawnFile] = ()) -> None:
        self.workspace = Workspace(root / "home")
        self.workspace.root.mkdir(exist_ok=True)
        self.archive = DropArchive(self.workspace.drops)
        self.observations = ObservationStore(self.workspace.observations)
        self.source = FakeSource()
        self.rows, self.withdrawn = list(rows), list(withdrawn)
        self.now = NOW

    @functools.cached_property
    def catalogue(self) -> Catalogue:
        catalogue = Catalogue(CATALOGUE)
        catalogue.publications = Publications(self.rows, catalogue.publisher)
        catalogue.withdrawn = self.withdrawn
        return catalogue

    def pull(self, *, recheck: bool = True, **selection: Any) -> PullResult:
        home = PullHome(self.workspace, self.archive, self.observations, self.catalogue)
        selected = select_publications(self.catalogue.publications, self.catalogue.publisher, **selection)
        return pull_publications(home, selected, self.source, recheck=recheck, get_now=self._tick)

    def pull_one(self, **options: Any) -> PulledPublication:
        (pulled,) = self.pull(**options).pulled
        return pulled

    def list_drops_in_use(self) -> list[ArchivedDrop]:
        unused = list_unused_drops(self.workspace, self.catalogue)
        return [drop for drop in self.archive if drop.sha256 not in unused]

    def read_reviews(self) -> Reviews:
        return read_reviews(self.workspace)

    def _tick(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now
