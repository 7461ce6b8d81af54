"""A list of publications, a calendar and archived drops for tests of what is present, late or missing."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection, Sequence
from typing import Any

from iapt.catalogue.gaps import Gap
from iapt.catalogue.publications import Publication, Publications
from iapt.catalogue.publisher import Publisher
from iapt.ingest.archive import ArchivedDrop
from iapt.ingest.completeness import ArchiveState, PublicationState, UnusedDrop, assess_publications
from iapt.ingest.observation_store import DropSummary, TableSummary

#: A month is published on the second Thursday of the second month after it, and is late two weeks later.
PUBLISHER = Publisher.model_validate(
    {
        "hosts": {"pages": ["example.org"], "files": ["files.example.org"]},
        "transfer": {
            **dict.fromkeys(("pause_seconds", "longest_wait_seconds", "recheck_hours"), 0),
            **dict.fromkeys(("connect_seconds", "read_seconds", "file_seconds", "attempts", "max_page_bytes"), 1),
            "redirects": 0,
            "robots_of_files": False,
        },
        "statistical": "https://example.org/statistical/",
        "series_pages": {"months": {"address": "https://example.org/months", "lists": ["monthly", "quarterly"]}},
        "series": {
            "monthly": {
                "title": "Months",
                "grain": "month",
                "first_expected": "2026-01",
                "publication": {"months_after": 2, "weekday": "thursday", "nth": 2},
                "tolerance_days": 14,
            },
            "quarterly": {
                "title": "Quarters",
                "grain": "quarter",
                "first_expected": "2025-26 Q4",
                "publication": {"months_after": 2, "weekday": "thursday", "nth": 2},
                "tolerance_days": 14,
            },
            "timeseries": {"title": "Measures over the months", "grain": "month"},
            "monthly_metadata": {"title": "Words", "grain": "month", "not_pulled": "They hold no figures."},
        },
    }
)


def make_publication(period: str, revision: int = 1, **changes: Any) -> Publication:
    """A listed publication, by default a month whose file is known."""
    row: dict[str, Any] = {
        "series": "monthly",
        "period": period,
        "revision": revision,
        "status": "definitive",
        "page": {"series": "months", "slug": f"month-{period}"},
        "file": f"https://files.example.org/{changes.get('series', 'monthly')}/{period}%20v{revision}.csv",
        "format": "csv",
    }
    return Publication.model_validate(row | changes)


def make_drop(
    name: str = "a file.csv", *, sequence: int = 1, archived_on: str = "2026-06-20", **changes: Any
) -> ArchivedDrop:
    """An archived drop; its bytes are those of its name and sequence."""
    fields: dict[str, Any] = {
        "sha256": hashlib.sha256(f"{name} {sequence}".encode()).hexdigest(),
        "file": name,
        "bytes": 1000 + sequence,
        "origin": "published",
        "made": "",
        "source": "",
        "licence": "",
        "status": "definitive",
        "revision": 1,
        "sequence": sequence,
        "batch": 1,
        "source_path": name,
        "archived_at": f"{archived_on}T12:00:00+00:00",
    }
    return ArchivedDrop(**fields | changes)


def make_summary(drop: ArchivedDrop, *periods: str, series: str = "monthly") -> DropSummary:
    """What was read of a drop: a table of one series and its periods."""
    grain = PUBLISHER.series[series].grain if series in PUBLISHER.series else "month"
    table = TableSummary("a_layout", series, grain, [], list(periods), [], 0, 0, {}, {}, 0)
    return DropSummary(drop.sha256, drop.file, "a digest", [table])


def make_in_use(*periods: str, series: str = "monthly", **changes: Any) -> tuple[ArchivedDrop, DropSummary]:
    """A drop in use that publishes these periods."""
    drop = make_drop(**changes)
    return drop, make_summary(drop, *periods, series=series)


def assess(
    listed: Sequence[Publication] = (),
    in_use: Sequence[tuple[ArchivedDrop, DropSummary]] = (),
    *,
    as_of: str | dt.date = "2026-04-01",
    unused: Sequence[UnusedDrop] = (),
    replaced: Collection[str] = (),
    discovered: Collection[str] = (),
    gaps: Sequence[Gap] = (),
) -> list[PublicationState]:
    """What became of each publication under the calendar above."""
    day = dt.date.fromisoformat(as_of) if isinstance(as_of, str) else as_of
    files = ArchiveState(in_use, replaced, unused)
    return assess_publications(Publications(listed, PUBLISHER), discovered, PUBLISHER, gaps, files, day)
