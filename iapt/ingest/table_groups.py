"""Which tables of a drop are read, by which layouts: those that share one are read as one group."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.layouts import Layout
from iapt.catalogue.precedence import Precedence
from iapt.ingest.archive import ArchivedDrop
from iapt.ingest.containers import open_tables
from iapt.ingest.layout_matching import find_nearest, match_layouts, rank_by_nearness
from iapt.ingest.notices import SEPARATOR, format_notice
from iapt.ingest.reading_context import TableGroup
from iapt.ingest.tables import GET_IT_AGAIN, HIDDEN_SHEET, Table, find_zip_member
from iapt.rejection import DropRejectedError
from iapt.run_warnings import list_first
from iapt.sources.file_formats import describe_delimiter

#: How many tables a rejection names beside the one it is about.
OTHERS_NAMED = 3


@dataclass(frozen=True)
class GroupedTables:
    """The groups of tables to read, in the order of the file, and the names of the tables that no layout knows."""

    groups: tuple[TableGroup, ...]
    unread: tuple[str, ...]
    notices: tuple[str, ...]


def group_tables(drop: ArchivedDrop, path: Path, catalogue: Catalogue, scratch: Path) -> GroupedTables:
    """Open a drop and group its tables by layout.

    A workbook may hold sheets that are no tables (a title sheet, definitions), and a pack members that are none; they
    are named and left unread. What resembles a layout and is not recognised is a table that has changed, and the drop
    is rejected for it: what is left of a pack is not what was published. In a pack whose layout knows of other tables,
    which share its keys, only what is the main table but for a column or so. Tables of one layout share one header:
    rows that repeat from table to table are distinguished from others only when read together.
    Raises DropRejectedError where no table is recognised, and where a changed one stands among them.
    """
    notices: list[str] = []
    opened = list(open_tables(path, drop.file, catalogue.limits, scratch, notices))
    tables = _leave_out_earlier_issues(opened, catalogue.precedence, notices)
    groups: dict[tuple[str, ...], TableGroup] = {}
    unrecognised: list[tuple[Table, DropRejectedError]] = []
    for table in tables:
        try:
            if table.delimiter != ",":
                raise _make_delimiter_rejection(drop, table)
            match = match_layouts(table.top, catalogue.layouts, file=drop.file, place=table.place)
        except DropRejectedError as rejection:
            unrecognised.append((table, rejection))
            continue
        variables = (layout.find_variable_column(match.header) for layout in match.layouts)
        key = (*(layout.name for layout in match.layouts), *filter(None, variables))
        group = groups.get(key, TableGroup(match.layouts, match.header, ()))
        if match.header != group.header:
            raise _make_header_rejection(drop, group, table, match.header)
        groups[key] = replace(group, tables=(*group.tables, replace(table, header_row=match.header_row)))
        notices += table.notices
    if not groups:
        rejection = DropRejectedError(drop.file, "the whole file", "a published table", "none", GET_IT_AGAIN)
        if unrecognised:
            rejection = _choose_nearest_rejection(unrecognised, catalogue.layouts)
        raise _name_hidden_sheets(rejection, notices)
    _reject_changed_tables(unrecognised, groups.values(), catalogue.layouts, notices)
    unread = tuple(table.member for table, _ in unrecognised)
    notices += [
        format_notice("a table without a known layout is archived with the drop, unread", name) for name in unread
    ]
    return GroupedTables(tuple(groups.values()), unread, tuple(notices))


def _leave_out_earlier_issues(tables: Sequence[Table], precedence: Precedence, notices: list[str]) -> list[Table]:
    """Return the tables without those of ZIP members of which a later issue lies beside them; add a notice of each.

    The publisher has corrected packs by another member whose name differs by `-v2`, and may leave the first one in.
    """
    members = dict.fromkeys(member for table in tables if (member := find_zip_member(table.member)))
    latest: dict[str, str] = {}
    for member in members:
        name = precedence.remove_revision(member)
        if name not in latest or precedence.infer_revision(member) > precedence.infer_revision(latest[name]):
            latest[name] = member
    superseded: set[str] = set()
    for member in members:
        later = latest[precedence.remove_revision(member)]
        if precedence.infer_revision(later) > precedence.infer_revision(member):
            superseded.add(member)
            what = "an earlier issue beside a later one in the same file is left unread"
            notices.append(format_notice(what, f"{member}, for {later}"))
    return [table for table in tables if find_zip_member(table.member) not in superseded]


def _reject_changed_tables(
    unrecognised: Sequence[tuple[Table, DropRejectedError]],
    groups: Iterable[TableGroup],
    layouts: Sequence[Layout],
    notices: Sequence[str],
) -> None:
    """Raise the rejection of the first table that resembles a layout and must be a published one that has changed."""
    may_have_others = any(
        layout.recognise.other_members == "kept_unread" for group in groups for layout in group.layouts
    )
    for table, rejection in unrecognised:
        nearest = find_nearest(table.top, layouts)
        if nearest is not None and (nearest.is_changed_main_table or not may_have_others):
            raise _name_hidden_sheets(rejection, notices)


def _name_hidden_sheets(rejection: DropRejectedError, notices: Iterable[str]) -> DropRejectedError:
    """Return the rejection with the hidden sheets that were not read: what was published may stand in one of them."""
    begins = f"{HIDDEN_SHEET}{SEPARATOR}"
    hidden = [text.removeprefix(begins) for text in notices if text.startswith(begins)]
    if not hidden:
        return rejection
    named = list_first(hidden[:OTHERS_NAMED], len(hidden))
    return replace(
        rejection,
        found=f"{rejection.found}. Hidden and not read: {named}",
        remedy="If a hidden sheet is what was published, unhide it, save the workbook, and offer it. "
        f"{rejection.remedy}",
    )


def _make_delimiter_rejection(drop: ArchivedDrop, table: Table) -> DropRejectedError:
    found, remedy = describe_delimiter(table.delimiter)
    return DropRejectedError(drop.file, f"{table.place}row 1", "commas between the values", found, remedy)


def _make_header_rejection(
    drop: ArchivedDrop, group: TableGroup, other: Table, header: tuple[str, ...]
) -> DropRejectedError:
    pairs = itertools.zip_longest(group.header, header, fillvalue="no more columns")
    here, there = next(pair for pair in pairs if pair[0] != pair[1])
    return DropRejectedError(
        drop.file,
        f"{other.place}the header",
        f"{here!r}, as in {group.tables[0].member}",
        f"{there!r}",
        "Get the file again, or offer its tables as drops of their own.",
    )


def _choose_nearest_rejection(
    unrecognised: Sequence[tuple[Table, DropRejectedError]], layouts: Sequence[Layout]
) -> DropRejectedError:
    """Return one rejection for a drop of which nothing was recognised: that of the table nearest to a layout.

    It is the likely cause: one new column in the main table leaves nothing of an annual pack recognised, and what its
    other tables lack is no news. A few of those are named, the nearest first.
    """
    (_, nearest), *others = sorted(unrecognised, key=lambda pair: rank_by_nearness(pair[0].top, layouts))
    if not others:
        return nearest
    named = ", ".join(table.member for table, _ in others[:OTHERS_NAMED])
    rest = len(others) - OTHERS_NAMED
    found = f"{nearest.found}. No layout recognises the other tables either: {named}"
    return replace(nearest, found=found + (f" and {rest} more" if rest > 0 else ""))
