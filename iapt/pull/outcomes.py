"""What came of pulling: an outcome for each publication, and their counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from iapt.catalogue.publications import Publication
from iapt.pull.comparison import Comparison

Outcome = Literal[
    "created", "unchanged", "same_figures", "changed", "held", "withdrawn", "by_hand", "failed", "not_asked", "planned"
]
#: In the order in which a summary counts them, with the words for it.
OUTCOMES: dict[Outcome, str] = {
    "created": "created",
    "changed": "changed",
    "same_figures": "changed without a change in figures",
    "unchanged": "unchanged",
    "held": "held",
    "withdrawn": "withdrawn by the publisher, not archived",
    "by_hand": "to be got by hand",
    "failed": "failed",
    "not_asked": "not asked for",
    "planned": "to get",
}
#: Those after which the archive has something that it had not.
NEW: frozenset[Outcome] = frozenset({"created", "changed", "same_figures"})


@dataclass(frozen=True)
class PulledPublication:
    """What came of one publication. `bytes_received` are those of the body that came over the wire this time.

    `detail` is a sentence's end for a person: reasons of a hold, of a failure, or how the figures differ.
    """

    publication: Publication
    outcome: Outcome
    detail: str = ""
    sha256: str = ""
    bytes: int = 0
    bytes_received: int = 0
    http_status: int | None = None
    comparison: Comparison | None = None


@dataclass
class PullResult:
    """What came of a pull, in the order of the publications."""

    pulled: list[PulledPublication] = field(default_factory=list)

    def select(self, *outcomes: Outcome) -> list[PulledPublication]:
        """Return those with one of some outcomes."""
        return [pulled for pulled in self.pulled if pulled.outcome in outcomes]

    @property
    def counts(self) -> dict[Outcome, int]:
        """How many publications had each outcome; those of none are left out."""
        counted = Counter(pulled.outcome for pulled in self.pulled)
        return {outcome: counted[outcome] for outcome in OUTCOMES if counted[outcome]}

    @property
    def bytes_received(self) -> int:
        """Bytes of bodies that came over the wire."""
        return sum(pulled.bytes_received for pulled in self.pulled)

    @property
    def is_complete(self) -> bool:
        """Whether everything asked for is archived, held drops included."""
        return not self.select("by_hand", "failed", "not_asked")

    def describe_counts(self) -> str:
        """Return the counts as one line."""
        return ", ".join(f"{count:,} {OUTCOMES[outcome]}" for outcome, count in self.counts.items()) or "nothing listed"
