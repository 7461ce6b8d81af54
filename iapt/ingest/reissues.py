"""Re-issues: which drops are issues of one file, which of them is believed, and what a later one replaces.

Decided of whole drops, from their names, periods and numbers of cells, under `catalogue/re_issues.yml`. What becomes of
the single cells, the models say.
"""

from __future__ import annotations

import calendar
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import duckdb

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.precedence import Precedence
from iapt.catalogue.re_issues import ReIssues
from iapt.ingest.archive import ArchivedDrop
from iapt.ingest.observation_store import DropSummary, ObservationStore, TableSummary
from iapt.ingest.tables import find_zip_member

ReadDrops = Sequence[tuple[ArchivedDrop, DropSummary]]

_MONTH_NAMES = frozenset(
    name.lower() for names in (calendar.month_name, calendar.month_abbr) for name in names if name
) | {"sept"}


@dataclass(frozen=True)
class Replacement:
    """A period and level of a drop, and the later issue that replaces it there, cells it lacks included."""

    sha256: str
    series: str
    period_grain: str
    period_start: str
    org_level: str
    replaced_by: str


@dataclass(frozen=True)
class NarrowerIssue:
    """A period and level of which a later issue has too few cells to replace the earlier one: both stand there."""

    sha256: str
    series: str
    period_grain: str
    period_start: str
    org_level: str
    cells: int
    narrower_sha256: str
    narrower_cells: int


def list_zip_members(summary: DropSummary) -> list[str]:
    """The members of a ZIP that were read, by name; none of a drop that is no ZIP. Of a sheet, its workbook."""
    members = [find_zip_member(member) for table in summary.tables for member in table.members]
    return list(dict.fromkeys(member for member in members if member))


def add_status_and_revision(drop: ArchivedDrop, summary: DropSummary, precedence: Precedence) -> ArchivedDrop:
    """The drop with the status and revision that its name and, now that it was read, those of its members show."""
    members = list_zip_members(summary)
    return replace(
        drop, status=precedence.status_of(drop.file, members), revision=precedence.revision_of(drop.file, members)
    )


def classify_issue_file(names: Iterable[str], re_issues: ReIssues) -> frozenset[str]:
    """The words in the names of a file and its members that tell its kind, such as `ea`; mostly none."""
    words = {
        word
        for name in names
        for word in re.findall(r"[a-z]+", PurePosixPath(name.lower().replace("%20", " ")).stem)
        if len(word) > 1
    }
    return frozenset(words - _MONTH_NAMES - re_issues.words_of_any_file)


def sort_by_precedence(drops: Iterable[ArchivedDrop]) -> list[ArchivedDrop]:
    """Drops of one series in the order in which they are believed: definitive, of the highest revision, kept last."""
    return sorted(drops, key=lambda drop: (drop.status == "provisional", -drop.revision, -drop.sequence))


@dataclass(frozen=True)
class _Issue:
    """One table of a drop as an issue of a file."""

    drop: ArchivedDrop
    table: TableSummary
    kind: frozenset[str]
    is_declared: bool

    @property
    def parts(self) -> list[tuple[str, str]]:
        return [(start, level) for start, level in self.table.coverage]


def find_re_issues(
    read: ReadDrops, observations: ObservationStore, catalogue: Catalogue
) -> tuple[list[Replacement], list[NarrowerIssue]]:
    """What later issues of files replace, and where one of them has too few cells to.

    `read` are the drops as they stand after `add_status_and_revision`. The observations of issues of one file
    alone are counted.
    """
    replacements: list[Replacement] = []
    narrower: list[NarrowerIssue] = []
    cells = _Cells(observations)
    least_share = catalogue.re_issues.least_share_of_cells
    for issues in _issues_of_files(read, catalogue):
        for number, earlier in enumerate(issues):
            later = [each for each in issues[:number] if each.is_declared or each.kind == earlier.kind]
            for start, level in earlier.parts if later else ():
                part = (earlier.table.series, earlier.table.period_grain, start, level)
                held = cells.of(earlier, start, level)
                replacing = next(
                    (
                        each
                        for each in later
                        if each.is_declared
                        or ((start, level) in each.parts and cells.of(each, start, level) >= least_share * held)
                    ),
                    None,
                )
                if replacing is not None:
                    replacements.append(Replacement(earlier.drop.sha256, *part, replacing.drop.sha256))
                else:
                    last = later[0]
                    count = cells.of(last, start, level)
                    narrower.append(NarrowerIssue(earlier.drop.sha256, *part, held, last.drop.sha256, count))
    return replacements, narrower


def find_wholly_replaced_drops(read: ReadDrops, observations: ObservationStore, catalogue: Catalogue) -> frozenset[str]:
    """The sha256 of every drop of which a later issue of the same file replaces each period and level.

    What counts files, months or cells in use counts these out: the month that they publish is counted once.
    """
    standing = [(add_status_and_revision(drop, summary, catalogue.precedence), summary) for drop, summary in read]
    replaced: dict[str, set[tuple[str, str, str]]] = defaultdict(set)
    for origin in {drop.origin for drop, _ in standing}:  # drops of two origins never share a release
        of_origin = [(drop, summary) for drop, summary in standing if drop.origin == origin]
        for each in find_re_issues(of_origin, observations, catalogue)[0]:
            replaced[each.sha256].add((each.series, each.period_start, each.org_level))
    return frozenset(
        drop.sha256
        for drop, summary in standing
        if drop.sha256 in replaced
        and all(
            (table.series, start, level) in replaced[drop.sha256]
            for table in summary.tables
            for start, level in table.coverage
        )
    )


def _issues_of_files(read: ReadDrops, catalogue: Catalogue) -> Iterator[list[_Issue]]:
    """The issues of each layout and set of periods of which there are several, the most believed first."""
    order = {drop.sha256: place for place, drop in enumerate(sort_by_precedence(drop for drop, _ in read))}
    groups: dict[tuple[str, tuple[str, ...]], list[_Issue]] = defaultdict(list)
    re_issues = catalogue.re_issues
    for drop, summary in read:
        reviewed = re_issues.find_reviewed_effect(drop.sha256, drop.file)
        names = [catalogue.precedence.name_without_revision(name) for name in (drop.file, *list_zip_members(summary))]
        kind = classify_issue_file(names, re_issues)
        for table in summary.tables:
            if (reviewed or re_issues.series[table.series]) == "replaces_whole_file":
                issue = _Issue(drop, table, kind, is_declared=reviewed is not None)
                groups[table.layout, tuple(table.periods)].append(issue)
    for issues in groups.values():
        if len(issues) > 1:
            yield sorted(issues, key=lambda issue: order[issue.drop.sha256])


class _Cells:
    """How many cells a drop has of a period and level, counted once for each drop."""

    def __init__(self, observations: ObservationStore) -> None:
        self.observations = observations
        self.counted: dict[tuple[str, str], dict[tuple[str, str], int]] = {}

    def of(self, issue: _Issue, start: str, level: str) -> int:
        key = (issue.drop.sha256, issue.table.series)
        if key not in self.counted:
            path = str(self.observations.observations_path(issue.drop.sha256))
            with duckdb.connect() as connection:
                rows = connection.execute(
                    """
                    select cast(period_start as varchar), org_level, count(*) from read_parquet(?)
                    where series = ? and duplicate_of_row is null group by all
                    """,
                    [path, issue.table.series],
                ).fetchall()
            self.counted[key] = {(first, of_level): count for first, of_level, count in rows}
        return self.counted[key].get((start, level), 0)
