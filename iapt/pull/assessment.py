"""Whether a drop that arrived may be used as the publication it was got as, or is held for a person to look at."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import duckdb

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.holds import HoldRules
from iapt.catalogue.publications import Publication
from iapt.ingest.archive import ArchivedDrop
from iapt.ingest.observation_store import DropSummary, ObservationStore
from iapt.ingest.reissues import add_status_and_revision, find_kind_words, list_zip_members, sort_by_precedence
from iapt.periods import find_period_ending, find_period_starting
from iapt.pull.comparison import Comparison, compare_issues
from iapt.rejection import DropRejectedError
from iapt.run_warnings import list_first
from iapt.workspace_state import HoldReason

#: For these a drop is held because of what the catalogue says of it; a corrected catalogue may say otherwise.
RULES_OF_THE_LIST: Final = frozenset({"unreadable", "other_sha256", "other_series", "other_period", "missing_members"})
ReadDrop = tuple[ArchivedDrop, DropSummary]


@dataclass(frozen=True)
class Assessment:
    """Why a drop is held (empty: it is not), and how it differs from the issue before it; None where there is none."""

    reasons: tuple[HoldReason, ...]
    comparison: Comparison | None


def assess_drop(
    connection: duckdb.DuckDBPyConnection,
    arrived: ReadDrop,
    publication: Publication,
    in_use: Sequence[ReadDrop],
    observations: ObservationStore,
    catalogue: Catalogue,
) -> Assessment:
    """Hold a drop against the list and against the issue of the same publication that is in use.

    `in_use` are the drops that releases are built from, without the one that arrived.
    """
    drop, summary = arrived
    if summary.rejection is not None:
        return Assessment((_make_unreadable(summary.rejection),), None)
    reasons = list(find_contradictions(drop, summary, publication))
    earlier = find_earlier_issue(arrived, publication, in_use, catalogue)
    if earlier is None:
        return Assessment(tuple(reasons), None)
    comparison = compare_issues(
        connection,
        earlier[0].sha256,
        observations.observations_path(earlier[0].sha256),
        observations.observations_path(drop.sha256),
    )
    return Assessment((*reasons, *_find_losses(comparison, earlier[0], catalogue.holds)), comparison)


def find_earlier_issue(
    arrived: ReadDrop, publication: Publication, in_use: Sequence[ReadDrop], catalogue: Catalogue
) -> ReadDrop | None:
    """Return the issue in use that a drop takes the place of: the most believed of its publication; None without one.

    A drop got as a listed publication is told by that, one of a folder by its series, its periods and its name. A later
    issue of the list than the one that arrived is no earlier one.
    """
    drop, _ = arrived
    candidates = []
    for other, other_summary in in_use:
        if other.sha256 == drop.sha256 or other.origin != drop.origin:
            continue
        ranked = add_status_and_revision(other, other_summary, catalogue.precedence)
        if other.publication:
            series, period, revision = other.publication.rsplit("/", 2)
            is_issue = (series, period) == publication.key and int(revision) <= publication.revision
        else:
            is_issue = ranked.revision <= publication.revision and _is_same_file(
                arrived, (other, other_summary), catalogue
            )
        if is_issue:
            candidates.append((ranked, other_summary))
    if not candidates:
        return None
    best = sort_by_precedence(candidate for candidate, _ in candidates)[0]
    return next((other, of_other) for other, of_other in candidates if other.sha256 == best.sha256)


def describe_shrinkage(
    summary: DropSummary, publication: Publication, in_use: Sequence[ReadDrop], rules: HoldRules
) -> str:
    """Say that a file of a new period has fewer cells than that of the period before it; empty where it has not.

    Nothing is held for it: the publisher's measures and levels change from period to period.
    """
    before = find_period_ending(publication.bounds[0].start - dt.timedelta(days=1), publication.bounds[0].grain)
    cells = [
        of_before.cells
        for _, of_before in in_use
        if any(table.series == publication.series and table.periods == [before.label] for table in of_before.tables)
    ]
    if not cells or summary.cells >= rules.least_share_of_cells * max(cells):
        return ""
    return f"it has {summary.cells:,} cells, and {before.label} has {max(cells):,}: compare them before you rely on it"


def _is_same_file(one: ReadDrop, other: ReadDrop, catalogue: Catalogue) -> bool:
    """Whether two drops publish the same series and periods, and their names tell no difference of kind."""

    def describe(read: ReadDrop) -> tuple[object, ...]:
        drop, summary = read
        names = [catalogue.precedence.remove_revision(name) for name in (drop.file, *list_zip_members(summary))]
        published = sorted({(table.series, tuple(table.periods)) for table in summary.tables})
        return published, find_kind_words(names, catalogue.re_issues)

    return describe(one) == describe(other)


def _make_unreadable(rejection: dict[str, str]) -> HoldReason:
    return HoldReason(rule="unreadable", text=f"it cannot be read: {DropRejectedError(**rejection)}")


def find_contradictions(drop: ArchivedDrop, summary: DropSummary, publication: Publication) -> list[HoldReason]:
    """Return in what a drop is not what the list says of it."""
    reasons = []
    if publication.sha256 is not None and publication.sha256 != drop.sha256:
        text = f"its sha256 is {drop.sha256}, and the list declares {publication.sha256}"
        reasons.append(HoldReason(rule="other_sha256", text=text))
    tables = [table for table in summary.tables if table.series == publication.series]
    if not tables:
        found = list_first(sorted({table.series for table in summary.tables}), len(summary.tables))
        text = f"it was listed as {publication.series} and holds {found or 'no table'}"
        reasons.append(HoldReason(rule="other_series", text=text))
    expected = _list_periods(publication)
    if other := sorted({label for table in tables for label in table.periods} ^ expected):
        listed = (
            publication.period
            if publication.first_period is None
            else " to ".join((publication.first_period, publication.period))
        )
        text = f"it was listed as of {listed}, and differs from that in {list_first(other, len(other))}"
        reasons.append(HoldReason(rule="other_period", text=text))
    if missing := sorted(set(publication.members) - set(list_zip_members(summary))):
        text = f"it lacks {list_first(missing, len(missing))}, which the list says it holds"
        reasons.append(HoldReason(rule="missing_members", text=text))
    return reasons if tables else [reason for reason in reasons if reason.rule != "other_period"]


def _list_periods(publication: Publication) -> set[str]:
    """Return the labels of all periods that a publication is of."""
    first, last = publication.bounds
    labels, start = set(), first.start
    while start <= last.start:
        period = find_period_starting(start, first.grain)
        assert period is not None
        labels.add(period.label)
        following = period.end.toordinal() + 1
        start = start.fromordinal(following)
    return labels


def _find_losses(comparison: Comparison, earlier: ArchivedDrop, rules: HoldRules) -> list[HoldReason]:
    """Return what an issue lost of the one before, beyond what the rules allow."""
    reasons = []
    before = f"the issue in use, {earlier.file}"
    if comparison.later_cells < rules.least_share_of_cells * comparison.earlier_cells:
        text = f"it shrank: {comparison.later_cells:,} cells where {before}, has {comparison.earlier_cells:,}"
        reasons.append(HoldReason(rule="shrank", text=text))
    for rule, lost, allowed, what in (
        ("lost_organisations", comparison.lost_organisations, rules.lost_organisations, "organisations"),
        ("lost_measures", comparison.lost_measures, rules.lost_measures, "measures"),
    ):
        if len(lost) > allowed:
            text = f"it lost {len(lost):,} {what} of {before}: {list_first(lost, len(lost))}"
            reasons.append(HoldReason(rule=rule, text=text))
    return reasons
