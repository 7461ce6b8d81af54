"""Layout matching: which layouts a table has by its header, and which one is nearest to a header that has none."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from iapt.catalogue.layouts import Layout, PeriodFromColumns, PeriodFromLabel, VariableInHeader, WideMeasures
from iapt.rejection import DropRejectedError

# When a header resembles a layout: this many columns in common, and this share of those that the layout requires.
_FEWEST_SHARED = 3
_SHARE_OF_KEYS = 0.5
# When it must be a pack's own main table, changed: this share of its columns is known.
_SHARE_OF_MAIN_TABLE = 0.8
_NAMES_SHOWN = 5
_LONGEST_NAME_SHOWN = 60


@dataclass(frozen=True)
class HeaderDifference:
    """The columns a layout misses in a header, the ones it does not know, and the ones that stand twice."""

    layout: Layout
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    repeated: tuple[str, ...]

    @property
    def size(self) -> int:
        """How far the header is from the layout; 0 is a match."""
        return len(self.missing) + len(self.unexpected) + len(self.repeated)

    def describe(self) -> str:
        """Return the difference in words, with a likely new spelling beside each missing name."""
        parts = []
        # Letters are folded only to find what is near: a name in other letters is still another name.
        unexpected = {name.casefold(): name for name in self.unexpected}
        for name in self.missing:
            near = difflib.get_close_matches(name.casefold(), unexpected, n=1, cutoff=0.6)
            parts.append(f"missing {name!r}" + (f" (perhaps now {_show_name(unexpected[near[0]])})" if near else ""))
        parts += [f"unknown {_show_name(name)}" for name in self.unexpected]
        parts += [f"{_show_name(name)} stands more than once" for name in self.repeated]
        shown, rest = parts[:12], len(parts) - 12
        return "; ".join(shown) + (f"; and {rest} more" if rest > 0 else "")


@dataclass(frozen=True)
class LayoutMatch:
    """The layouts whose header a table has. More than one differ only in how many periods the table holds."""

    layouts: tuple[Layout, ...]
    header: tuple[str, ...]
    header_row: int


def compare_header(layout: Layout, header: Sequence[str]) -> HeaderDifference:
    """Return what stands between a layout and a header, in either direction."""
    present = set(header)
    missing = [name for name in layout.recognise.required if name not in present]
    missing += [" or ".join(names) for names in layout.recognise.required_one_of if not present.intersection(names)]
    if layout.recognise.value_columns and not present.intersection(layout.recognise.value_columns):
        missing.append(" or ".join(layout.recognise.value_columns))
    leading = layout.recognise.leading
    missing += [name for name, stands in zip(leading, header, strict=False) if name in present and name != stands]
    if isinstance(layout.variables, VariableInHeader) and (name := layout.find_variable_column(header)) is not None:
        known = {_fold_name(column) for column in layout.known_columns}
        if _fold_name(name) in known or layout.variables.is_measure(name):
            missing.append(f"the variable in column {layout.variables.column}, where the measure {name} stands")
    allowed = {*layout.known_columns, layout.find_variable_column(header)}
    # A column without a name is never known, not even where others may stand: nobody could say what is in it.
    unexpected = [name for name in header if not name or (name not in allowed and not layout.takes_other_columns)]
    repeated = sorted({name for name in header if list(header).count(name) > 1})
    return HeaderDifference(layout, tuple(missing), tuple(unexpected), tuple(repeated))


def clean_header(cells: Sequence[object]) -> tuple[str, ...]:
    """Return header cells as text without surrounding space, characters that show nothing, or trailing empty cells."""
    names = ["" if cell is None else _strip_blanks(str(cell)) for cell in cells]
    while names and not names[-1]:
        names.pop()
    return tuple(names)


def match_layouts(
    top_rows: Sequence[Sequence[object]], layouts: Sequence[Layout], *, file: str, place: str
) -> LayoutMatch:
    """Find the layouts whose header stands in the right row of a table.

    `top_rows` are the first rows of the table, at least as many as the deepest header row; `file` and `place` are for
    the message. Raises DropRejectedError naming the nearest layout and the difference from it.
    """
    matches = [
        (layout, header, row)
        for layout in layouts
        for row in layout.header_rows
        if row <= len(top_rows) and not compare_header(layout, header := clean_header(top_rows[row - 1])).size
    ]
    # A layout that takes any other column for a measure is for what no other one knows.
    matches = [match for match in matches if not match[0].takes_other_columns] or sorted(
        matches, key=lambda match: -len(match[0].recognise.required)
    )[:1]
    if matches:
        deepest = max(row for *_, row in matches)
        chosen = [(layout, header) for layout, header, row in matches if row == deepest]
        return LayoutMatch(tuple(layout for layout, _ in chosen), chosen[0][1], deepest)
    nearest = find_nearest(top_rows, layouts)
    if nearest is None:
        raise _make_no_resemblance_rejection(top_rows, file, place)
    if nearest.stands_elsewhere:
        found = f"it in row {nearest.row}"
    else:
        columns = _count_columns(nearest.header)
        found = f"a header of {columns} that no layout recognises: {nearest.difference.describe()}"
    layout = nearest.layout
    raise DropRejectedError(
        file,
        f"{place}row {layout.recognise.header_row}",
        f"the header of a known layout (nearest: {layout.name}, {layout.title})",
        found,
        "If the publisher has changed the file, add or extend a layout in catalogue/layouts; else get the file again.",
    )


def _make_no_resemblance_rejection(top_rows: Sequence[Sequence[object]], file: str, place: str) -> DropRejectedError:
    """Return the rejection of a table that is like none of the layouts: definitions, or figures of another kind."""
    headers = [(number, clean_header(row)) for number, row in enumerate(top_rows, start=1)]
    row, header = max(headers, key=lambda pair: len(pair[1]), default=(1, ()))  # a title above it is narrower
    found = "no header (the table is empty or too short)"
    if header:
        named = ", ".join(map(_show_name, header[:_NAMES_SHOWN])) + (", ..." if len(header) > _NAMES_SHOWN else "")
        found = f"a header of {_count_columns(header)} that no layout recognises or resembles: {named}"
    return DropRejectedError(
        file,
        f"{place}row {row}",
        "the header of a known layout",
        found,
        "If it holds figures of these services, write a layout for it in catalogue/layouts; "
        "else take it out of the drop folder.",
    )


def _count_columns(header: Sequence[str]) -> str:
    return f"{len(header)} column{'s' if len(header) > 1 else ''}"


@dataclass(frozen=True)
class NearestLayout:
    """The layout that a header no layout recognises resembles most, and the row the header stands in, from 1."""

    difference: HeaderDifference
    header: tuple[str, ...]
    row: int

    @property
    def layout(self) -> Layout:
        """The layout itself."""
        return self.difference.layout

    @property
    def stands_elsewhere(self) -> bool:
        """Whether the header is the layout's own, in another row than it should be."""
        return self.difference.size == 0

    @property
    def is_changed_main_table(self) -> bool:
        """Whether the table must be the layout's own, changed: nearly all is known, and at most one column missing.

        A pack may hold tables of its own kind beside the main one, which share its keys and some of its measures.
        """
        known = {_fold_name(name) for name in self.layout.known_columns}
        share = sum(_fold_name(name) in known for name in self.header) / len(self.header)
        return share >= _SHARE_OF_MAIN_TABLE and len(self.difference.missing) <= 1


def find_nearest(top_rows: Sequence[Sequence[object]], layouts: Sequence[Layout]) -> NearestLayout | None:
    """Return the layout nearest to the top of a table; None where none of its shape has enough columns in common.

    Shape is whether the measures stand in rows or in columns, and how the period is written. Letters, spaces and
    underscores are folded, here only: a name in other letters is still another name.
    """
    candidates: list[tuple[tuple[bool, int, int, str], NearestLayout]] = []
    for number, row in enumerate(top_rows, start=1):
        header = clean_header(row)
        if len(header) < _FEWEST_SHARED:
            continue
        for layout in layouts:
            difference = compare_header(layout, header)
            is_in_its_row = number in layout.header_rows
            if not is_in_its_row and difference.size:
                continue
            shared = _shared_columns(layout, header)
            if difference.size and not shared:
                continue
            rank = (not _names_period(layout, header), -shared, difference.size, layout.name)
            candidates.append((rank, NearestLayout(difference, header, number)))
    return min(candidates, key=lambda pair: pair[0])[1] if candidates else None


def rank_by_nearness(top_rows: Sequence[Sequence[object]], layouts: Sequence[Layout]) -> tuple[bool, int, int]:
    """Return a sort key of tables that no layout recognises: first the one that is nearest to some layout."""
    nearest = find_nearest(top_rows, layouts)
    if nearest is not None:
        return False, nearest.difference.size, -len(nearest.header)
    headers = [{_fold_name(name) for name in clean_header(row)} for row in top_rows]
    known = [{_fold_name(name) for name in layout.known_columns} for layout in layouts]
    return True, -max((len(header & names) for header in headers for names in known), default=0), 0


def _shared_columns(layout: Layout, header: Sequence[str]) -> int:
    """Return how many columns a header and a layout have in common; 0 where that is too few, or their shapes differ."""
    names = {_fold_name(name) for name in header if name}
    begins = [
        _fold_name(name) == _fold_name(stands) for name, stands in zip(layout.recognise.leading, header, strict=False)
    ]
    if begins and not any(begins):
        return 0
    keys = [[name] for name in layout.recognise.required] + layout.recognise.required_one_of
    if isinstance(layout.measures, WideMeasures):
        of_its_shape = names & {_fold_name(name) for name in layout.measures.columns}
    else:
        keys.append(layout.recognise.value_columns)
        ids = (layout.measures.id, layout.measures.name, *layout.recognise.value_columns)
        of_its_shape = names & {_fold_name(name) for name in ids}
    agreeing = sum(any(_fold_name(name) in names for name in either) for either in keys)
    if not of_its_shape or agreeing < max(_FEWEST_SHARED, len(keys) * _SHARE_OF_KEYS):
        return 0
    return len(names & {_fold_name(name) for name in layout.known_columns})


def _names_period(layout: Layout, header: Sequence[str]) -> bool:
    """Whether a header says the period as the layout does: in its columns, or in none where names say it."""
    names = {_fold_name(name) for name in header}
    if isinstance(layout.period, PeriodFromColumns):
        return bool(names & {_fold_name(name) for name in (layout.period.start, layout.period.end or "") if name})
    if isinstance(layout.period, PeriodFromLabel):
        return _fold_name(layout.period.column) in names
    return True


def _strip_blanks(text: str) -> str:
    """Return a text without the white space, and the characters that show nothing, at its ends."""
    is_blank = [character.isspace() or unicodedata.category(character) in {"Cc", "Cf"} for character in text]
    if all(is_blank):
        return ""
    return text[is_blank.index(False) : len(text) - is_blank[::-1].index(False)]


def _fold_name(name: str) -> str:
    """Return a column's name without what spelling changes most: capitals, spaces and marks."""
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def _show_name(name: str) -> str:
    """Return a column's name as an error may show it: a whole text may stand where a name was expected."""
    return repr(name if len(name) <= _LONGEST_NAME_SHOWN else name[:_LONGEST_NAME_SHOWN] + "...")
