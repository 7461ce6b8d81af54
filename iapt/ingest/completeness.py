"""Completeness: what became of each publication that is listed, expected by the calendar, or held.

A row is about a publication and a drop of it, or about a publication of which no drop is archived. The first line of
this table that holds decides its state:

| what is known of it | state |
|---|---|
| a drop of it is in use | `present` |
| a drop of it was read, and a later issue replaces every period and level of it | `superseded` |
| a drop of it is archived and not used, and a later issue or file of it is in use | `superseded` |
| a drop of it is archived and not used: held for a decision, rejected, withdrawn or unreadable | `held` |
| no drop of it is archived, and a later issue is in use or listed | `superseded` |
| it is a known gap | `not_published` |
| it is listed, with a reason why its file is never fetched | `not_pulled` |
| it is listed | `missing` |
| it is not listed, and a later period of its series is listed or held | `missing` |
| it is not listed, and its day and the days of tolerance are past | `late` |
| it is not listed, and they are not | `expected` |

What is not listed has a row where a drop of it is archived, and where its series has a calendar and its period has
ended. With time a publication goes from `expected` to `late` and never back; no other state depends on the day.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.gaps import Gap
from iapt.catalogue.publications import Publication, Publications
from iapt.catalogue.publisher import PublishedSeries, Publisher
from iapt.files import compute_sha256
from iapt.ingest.archive import ArchivedDrop
from iapt.ingest.due_publications import ExpectedPublication, iterate_expected
from iapt.ingest.listed_publications import load_publications
from iapt.ingest.observation_store import DropSummary, ObservationStore
from iapt.ingest.reissues import add_status_and_revision, find_wholly_replaced_drops
from iapt.ingest.remote_archive import open_archive
from iapt.periods import Period, format_day, parse_period_label
from iapt.rejection import DropRejectedError
from iapt.workspace import Workspace
from iapt.workspace_state import Reviews

State: TypeAlias = Literal[
    "present", "superseded", "held", "not_published", "not_pulled", "missing", "late", "expected"
]
#: Who lists a publication: the reviewed catalogue, discovery for this home, or nobody.
Listed: TypeAlias = Literal["reviewed", "discovered", "not_listed"]

OTHER_NAME: Final = "The file in use has another name than the listed one; it may be an excerpt or a copy."
NO_ADDRESS: Final = "Its page is listed; the address of its file is not known."
NOT_ARCHIVED: Final = "It is listed, and no drop of it is archived."
NOT_LISTED: Final = "A later period of the series is listed or held; this one is not listed, so no address is known."


@dataclass(frozen=True)
class UnusedDrop:
    """An archived drop that no release is built from. `publication` is an id, or empty where none is known.

    `is_pending` is whether it waits for a person's decision; `reason` is sentences.
    """

    drop: ArchivedDrop
    publication: str
    reason: str
    is_pending: bool = False


@dataclass(frozen=True)
class ArchiveState:
    """What a home holds: the drops that were read in full, with their status and revision, and those not used.

    `replaced` are the sha256 of the drops in use of which a later issue replaces all.
    """

    in_use: Sequence[tuple[ArchivedDrop, DropSummary]]
    replaced: Collection[str] = frozenset()
    unused: Sequence[UnusedDrop] = ()

    @property
    def newest_day(self) -> dt.date:
        """The day on which the newest of these drops was archived. Raises ValueError where there is none."""
        drops = [*(drop for drop, _ in self.in_use), *(unused.drop for unused in self.unused)]
        return max(map(parse_archived_day, drops))


def parse_archived_day(drop: ArchivedDrop) -> dt.date:
    """Return the day on which a drop was archived, in UTC."""
    return dt.datetime.fromisoformat(drop.archived_at).astimezone(dt.UTC).date()


@dataclass(frozen=True)
class PublicationState:
    """A publication, the drop of it where one is archived, and what became of it by the day `as_of`.

    `publication` is its entry in the list. `expected_on` is the day of the calendar, and `late_after` the last day on
    which it is not late; both are None where nothing is expected by calendar. `superseded_by` is the id of a later
    issue: that of the publication itself where its file was issued again under the same name.
    """

    series: str
    first_period: Period
    last_period: Period
    revision: int
    status: str
    state: State
    as_of: dt.date
    listed: Listed = "not_listed"
    reason: str = ""
    expected_on: dt.date | None = None
    late_after: dt.date | None = None
    publication: Publication | None = None
    drop: ArchivedDrop | None = None
    superseded_by: str = ""
    is_pending: bool = False

    @property
    def period(self) -> str:
        """The label of its period; of a time series, of its last one."""
        return self.last_period.label

    @property
    def id(self) -> str:
        """Series, period and revision, such as `monthly/2026-04/1`."""
        return f"{self.series}/{self.period}/{self.revision}"

    @property
    def file_name(self) -> str:
        """The name of the drop, else that of the listed file; empty where neither is known."""
        if self.drop is not None:
            return self.drop.file
        return self.publication.file_name if self.publication is not None and self.publication.file else ""

    @property
    def days_late(self) -> int:
        """How many days after its expected day it still is not there; 0 where it is not late."""
        return (self.as_of - self.expected_on).days if self.state == "late" and self.expected_on else 0


def assess_workspace(workspace: Workspace, catalogue: Catalogue, as_of: dt.date) -> list[PublicationState]:
    """Return what became of each publication in a home by a day; nothing in a home of restricted counts.

    Raises FoundPublicationsError where the home's own list of publications cannot be read.
    """
    if workspace.is_restricted:
        return []
    return _assess(workspace, catalogue, read_archive_state(workspace, catalogue), as_of)


def assess_release(
    workspace: Workspace, catalogue: Catalogue, read: Sequence[tuple[ArchivedDrop, DropSummary]]
) -> list[PublicationState]:
    """Return what became of each publication where a release is made from some drops of a home.

    It is as of the day on which the newest drop of the home was archived, whether it is used or not: the same drops
    give the same rows. Nothing in a home of restricted counts. Raises FoundPublicationsError where the home's own list
    of publications cannot be read.
    """
    if workspace.is_restricted:
        return []
    unused = list_unused_drops(workspace, catalogue)
    files = make_archive_state(read, unused, ObservationStore(workspace.observations), catalogue)
    return _assess(workspace, catalogue, files, files.newest_day)


def _assess(workspace: Workspace, catalogue: Catalogue, files: ArchiveState, as_of: dt.date) -> list[PublicationState]:
    publications, discovered = load_publications(workspace, catalogue)
    return assess_publications(publications, discovered, catalogue.publisher, catalogue.gaps, files, as_of)


def list_home_inputs(workspace: Workspace, catalogue: Catalogue) -> list[str]:
    """Return, as texts, what a release of a home rests on beside the drops in use and the reviewed catalogue.

    That is what discovery found for this home, which archived drops are not used and why, and the boundaries that the
    map draws. It has no dates: what time alone changes makes no new release.
    """
    drawn = [f"boundaries {compute_sha256(workspace.boundaries)}"] if workspace.boundaries.is_file() else []
    if workspace.is_restricted:
        return drawn
    found: list[str] = []
    if workspace.found_publications.is_file():  # else the list need not be read: it is of the reviewed catalogue
        publications, discovered = load_publications(workspace, catalogue)
        found = [row.model_dump_json() for row in publications.rows if row.id in discovered]
    unused = list_unused_drops(workspace, catalogue)
    return [*drawn, *found, *(f"{entry.drop.sha256} {entry.publication} {entry.reason}" for entry in unused)]


def read_archive_state(workspace: Workspace, catalogue: Catalogue) -> ArchiveState:
    """Return which drops of a home are in use and which are not, as they were read under today's reader and layouts.

    A drop that was not read under them yet counts with what was read of it before: the next refresh reads it. One that
    was never read is in use if it was got as a publication; what another holds is not known.
    """
    observations = ObservationStore(workspace.observations)
    unused = list_unused_drops(workspace, catalogue)
    held_back = {entry.drop.sha256 for entry in unused}
    read = [
        (drop, observations.read_last_summary(drop.sha256) or DropSummary(drop.sha256, drop.file, digest=""))
        for drop in open_archive(workspace)
        if drop.sha256 not in held_back
    ]
    return make_archive_state(read, unused, observations, catalogue)


def make_archive_state(
    read: Sequence[tuple[ArchivedDrop, DropSummary]],
    unused: Sequence[UnusedDrop],
    observations: ObservationStore,
    catalogue: Catalogue,
) -> ArchiveState:
    """Return the state of an archive of which some drops are in use and others are not."""
    in_use = [(add_status_and_revision(drop, summary, catalogue.precedence), summary) for drop, summary in read]
    return ArchiveState(in_use, find_wholly_replaced_drops(in_use, observations, catalogue), unused)


def list_unused_drops(workspace: Workspace, catalogue: Catalogue) -> list[UnusedDrop]:
    """Return the archived drops that are held, rejected or withdrawn, or that cannot be read under today's reader."""
    observations = ObservationStore(workspace.observations)
    reviews = (Reviews.load_if_present(workspace.reviews) or Reviews()).reviews
    withdrawn = {entry.sha256: entry for entry in catalogue.withdrawn}
    unused = []
    for drop in open_archive(workspace):
        summary, review = observations.read_summary(drop.sha256, catalogue), reviews.get(drop.sha256)
        if review is not None and review.state != "accepted":
            is_pending = review.state == "held"
            opening = "It waits for a decision" if is_pending else "It was rejected"
            # Without the person's note: a release has these words.
            reason = f"{opening}: {'; '.join(reason.text for reason in review.reasons)}."
            unused.append(UnusedDrop(drop, review.publication or drop.publication, reason, is_pending))
        elif drop.sha256 in withdrawn:
            unused.append(UnusedDrop(drop, drop.publication, f"It was withdrawn: {withdrawn[drop.sha256].reason}"))
        elif summary is not None and summary.rejection is not None:
            reason = f"It cannot be read: {DropRejectedError(**summary.rejection)}"
            unused.append(UnusedDrop(drop, drop.publication, reason))
    return unused


def assess_publications(
    publications: Publications,
    discovered: Collection[str],
    publisher: Publisher,
    gaps: Sequence[Gap],
    files: ArchiveState,
    as_of: dt.date,
) -> list[PublicationState]:
    """Return what became of each publication by a day: by series, the newest period and the latest issue first.

    Args:
        publications: what is listed; `discovered` are the ids of those that nobody has reviewed.
        publisher: the calendar of each series.
        gaps: the periods that were never published.
        files: what is archived.
        as_of: the day by which something is expected or late.
    """
    assessment = _Assessment(publisher, gaps, as_of)
    issues = _list_issues(publications, discovered, files, publisher)
    states = [state for issue in issues for state in assessment.assess_issue(issue, issues)]
    for name, series in publisher.series.items():
        states += assessment.assess_calendar(name, series, [issue for issue in issues if issue.series == name])
    order = {name: number for number, name in enumerate(publisher.series)}
    # Python's sort keeps equal rows as they are, so the newest is put first by one sort and the series by the next.
    states.sort(key=lambda state: (state.last_period.start, state.revision, _sequence(state)), reverse=True)
    return sorted(states, key=lambda state: (order.get(state.series, len(order)), state.series))


def _sequence(state: PublicationState) -> int:
    return state.drop.sequence if state.drop is not None else 0


@dataclass(frozen=True)
class _Issue:
    """One issue of what is published for the periods of a series: its entry in the list, and its drops."""

    series: str
    bounds: tuple[Period, Period]
    revision: int
    status: str
    listed: Listed
    publication: Publication | None
    in_use: tuple[ArchivedDrop, ...]
    replaced: tuple[ArchivedDrop, ...]
    unused: tuple[UnusedDrop, ...]

    @property
    def id(self) -> str:
        return f"{self.series}/{self.bounds[1].label}/{self.revision}"

    @property
    def rank(self) -> tuple[bool, int]:
        """What is believed before another issue has the higher one."""
        return self.status != "provisional", self.revision

    @property
    def is_of_use(self) -> bool:
        """Whether it supersedes an earlier issue of which no drop is in use."""
        has_rejected = any(not unused.is_pending for unused in self.unused)
        return bool(self.in_use) or (self.publication is not None and not has_rejected)


def _list_issues(
    publications: Publications, discovered: Collection[str], files: ArchiveState, publisher: Publisher
) -> list[_Issue]:
    """Return every listed issue with its drops, and those of which a drop is archived and that are not listed."""
    drops: dict[str, list[ArchivedDrop]] = defaultdict(list)
    unlisted: dict[tuple[str, tuple[Period, Period], int, str], list[ArchivedDrop | UnusedDrop]] = defaultdict(list)
    for drop, summary in files.in_use:
        for series, bounds in _find_bounds(summary, publications.find(drop.publication)):
            if publication := _find_publication(drop, series, bounds, publications):
                drops[publication.id].append(drop)
            else:
                unlisted[series, bounds, drop.revision, drop.status].append(drop)
    unused: dict[str, list[UnusedDrop]] = defaultdict(list)
    for candidate in files.unused:
        if publication := _find_publication_of_unused(candidate, publications):
            unused[publication.id].append(candidate)
        elif parts := _parse_id(candidate.publication, publisher):
            series, bounds, revision = parts
            unlisted[series, bounds, revision, candidate.drop.status].append(candidate)
    issues = [
        _Issue(
            *(row.series, row.bounds, row.revision, row.status),
            "discovered" if row.id in discovered else "reviewed",
            row,
            *_split_replaced(drops[row.id], files.replaced),
            tuple(unused[row.id]),
        )
        for row in publications.rows
    ]
    for (series, bounds, revision, status), archived in unlisted.items():
        used = [entry for entry in archived if isinstance(entry, ArchivedDrop)]
        held = tuple(entry for entry in archived if isinstance(entry, UnusedDrop))
        issues.append(
            _Issue(
                *(series, bounds, revision, status, "not_listed", None),
                *_split_replaced(used, files.replaced),
                held,
            )
        )
    return issues


def _split_replaced(
    drops: Iterable[ArchivedDrop], replaced: Collection[str]
) -> tuple[tuple[ArchivedDrop, ...], tuple[ArchivedDrop, ...]]:
    of_issue = tuple(dict.fromkeys(drops))
    return (
        tuple(drop for drop in of_issue if drop.sha256 not in replaced),
        tuple(drop for drop in of_issue if drop.sha256 in replaced),
    )


def _find_bounds(summary: DropSummary, publication: Publication | None) -> list[tuple[str, tuple[Period, Period]]]:
    """Return the first and the last period of each series of a drop; what the list says of one got as a publication."""
    if publication is not None:
        return [(publication.series, publication.bounds)]
    labels: dict[str, set[str]] = defaultdict(set)
    for table in summary.tables:
        labels[table.series].update(table.periods)
    bounds = []
    for series, of_series in labels.items():
        periods = sorted(map(parse_period_label, of_series))
        bounds.append((series, (periods[0], periods[-1])))
    return bounds


def _find_publication(
    drop: ArchivedDrop, series: str, bounds: tuple[Period, Period], publications: Publications
) -> Publication | None:
    """Return the listed publication of a drop: the one it was got as, else one of the same series and periods.

    Of several issues the one whose file has the name of the drop, else the one of its status and revision.
    """
    if publication := publications.find(drop.publication):
        return publication
    issues = [row for row in publications.list_issues(series, bounds[1].label) if row.bounds == bounds]
    named = [row for row in issues if row.file is not None and row.file_name == drop.file]
    alike = [row for row in issues if (row.status, row.revision) == (drop.status, drop.revision)]
    return next(iter([*named, *alike]), None)


def _find_publication_of_unused(unused: UnusedDrop, publications: Publications) -> Publication | None:
    if publication := publications.find(unused.publication):
        return publication
    if unused.publication:
        return None
    return next((row for row in publications.rows if row.file is not None and row.file_name == unused.drop.file), None)


def _parse_id(identifier: str, publisher: Publisher) -> tuple[str, tuple[Period, Period], int] | None:
    """Return the series, periods and revision of an id that is not listed; None where it is no id of a known series."""
    series, _, rest = identifier.partition("/")
    label, _, revision = rest.rpartition("/")
    if series not in publisher.series or not revision.isdecimal():
        return None
    try:
        period = parse_period_label(label)
    except ValueError:
        return None
    return series, (period, period), int(revision)


@dataclass(frozen=True)
class _Assessment:
    """The calendar, the gaps and the day that publications are held to."""

    publisher: Publisher
    gaps: Sequence[Gap]
    as_of: dt.date

    def assess_issue(self, issue: _Issue, issues: Sequence[_Issue]) -> Iterator[PublicationState]:
        """Yield a state of each drop of an issue; of the issue itself where it has none."""
        later = [
            other
            for other in issues
            if (other.series, other.bounds) == (issue.series, issue.bounds) and other.rank > issue.rank
        ]
        later.sort(key=lambda other: (bool(other.in_use), other.rank), reverse=True)
        in_use = next((other for other in later if other.in_use), None)
        listed = next((other for other in later if other.is_of_use), None)
        for drop in issue.in_use:
            yield self._make(issue, "present", _describe_name(issue, drop), drop)
        for drop in issue.replaced:
            superseded_by = in_use.id if in_use else issue.id
            yield self._make(issue, "superseded", "A later issue of its file replaces it.", drop, superseded_by)
        newest = max((drop.sequence for drop in issue.in_use), default=0)
        for unused in issue.unused:
            if in_use:
                yield self._make(issue, "superseded", "A later issue is in use.", unused.drop, in_use.id)
            elif not unused.is_pending and unused.drop.sequence < newest:
                yield self._make(issue, "superseded", "A later file of it is in use.", unused.drop, issue.id)
            else:
                yield self._make(issue, "held", unused.reason, unused.drop, is_pending=unused.is_pending)
        if issue.in_use or issue.replaced or issue.unused:
            return
        if listed:
            how = "in use" if listed.in_use else "listed"
            yield self._make(issue, "superseded", f"A later issue is {how}.", superseded_by=listed.id)
        else:
            yield self._make(issue, *self._assess_unarchived(issue))

    def assess_calendar(
        self, name: str, series: PublishedSeries, issues: Sequence[_Issue]
    ) -> Iterator[PublicationState]:
        """Yield a state of each period of the calendar that has ended and of which there is no issue."""
        covered = {issue.bounds for issue in issues}
        newest = max((issue.bounds[1].start for issue in issues), default=dt.date.min)
        for expected in iterate_expected(name, series):
            period = expected.period
            if period.end >= self.as_of:
                break
            if (period, period) not in covered:
                unlisted = _Issue(name, (period, period), 1, "definitive", "not_listed", None, (), (), ())
                yield self._make(unlisted, *self._assess_unlisted(expected, newest))

    def _assess_unarchived(self, issue: _Issue) -> tuple[State, str]:
        """Return the state of a listed issue of which no drop is archived, and why."""
        if gap := self._find_gap(issue.series, issue.bounds[1]):
            return "not_published", gap.reason
        publication, series = issue.publication, self.publisher.series[issue.series]
        not_pulled = (publication.not_pulled if publication else None) or series.not_pulled
        if not_pulled:
            return "not_pulled", not_pulled
        return "missing", NOT_ARCHIVED if publication and publication.file else NO_ADDRESS

    def _assess_unlisted(self, expected: ExpectedPublication, newest: dt.date) -> tuple[State, str]:
        """Return the state of a period of the calendar that nobody lists and nothing is archived of, and why."""
        if gap := self._find_gap(expected.series, expected.period):
            return "not_published", gap.reason
        if expected.period.start < newest:
            return "missing", NOT_LISTED
        if self.as_of < expected.expected_on:
            return "expected", "Its day has not come."
        if self.as_of <= expected.late_after:
            return "expected", f"Its day has come; it is late after {format_day(expected.late_after)}."
        return "late", f"It was expected on {format_day(expected.expected_on)}, and nothing lists it."

    def _find_gap(self, series: str, period: Period) -> Gap | None:
        return next((gap for gap in self.gaps if (gap.series, gap.period) == (series, period.label)), None)

    def _find_days(self, name: str, period: Period) -> tuple[dt.date | None, dt.date | None]:
        """Return the day on which a period of a series is expected, and the last on which it is not late."""
        expected_on = find_expected_day(self.publisher, name, period)
        if expected_on is None:
            return None, None
        return expected_on, expected_on + dt.timedelta(days=self.publisher.series[name].tolerance_days)

    def _make(
        self,
        issue: _Issue,
        state: State,
        reason: str,
        drop: ArchivedDrop | None = None,
        superseded_by: str = "",
        *,
        is_pending: bool = False,
    ) -> PublicationState:
        expected_on, late_after = self._find_days(issue.series, issue.bounds[1])
        return PublicationState(
            series=issue.series,
            first_period=issue.bounds[0],
            last_period=issue.bounds[1],
            revision=issue.revision,
            status=issue.status,
            state=state,
            as_of=self.as_of,
            listed=issue.listed,
            reason=reason,
            expected_on=expected_on,
            late_after=late_after,
            publication=issue.publication,
            drop=drop,
            superseded_by=superseded_by,
            is_pending=is_pending,
        )


def find_expected_day(publisher: Publisher, name: str, period: Period) -> dt.date | None:
    """Return the day on which a period of a series is expected; None where the series has no calendar for it."""
    series = publisher.series.get(name)
    if series is None or series.publication is None or series.first_expected is None:
        return None
    if period.start < parse_period_label(series.first_expected).start:
        return None
    return series.publication.find(period)


def _describe_name(issue: _Issue, drop: ArchivedDrop) -> str:
    publication = issue.publication
    is_other = publication is not None and publication.file is not None and publication.file_name != drop.file
    return OTHER_NAME if is_other else ""
