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

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.precedence import Precedence
from iapt.catalogue.re_issues import ReIssues
from iapt.ingest.archive import ArchivedDrop
from iapt.ingest.observation_store import DropSummary, ObservationStore, TableSummary
from iapt.ingest.tables import find_zip_member
from iapt.named_periods import remove_file_suffixes

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
    """Return the members of a ZIP that were read, by name; none of a drop that is no ZIP. Of a sheet, its workbook."""
    members = [find_zip_member(member) for table in summary.tables for member in table.members]
    return list(dict.fromkeys(member for member in members if member))


def add_status_and_revision(drop: ArchivedDrop, summary: DropSummary, precedence: Precedence) -> ArchivedDrop:
    """Return the drop with the status and revision that its name and, now that it was read, its members' names show.

    A listed publication has those of the list.
    """
    if drop.publication:
        return drop
    members = list_zip_members(summary)
    return replace(
        drop, status=precedence.infer_status(drop.file, members), revision=precedence.infer_revision(drop.file, members)
    )


def find_kind_words(names: Iterable[str], re_issues: ReIssues) -> frozenset[str]:
    """Return the words in the names of a file and its members that tell its kind, such as `ea`; mostly none."""
    words = {
        word
        for name in names
        for word in re.findall(r"[a-z]+", remove_file_suffixes(name.lower().replace("%20", " ")))
        if len(word) > 1
    }
    return frozenset(words - _MONTH_NAMES - re_issues.words_of_any_file)


def sort_by_precedence(drops: Iterable[ArchivedDrop]) -> list[ArchivedDrop]:
    """Return drops of one series, the most believed first: definitive, of the highest revision, archived last."""
    return sorted(drops, key=lambda drop: (drop.status == "provisional", -drop.revision, -drop.sequence))


@dataclass(frozen=True)
class _Issue:
    """One table of a drop as an issue of a file."""

    drop: ArchivedDrop
    table: TableSummary
    kind: frozenset[str]
    is_declared: bool

    def covers(self, start: str, level: str) -> bool:
        return any((start, level) == (first, covered) for first, covered in self.table.coverage)


def find_re_issues(
    read: ReadDrops, observations: ObservationStore, catalogue: Catalogue
) -> tuple[list[Replacement], list[NarrowerIssue]]:
    """Return what later issues of files replace, and where one of them has too few cells to.

    `read` are the drops as they stand after `add_status_and_revision`. The observations of issues of one file alone
    are counted.
    """
    replacements: list[Replacement] = []
    narrower_issues: list[NarrowerIssue] = []
    counts = _CellCounts(observations)
    for issues in _group_issues(read, catalogue):
        for number, earlier in enumerate(issues):
            later_issues = [issue for issue in issues[:number] if issue.is_declared or issue.kind == earlier.kind]
            for start, level in earlier.table.coverage if later_issues else ():
                part = (earlier.table.series, earlier.table.period_grain, start, level)
                cells = counts.count(earlier, start, level)
                fewest = catalogue.re_issues.least_share_of_cells * cells
                replacing = next(
                    (
                        issue
                        for issue in later_issues
                        if issue.is_declared
                        or (issue.covers(start, level) and counts.count(issue, start, level) >= fewest)
                    ),
                    None,
                )
                if replacing is not None:
                    replacements.append(Replacement(earlier.drop.sha256, *part, replacing.drop.sha256))
                else:
                    latest = later_issues[0]
                    narrower_cells = counts.count(latest, start, level)
                    narrower_issues.append(
                        NarrowerIssue(earlier.drop.sha256, *part, cells, latest.drop.sha256, narrower_cells)
                    )
    return replacements, narrower_issues


def find_wholly_replaced_drops(read: ReadDrops, observations: ObservationStore, catalogue: Catalogue) -> frozenset[str]:
    """Return the sha256 of every drop of which a later issue of the same file replaces each period and level.

    What counts files, months or cells in use leaves these out: the month that they publish is counted once.
    """
    drops = [(add_status_and_revision(drop, summary, catalogue.precedence), summary) for drop, summary in read]
    replaced_parts: dict[str, set[tuple[str, str, str]]] = defaultdict(set)
    for origin in {drop.origin for drop, _ in drops}:  # drops of two origins never share a release
        of_origin = [(drop, summary) for drop, summary in drops if drop.origin == origin]
        for replaced in find_re_issues(of_origin, observations, catalogue)[0]:
            replaced_parts[replaced.sha256].add((replaced.series, replaced.period_start, replaced.org_level))
    return frozenset(
        drop.sha256
        for drop, summary in drops
        if drop.sha256 in replaced_parts
        and all(
            (table.series, start, level) in replaced_parts[drop.sha256]
            for table in summary.tables
            for start, level in table.coverage
        )
    )


def _group_issues(read: ReadDrops, catalogue: Catalogue) -> Iterator[list[_Issue]]:
    """Yield the issues of each layout and set of periods of which there are several, the most believed first."""
    order = {drop.sha256: place for place, drop in enumerate(sort_by_precedence(drop for drop, _ in read))}
    groups: dict[tuple[str, tuple[str, ...]], list[_Issue]] = defaultdict(list)
    re_issues = catalogue.re_issues
    for drop, summary in read:
        reviewed = re_issues.find_reviewed_effect(drop.sha256, drop.file)
        names = [catalogue.precedence.remove_revision(name) for name in (drop.file, *list_zip_members(summary))]
        kind = find_kind_words(names, re_issues)
        for table in summary.tables:
            if (reviewed or re_issues.series[table.series]) == "replaces_whole_file":
                issue = _Issue(drop, table, kind, is_declared=reviewed is not None)
                groups[table.layout, tuple(table.periods)].append(issue)
    for issues in groups.values():
        if len(issues) > 1:
            yield sorted(issues, key=lambda issue: order[issue.drop.sha256])


class _CellCounts:
    """Counts the cells that a drop has of a period and level, each drop once."""

    def __init__(self, observations: ObservationStore) -> None:
        self.observations = observations
        self.counts: dict[tuple[str, str], dict[tuple[str, str], int]] = {}

    def count(self, issue: _Issue, start: str, level: str) -> int:
        key = (issue.drop.sha256, issue.table.series)
        if key not in self.counts:
            path = str(self.observations.observations_path(issue.drop.sha256))
            from iapt.duckdb_connections import open_duckdb  # imported late: most files are issued once

            with open_duckdb() as connection:
                rows = connection.execute(
                    """
                    select cast(period_start as varchar), org_level, count(*) from read_parquet(?)
                    where series = ? and duplicate_of_row is null group by all
                    """,
                    [path, issue.table.series],
                ).fetchall()
            self.counts[key] = {(first, of_level): count for first, of_level, count in rows}
        return self.counts[key].get((start, level), 0)
