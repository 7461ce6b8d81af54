"""Proposals: a file that a page offers beside what is listed of its period, and what contradicts among proposals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from iapt.catalogue.precedence import Precedence
from iapt.catalogue.publications import Publication, PublicationPage, Publications
from iapt.discovery.file_selection import KnownFile
from iapt.discovery.named_publications import NamedPublication
from iapt.discovery.publication_pages import PublicationPageContents
from iapt.discovery.results import DiscoveryResult, Proposal, ProposalKind, Question
from iapt.discovery.series_pages import ListedPublication


@dataclass(frozen=True)
class Origin:
    """The page that a file was found on: the key of its series page, and what has to be decided first, if anything."""

    series: str
    entry: ListedPublication
    contents: PublicationPageContents
    awaits: str = ""

    @property
    def address(self) -> str:
        """The address of the page, as the series page has it."""
        return self.entry.link.address

    @property
    def title(self) -> str:
        """The title of the page, else the one on the series page."""
        return self.contents.title or self.entry.title


class ProposalList:
    """Adds proposals to a result, and questions where two of them, or one and the list, contradict each other."""

    def __init__(self, publications: Publications, precedence: Precedence, result: DiscoveryResult) -> None:
        """Compare with what is listed, and write into a result."""
        self.publications = publications
        self.precedence = precedence
        self.result = result
        #: Every proposal that was made, also those that a contradiction took back.
        self.proposed: list[Proposal] = []

    def add(self, origin: Origin, named: NamedPublication, file: KnownFile, first_period: str | None = None) -> None:
        """Compare the file with what is listed of the period, and propose what differs."""
        label = named.period.label
        address = file.file.link.address
        issues = self.publications.list_issues(named.series, label)
        latest = issues[0] if issues else None
        listed = next((row for row in self.publications.rows if _is_same_file(row.file, address)), None)
        if listed is not None:
            if listed is not latest:
                self._ask(
                    origin.address,
                    f"the main file of {named.series} {label} is listed as that of {listed.id}"
                    + (f", an earlier issue than {latest.id}" if latest and latest.key == listed.key else ""),
                    "Look at the page: where the publisher went back to that file, correct the rows by hand.",
                    [file.describe(named.period)],
                )
            return
        kind, revision, supersedes = self._number_revision(latest, file)
        publication = Publication(
            series=named.series,
            period=label,
            first_period=first_period,
            revision=revision,
            status=named.status,
            page=PublicationPage(series=origin.series, slug=origin.entry.link.slug, title=origin.title or None),
            file=address,
            format=file.format,
            members=latest.members if kind == "completed" and latest is not None else [],
            supersedes=supersedes,
        )
        self._register(Proposal(publication, kind, origin.address, _explain(kind, origin, file), origin.awaits))

    def _register(self, proposal: Proposal) -> None:
        """Keep a proposal, unless another one is of the same publication or has the same file: then neither is kept.

        Of a provisional and a definitive file of one period, the definitive one is kept.
        """
        publication = proposal.publication
        others = [
            other
            for other in self.proposed
            if other.publication.key == publication.key or other.publication.file == publication.file
        ]
        for other in others:
            if other.publication == publication:
                return
            statuses = (publication.status, other.publication.status)
            if other.publication.key == publication.key and statuses == ("provisional", "definitive"):
                return
            if other.publication.key == publication.key and statuses == ("definitive", "provisional"):
                self.result.proposals = [kept for kept in self.result.proposals if kept is not other]
                continue
            self.result.proposals = [kept for kept in self.result.proposals if kept is not other]
            self.proposed.append(proposal)
            self._ask(
                proposal.page_address,
                f"{publication.series} {publication.period} and {other.publication.series} {other.publication.period} "
                f"of {other.page_address} cannot both be listed: "
                + ("they have one file" if other.publication.file == publication.file else "they are one publication"),
                "Look at both pages, and add the row of the right one by hand.",
                [str(publication.file), str(other.publication.file)],
            )
            return
        self.proposed.append(proposal)
        self.result.proposals.append(proposal)

    def _number_revision(self, latest: Publication | None, file: KnownFile) -> tuple[ProposalKind, int, str | None]:
        named = self.precedence.infer_revision(file.name)
        if latest is None:
            return "new", named, None
        if latest.file is None:
            return "completed", latest.revision, None
        return "re-issued", max(latest.revision + 1, named), latest.file

    def _ask(self, address: str, found: str, remedy: str, candidates: Sequence[str]) -> None:
        self.result.ask(Question(address, found, remedy, tuple(candidates)))


def _explain(kind: ProposalKind, origin: Origin, file: KnownFile) -> str:
    parts = [f"{origin.title!r} offers {file.file.display_name!r}"]
    if kind == "re-issued":
        parts += [f"{notice.title} {notice.text} ({notice.mark})".strip()[:300] for notice in origin.contents.notices]
        if not origin.contents.notices:
            parts.append("no change notice on the page")
    return "; ".join(parts)


def _is_same_file(listed: str | None, address: str) -> bool:
    """Whether two addresses are the same but for what is percent-encoded in them."""
    if listed is None:
        return False
    first, second = urlsplit(listed), urlsplit(address)
    return (first.hostname, unquote(first.path)) == (second.hostname, unquote(second.path))
