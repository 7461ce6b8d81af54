"""What is known of a period, as the metadata of its partition: its drops and where they are from, a hold, or a gap."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import dagster as dg

from iapt.catalogue.gaps import Gap
from iapt.catalogue.publications import Publications
from iapt.ingest.archive import ArchivedDrop
from iapt.ingest.drop_reading import list_drops_of_period
from iapt.ingest.landing import label_drops
from iapt.ingest.observation_store import DropSummary
from iapt.periods import find_period_starting
from iapt.pull.outcomes import NEW
from iapt.pull.reviews import read_reviews
from iapt.workspace import Workspace
from iapt.workspace_state import PulledDrop, PulledFiles, Review

Metadata = dict[str, str | int | dg.UrlMetadataValue]

#: The digits of a sha256 in a command.
DIGITS_SHOWN: Final = 12


@dataclass(frozen=True)
class PeriodDescriber:
    """Describes the periods of a home. `usable` are the drops in use; `replaced` the sha256 that a re-issue replaced.

    `pulled` is what this run got from the publisher: what it was compared with is known of these drops alone.
    """

    workspace: Workspace
    publications: Publications
    gaps: Sequence[Gap]
    usable: Sequence[tuple[ArchivedDrop, DropSummary]]
    replaced: Collection[str]
    pulled: Sequence[PulledDrop] = ()
    _files: PulledFiles = field(init=False)
    _held: dict[str, Review] = field(init=False)

    def __post_init__(self) -> None:
        """Read what the home remembers of its pulls and of what is held."""
        object.__setattr__(self, "_files", PulledFiles.load_if_present(self.workspace.pulled) or PulledFiles())
        reviews = read_reviews(self.workspace).reviews
        held = {sha256: review for sha256, review in reviews.items() if review.state == "held"}
        object.__setattr__(self, "_held", held)

    def describe(self, grain: str, start: str) -> Metadata | None:
        """Return what is known of the period of a grain that starts on a day; None where there is nothing of it."""
        period = find_period_starting(date.fromisoformat(start), grain)
        label = period.label if period is not None else start
        drops = list_drops_of_period(self.usable, grain, start)
        held = self._describe_held(label)
        if drops:
            return describe_period(label, drops, self.replaced) | self._describe_newest(drops) | held
        if held:
            return {"period": label, "status": "held", **held}
        gap = next((gap for gap in self.gaps if gap.period == label), None)
        return describe_gap(gap) if gap is not None else None

    def list_held_periods(self) -> set[str]:
        """Return the labels of the periods of which a drop is held."""
        ids = {review.publication for review in self._held.values()}
        return {row.period for row in self.publications.rows if row.id in ids}

    def _describe_newest(self, drops: Sequence[tuple[ArchivedDrop, DropSummary]]) -> Metadata:
        """Return where the drop in use was got, as what; of several, that which was archived last.

        One that was got as a listed publication is preferred to a file of a folder.
        """
        in_use = [drop for drop, _ in drops if drop.sha256 not in self.replaced] or [drop for drop, _ in drops]
        drop = max(in_use, key=lambda drop: (bool(drop.publication), drop.sequence))
        metadata: Metadata = {
            "address": dg.MetadataValue.url(drop.address) if drop.address else f"{drop.source_path} (a folder)",
            "bytes": drop.bytes,
            "sha256": drop.sha256,
            "revision": drop.revision,
        }
        if drop.publication:
            metadata["publication"] = drop.publication
        known = self._files.files.get(drop.address)
        if known is not None and known.http_status is not None:
            metadata["status code"] = known.http_status
        pulled = next((one for one in self.pulled if one.sha256 == drop.sha256), None)
        if pulled is not None:
            metadata["comparison"] = pulled.comparison or (
                "nothing to compare with: it is the first issue archived"
                if pulled.outcome in NEW
                else "unchanged since it was archived"
            )
            metadata["bytes received"] = pulled.bytes_received
        return metadata

    def _describe_held(self, label: str) -> Metadata:
        ids = {row.id for row in self.publications.rows if row.period == label}
        held = [describe_hold(sha256, review) for sha256, review in self._held.items() if review.publication in ids]
        return {"held": "; ".join(held)} if held else {}


def describe_hold(sha256: str, review: Review) -> str:
    """Say which drop is held and why, and which commands decide it."""
    reasons = "; ".join(reason.text for reason in review.reasons)
    digits = sha256[:DIGITS_SHOWN]
    return f"{review.file}: {reasons}. Decide: iapt accept {digits}, or iapt reject {digits}"


def describe_period(
    label: str, drops: Sequence[tuple[ArchivedDrop, DropSummary]], replaced: Collection[str]
) -> Metadata:
    """Return, as metadata, what is known of a period from the drops that publish it.

    `replaced` are the sha256 of drops that a re-issue replaced: they are named, and their cells are not counted.
    """
    labels = label_drops(drops)
    in_use = [(drop, summary) for drop, summary in drops if drop.sha256 not in replaced]
    metadata: Metadata = {
        "period": label,
        "status": "published",
        "drops": ", ".join(labels[drop.sha256] for drop, _ in in_use),
        "cells in these drops": sum(summary.cells for _, summary in in_use),
        "cells quarantined": sum(summary.quarantined for _, summary in in_use),
    }
    if earlier := [labels[drop.sha256] for drop, _ in drops if drop.sha256 in replaced]:
        metadata["replaced by a re-issue"] = ", ".join(earlier)
    return metadata


def describe_gap(gap: Gap) -> Metadata:
    """Return, as metadata, why a period was never published."""
    return {"period": gap.period, "status": gap.kind, "reason": gap.reason, "source": gap.source}
