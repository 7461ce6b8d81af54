"""A home that gets its drops from a publisher of our own: its catalogue, and the publisher as Dagster's resource."""

from __future__ import annotations

import contextlib
import datetime as dt
import shutil
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import yaml

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.publications import Publication
from iapt.discovery.results import DiscoveryResult
from iapt.ingest.due_publications import ExpectedPublication, iterate_expected
from iapt.sources.remote_files import Source
from iapt.workspace import CATALOGUE
from orchestration.publisher_resource import PublisherResource
from orchestration.resources import WorkspaceResource

PUBLISHER = Catalogue(CATALOGUE).publisher


def write_catalogue(folder: Path, rows: Sequence[Publication], **publisher: Any) -> Path:
    """Write a copy of the project's catalogue with other publications; return its folder.

    `publisher` are keys of publisher.yml with other values.
    """
    shutil.copytree(CATALOGUE, folder)
    records = [row.model_dump(mode="json", exclude_defaults=True) for row in rows]
    (folder / "publications.yml").write_text(yaml.safe_dump(records), "utf-8")
    settings = yaml.safe_load((folder / "publisher.yml").read_text("utf-8")) | publisher
    (folder / "publisher.yml").write_text(yaml.safe_dump(settings), "utf-8")
    return folder


def make_known_rows(until: dt.date) -> list[Publication]:
    """A row for everything that the calendar expects by a day, with files that are never pulled."""
    rows = []
    for name, series in PUBLISHER.series.items():
        for expected in iterate_expected(name, series):
            if expected.expected_on > until:
                break
            rows.append(make_row(*expected.key, not_pulled="It is of no use here."))
    return rows


def make_row(series: str, period: str, **changes: Any) -> Publication:
    """A listed publication with a file of its own."""
    page = "talking_therapies_annual" if series == "annual" else "talking_therapies_monthly"
    row: dict[str, Any] = {
        "series": series,
        "period": period,
        "revision": 1,
        "status": "definitive",
        "page": {"series": page},
        "file": f"https://files.digital.nhs.uk/00/000000/{series}_{period.replace(' ', '_')}.csv",
        "format": "csv",
    }
    return Publication.model_validate(row | changes)


class MadePublisher:
    """What a publisher of our own has and says on a day: files by `source`, pages by what is discovered on them."""

    def __init__(self, today: dt.date, source: Source | None = None) -> None:
        self.today = today
        self.source = source
        self.pages = DiscoveryResult()
        #: What was looked for on the pages, each time.
        self.looked_for: list[Sequence[ExpectedPublication]] = []

    def make_resource(self, workspace: WorkspaceResource) -> PublisherResource:
        """Return the resource of a home. Dagster copies resources, so what it answers is held here."""
        made = self

        class Resource(PublisherResource):
            def find_today(self) -> dt.date:
                return made.today

            def look_for(self, awaited: Sequence[ExpectedPublication]) -> DiscoveryResult:
                made.looked_for.append(awaited)
                return made.pages

            def read_pages(self) -> DiscoveryResult:
                return made.pages

            @contextlib.contextmanager
            def open_source(self, catalogue: Catalogue) -> Generator[Source]:
                assert made.source is not None
                yield made.source

        return Resource(workspace=workspace)
