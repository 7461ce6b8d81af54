"""Whether the name of a drop, or of a member of its ZIP, says another period than its rows.

A file named for January 2025 that holds January 2024 would replace the figures of January 2024: neither name nor rows
can be trusted then. A name that says nothing of a period is no evidence either way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from iapt.catalogue.catalogue import Catalogue
from iapt.ingest.archive import ArchivedDrop
from iapt.ingest.named_periods import find_contradicted_period
from iapt.ingest.observation_store import DropSummary
from iapt.ingest.tables import find_zip_member
from iapt.periods import parse_period_label
from iapt.rejection import DropRejectedError


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
                f"name, remove the folder drops/{drop.sha256} from the home, and offer the file under this one alone.",
            )
    return None


def _find_contradiction(name: str, labels: Sequence[str]) -> tuple[str, str] | None:
    """Return the period that a name says and that of the rows, in words, where they differ."""
    periods = sorted({parse_period_label(label) for label in labels})
    named = find_contradicted_period(name, periods)
    if named is None:
        return None
    return named, periods[0].label + (f" to {periods[-1].label}" if len(periods) > 1 else "")
