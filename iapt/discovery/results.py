"""What discovery came to: proposed rows, questions to a person, what was read, what is announced."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from iapt.catalogue.publications import Publication
from iapt.discovery.page_dates import PageDate
from iapt.discovery.page_kinds import PageKind

ProposalKind = Literal["new", "completed", "re-issued"]


@dataclass(frozen=True)
class Proposal:
    """A row that the catalogue lacks, or one that it has without a file.

    `awaits` is what a person has to decide before the row can be written; empty where nothing is.
    """

    publication: Publication
    kind: ProposalKind
    page_address: str
    reason: str
    awaits: str = ""


@dataclass(frozen=True)
class Question:
    """Something that the pages do not say, for a person: what was found, where, among what to choose, what to do."""

    address: str
    found: str
    remedy: str
    candidates: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the question in one line for each candidate."""
        lines = [f"{self.address}: {self.found}.", *(f"  - {candidate}" for candidate in self.candidates)]
        return "\n".join([*lines, f"  {self.remedy}"])


@dataclass(frozen=True)
class PageRead:
    """One page that was asked for, and what came."""

    address: str
    kind: PageKind | None
    note: str = ""


@dataclass(frozen=True)
class UpcomingPublication:
    """A publication that the publisher announces: its title, its page, and the day or month it is announced for."""

    title: str
    address: str
    series: tuple[str, ...]
    periods: tuple[str, ...]
    expected: PageDate | None


@dataclass
class DiscoveryResult:
    """What discovery came to. `failures` say what could not be read; what was found before stands."""

    proposals: list[Proposal] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    pages_read: list[PageRead] = field(default_factory=list)
    not_yet_published: list[UpcomingPublication] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    listed: int = 0
    not_looked_at: int = 0

    def ask(self, question: Question) -> None:
        """Add a question, once."""
        if question not in self.questions:
            self.questions.append(question)

    @property
    def writable(self) -> list[Publication]:
        """The rows that nothing stands against."""
        return [proposal.publication for proposal in self.proposals if not proposal.awaits]

    @property
    def exit_status(self) -> int:
        """1 where the publisher could not be read, 3 where there are questions, else 0."""
        return 1 if self.failures else 3 if self.questions else 0
