"""Whether the name of a drop, or of a member of its ZIP, says another period than its rows.

A file named for January 2025 that holds January 2024 would replace the figures of January 2024: neither name nor rows
can be trusted then. A name that says nothing of a period is no evidence either way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from iapt.catalogue.catalogue import Catalogue
from iapt.ingest.archive import ArchivedDrop
from iapt.ingest.observation_store import DropSummary
from iapt.ingest.tables import find_zip_member
from iapt.named_periods import NamedPeriod, is_named_for_a_series, parse_periods_in_name
from iapt.periods import Period, parse_period_label
from iapt.rejection import DropRejectedError

#: The grains of a name that rows of a month, a quarter or a year are compared with, the finest first.
_GRAINS_COMPARED = {
    "month": ("month", "quarter", "year", "calendar_year"),
    "quarter": ("quarter", "month", "year", "calendar_year"),
    "year": ("year", "quarter", "month", "calendar_year"),
}


def reject_other_period(
    drop: ArchivedDrop,
    periods: Sequence[str],
    periods_by_table: Mapping[str, Sequence[str]],
    catalogue: Catalogue,
) -> None:
    """Raise DropRejectedError where the name of the file, or of a member of its ZIP, says another period than its rows.

    `periods` are the labels of the periods of all rows, `periods_by_table` those of each table by its name. The names
    of sheets are not asked: the publisher's do not always follow those of their files.
    """
    if any(entry.allows(drop.sha256, drop.file, periods) for entry in catalogue.misnamed_files):
        return
    periods_by_member: dict[str, list[str]] = {}
    for table, of_table in periods_by_table.items():
        if member := find_zip_member(table):
            periods_by_member.setdefault(member, []).extend(of_table)
    for name, of_name in ((drop.file, periods), *periods_by_member.items()):
        if contradiction := _find_contradiction(name, of_name):
            named, published = contradiction
            raise DropRejectedError(
                drop.file,
                f"the name of the member {name}" if name in periods_by_member else "its name",
                f"rows of the period that the name says: {named}",
                f"rows of {published}",
                "Get the file of that period again; no figure of this one is used. If the rows are right and the "
                "publisher names the file so, list it in catalogue/misnamed_files.yml; if its name was changed on the "
                "way, offer it under the publisher's name.",
            )


def find_name_conflict(
    drop: ArchivedDrop, summary: DropSummary, name: str, catalogue: Catalogue
) -> DropRejectedError | None:
    """Return why the bytes of a drop in use cannot be what another name that they are offered under says.

    None where that name says nothing of a period, or the one that was read. Where the period stands in names alone, as
    of annual packs, either of the two names may be the wrong one.
    """
    for table in summary.tables:
        if any(entry.allows(drop.sha256, name, table.periods) for entry in catalogue.misnamed_files):
            continue
        if contradiction := _find_contradiction(name, table.periods):
            named, published = contradiction
            return DropRejectedError(
                name,
                "its name",
                f"a file of the period that the name says: {named}",
                f"the very bytes that are in use as {drop.file}, of {published}",
                f"Get the file of {named} again, and take this one out of the folder. If {drop.file} was the wrong "
                f"name, take the folder {drop.sha256} out of the archive (drops/ of the home, or where IAPT_ARCHIVE "
                "says), and offer the file under this one alone.",
            )
    return None


def _find_contradiction(name: str, labels: Sequence[str]) -> tuple[str, str] | None:
    """Return the period that a name says and that of the rows, in words, where they differ."""
    periods = sorted({parse_period_label(label) for label in labels})
    named = find_contradicted_period(name, periods)
    if named is None:
        return None
    return named, periods[0].label + (f" to {periods[-1].label}" if len(periods) > 1 else "")


def find_contradicted_period(name: str, periods: Sequence[Period]) -> str | None:
    """Return what a name says of the period in words, where rows of `periods` say another; None where both can be true.

    `periods` are all of the rows, in order, and of one grain. A name that gives a month or quarter and its year is held
    to them; one that gives the year apart, to both. A time series, by its name, may be named for a month that it
    begins or ends with or has within; of any other file all rows are of the period that is named, or of the range.
    """
    named, is_series = parse_periods_in_name(name), is_named_for_a_series(name)
    for grain in _GRAINS_COMPARED[periods[0].grain]:
        candidates = [period for period in named if period.grain == grain]
        if grain in {"quarter", "month"} and periods[0].grain == "year":
            # A quarter or month without its year says nothing of a year; one with it may be of that year alone. A month
            # may be that of the publication, but in the name of a monthly file.
            is_of_rows = grain == "quarter" or "month" in name.casefold()
            candidates = [candidate for candidate in candidates if candidate.meanings and is_of_rows]
        if candidates and not _fits(candidates, periods, is_series=is_series):
            return " to ".join(dict.fromkeys((candidates[0].words, candidates[-1].words)))
        if any(period.meanings for period in candidates):
            return None
    return None


def _fits(named: Sequence[NamedPeriod], periods: Sequence[Period], *, is_series: bool) -> bool:
    """Whether rows of these periods can be what a name says in its words of one grain."""
    if len(named) > 1 and all(candidate.meanings for candidate in named):
        start = min(first for candidate in named for first, _ in candidate.meanings)
        end = max(last for candidate in named for _, last in candidate.meanings)
        return all(start <= period.end and period.start <= end for period in periods)
    if len(periods) > 1 and is_series and named[0].grain == periods[0].grain:
        return any(candidate.may_be(period) for candidate in named for period in periods)
    return all(any(candidate.may_be(period) for candidate in named) for period in periods)
