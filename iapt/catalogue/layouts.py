"""Layouts: the declared shapes of published tables, and which one a table's header belongs to.

A layout is one YAML file in `catalogue/layouts`. This module says what such a file may contain and recognises a header;
it reads no data (see `reader`) and opens no container (see `containers`).
"""

from __future__ import annotations

import difflib
import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, model_validator

from iapt.catalogue.strict_model import StrictModel
from iapt.rejection import DropRejectedError

# How many rows of a table are looked at to find its header.
DEEPEST_HEADER_ROW = 12
# When a header resembles a layout: this many columns in common, and this share of those that the layout requires.
_FEWEST_SHARED = 3
_SHARE_OF_KEYS = 0.5
# When it must be a pack's own main table, changed: this share of its columns is known.
_SHARE_OF_MAIN_TABLE = 0.8
_NAMES_SHOWN = 5
_LONGEST_NAME_SHOWN = 60

OrgLevel = Literal["england", "region", "icb", "stp", "sub_icb", "ccg", "provider", "sub_icb_provider", "ccg_provider"]
ValueStatus = Literal["published", "suppressed", "not_applicable", "not_published"]
CodeAndName = Annotated[list[str], Field(min_length=1, max_length=2)]


class Recognition(StrictModel):
    """How to tell that a table has this layout.

    The header stands in `header_row`, or in some row from there to `last_header_row`. It begins with the `leading`
    columns, in that order.
    """

    header_row: int = Field(ge=1, le=DEEPEST_HEADER_ROW)
    last_header_row: int | None = Field(default=None, ge=1, le=DEEPEST_HEADER_ROW)
    leading: list[str] = []
    required: list[str] = Field(min_length=1)
    required_one_of: list[list[str]] = []
    optional: list[str] = []
    value_columns: list[str] = []
    periods: Literal["one", "several", "any"] = "any"
    other_members: Literal["rejected", "kept_unread"] = "rejected"


class PeriodFromColumns(StrictModel):
    """The period stands in a start column and, mostly, an end column.

    `month_first` is asked of a date that is no first day in any other style, and only where a name confirms the period:
    04/01/2016 is 1 April only in a file that says so.
    """

    source: Literal["columns"] = Field(alias="from")
    start: str
    end: str | None = None
    date_styles: list[Literal["iso", "day_first", "month_first", "excel_serial"]]


class PeriodFromLabel(StrictModel):
    """The period is a text such as `Quarter 3 2020/21`; the pattern names `first_year` and, for quarters, `quarter`.

    Where it names `next_year` too, the two must follow one another.
    """

    source: Literal["label"] = Field(alias="from")
    column: str
    pattern: str


class PeriodFromNames(StrictModel):
    """The period stands only in the names of the file and its member; the pattern names `first_year`.

    Where it names `next_year` too, the two must follow one another: `2020-12` is no financial year.
    """

    source: Literal["names"] = Field(alias="from")
    pattern: str


class Level(StrictModel):
    """Which columns hold the organisation, its partner in a pair, and its parent, at one published level."""

    level: OrgLevel
    organisation: CodeAndName | None = None
    partner: CodeAndName | None = None
    parent: CodeAndName | None = None

    @model_validator(mode="after")
    def _organisation_where_needed(self) -> Level:
        if (self.organisation is None) != (self.level == "england"):
            raise ValueError(f"level {self.level}: every level but england names its organisation column")
        if (self.partner is not None) != self.level.endswith("_provider"):
            raise ValueError(f"level {self.level}: pairs, and only pairs, name a partner column")
        return self


class Levels(StrictModel):
    """The published group types of a layout and what each means; `always` where there is no such column.

    `otherwise` is what every other text of the column means: where a code stands in it, and a word only for England.
    `placeholders` are the words a file writes for no organisation, in the columns of other levels than a row's own.
    """

    column: str | None = None
    values: dict[str, Level] = {}
    otherwise: Level | None = None
    always: Level | None = None
    placeholders: list[str] = []

    @model_validator(mode="after")
    def _one_way(self) -> Levels:
        if (self.always is None) == (self.column is None):
            raise ValueError("levels: give either `always`, or `column` with `values`")
        if self.otherwise is not None and self.column is None:
            raise ValueError("levels: `otherwise` is about the other texts of a `column`")
        return self


class Variables(StrictModel):
    """The columns of the population: a type and two categories; placeholders stand for no category."""

    type: str
    a: str
    b: str
    placeholders: list[str]


class VariableInHeader(StrictModel):
    """One table per variable: the header of the column in this place (from 1) is its type, the cells are categories.

    A name that matches one of `measures`, in capitals or not, is no variable: the table has none, and a count would
    become a category.
    """

    column: int = Field(ge=1)
    placeholders: list[str] = []
    measures: list[str] = []

    def is_measure(self, name: str) -> bool:
        """Whether a column's name is known to be that of a measure."""
        return any(re.fullmatch(pattern, name, re.IGNORECASE) for pattern in self.measures)


class LongMeasures(StrictModel):
    """One row per measure: its id and name stand in columns, its value in the recognition's value column.

    `rectangular` holds where every organisation of a group type has every measure: one with fewer at the very end then
    tells of a file cut short.
    """

    shape: Literal["long"]
    id: str
    name: str
    rectangular: bool = False


class WideMeasures(StrictModel):
    """One column per measure. `columns` is every name that leads to a reviewed measure.

    Any other column is a drift where `other_columns` are rejected; else it is a measure that nobody has reviewed, which
    is read under its own name and does not leave.
    """

    shape: Literal["wide"]
    columns: list[str] = Field(min_length=1)
    other_columns: Literal["rejected", "unreviewed"] = "rejected"


class Layout(StrictModel):
    """One published shape, as written in `catalogue/layouts/<name>.yml`."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    series: Literal["monthly", "timeseries", "quarterly", "annual", "data_quality"]
    period_grain: Literal["month", "quarter", "year"]
    source: str
    #: `read`: real files of this shape were read; `inferred`: it is written from notes or others' code alone, until one
    #: was; `own`: we declare the shape ourselves.
    evidence: Literal["read", "inferred", "own"]
    recognise: Recognition
    period: PeriodFromColumns | PeriodFromLabel | PeriodFromNames = Field(discriminator="source")
    levels: Levels
    blank_organisation_code: str | None = None
    variables: Variables | VariableInHeader | Literal["total"]
    measures: LongMeasures | WideMeasures = Field(discriminator="shape")
    tokens: dict[str, ValueStatus]
    quarantine_tokens: dict[str, str]

    @model_validator(mode="after")
    def _values_have_a_column(self) -> Layout:
        if (self.measures.shape == "long") != bool(self.recognise.value_columns):
            raise ValueError(f"{self.name}: long layouts, and only long ones, name value_columns")
        return self

    @property
    def takes_other_columns(self) -> bool:
        """Whether a column that the layout does not name is a measure, and no drift."""
        return isinstance(self.measures, WideMeasures) and self.measures.other_columns == "unreviewed"

    @property
    def header_rows(self) -> range:
        """The rows in which the header may stand, from 1."""
        return range(self.recognise.header_row, (self.recognise.last_header_row or self.recognise.header_row) + 1)

    def variable_column(self, header: Sequence[str]) -> str | None:
        """The column of a header whose name is the type of the variable; None where the layout has none such."""
        if isinstance(self.variables, VariableInHeader) and len(header) >= self.variables.column:
            return header[self.variables.column - 1]
        return None

    def measure_columns_in(self, header: Sequence[str]) -> list[str]:
        """The columns of a header that hold measure cells, in its order."""
        if not self.takes_other_columns:
            return [name for name in header if name in self.measure_columns]
        keys = {*self._key_columns, self.variable_column(header)}
        return [name for name in header if name not in keys]

    @property
    def _key_columns(self) -> set[str]:
        """Every column that this layout names and that holds no measure cells."""
        either = [name for names in self.recognise.required_one_of for name in names]
        return {*self.recognise.required, *either, *self.recognise.optional} - set(self.measure_columns)

    @property
    def measure_columns(self) -> list[str]:
        """Every column name that holds measure cells in this layout."""
        return self.measures.columns if isinstance(self.measures, WideMeasures) else self.recognise.value_columns

    @property
    def known_columns(self) -> list[str]:
        """Every column name this layout allows, in the order of the file's declaration."""
        either = [name for names in self.recognise.required_one_of for name in names]
        names = [*self.recognise.required, *either, *self.recognise.optional, *self.measure_columns]
        return list(dict.fromkeys(names))

    def header_difference(self, header: Sequence[str]) -> HeaderDifference:
        """What stands between this layout and a header, in either direction."""
        found = set(header)
        missing = [name for name in self.recognise.required if name not in found]
        missing += [" or ".join(names) for names in self.recognise.required_one_of if not found.intersection(names)]
        if self.recognise.value_columns and not found.intersection(self.recognise.value_columns):
            missing.append(" or ".join(self.recognise.value_columns))
        led_by = self.recognise.leading
        missing += [name for name, stands in zip(led_by, header, strict=False) if name in found and name != stands]
        if isinstance(self.variables, VariableInHeader) and (name := self.variable_column(header)) is not None:
            known = {_fold(column) for column in self.known_columns}
            if _fold(name) in known or self.variables.is_measure(name):
                missing.append(f"the variable in column {self.variables.column}, where the measure {name} stands")
        allowed = {*self.known_columns, self.variable_column(header)}
        # A column without a name is never known, not even where others may stand: nobody could say what is in it.
        unexpected = [name for name in header if not name or (name not in allowed and not self.takes_other_columns)]
        repeated = sorted({name for name in header if list(header).count(name) > 1})
        return HeaderDifference(self, tuple(missing), tuple(unexpected), tuple(repeated))


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
        """The difference as a reader would want it, with a likely new spelling beside each missing name."""
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
class Recognised:
    """The layouts whose header a table has. More than one differ only in how many periods the table holds."""

    layouts: tuple[Layout, ...]
    header: tuple[str, ...]
    header_row: int


def load_layouts(folder: Path) -> list[Layout]:
    """Read every layout of a folder, in the order of their names.

    Raises pydantic.ValidationError with the file's path where a layout is malformed.
    """
    layouts = []
    for path in sorted(folder.glob("*.yml")):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        try:
            layouts.append(Layout.model_validate(content))
        except ValueError as error:
            raise ValueError(f"{path.name}: {error}") from error
    names = [layout.name for layout in layouts]
    if len(names) != len(set(names)) or not names:
        raise ValueError(f"expected layouts with distinct names in {folder.name}, found {names or 'none'}")
    return layouts


def layouts_digest(layouts: Iterable[Layout]) -> str:
    """A digest of what the layouts say, not of how their files are written."""
    text = "\n".join(layout.model_dump_json() for layout in layouts)
    return hashlib.sha256(text.encode()).hexdigest()


def clean_header(cells: Sequence[object]) -> tuple[str, ...]:
    """Header cells as text without surrounding space, characters that show nothing, or trailing empty cells."""
    names = ["" if cell is None else _strip(str(cell)) for cell in cells]
    while names and not names[-1]:
        names.pop()
    return tuple(names)


def recognise(
    rows_above: Sequence[Sequence[object]], layouts: Sequence[Layout], *, file: str, place: str
) -> Recognised:
    """Find the layouts whose header stands in the right row of a table.

    `rows_above` is the top of the table, at least as many rows as the deepest header row.
    Raises DropRejectedError naming the nearest layout and the difference from it.
    """
    matches = [
        (layout, header, row)
        for layout, header, row in _candidates(rows_above, layouts)
        if layout.header_difference(header).size == 0
    ]
    # A layout that takes any other column for a measure is for what no other one knows.
    matches = [match for match in matches if not match[0].takes_other_columns] or sorted(
        matches, key=lambda match: -len(match[0].recognise.required)
    )[:1]
    if matches:
        deepest = max(row for *_, row in matches)
        chosen = [(layout, header) for layout, header, row in matches if row == deepest]
        return Recognised(tuple(layout for layout, _ in chosen), chosen[0][1], deepest)
    nearest = find_nearest(rows_above, layouts)
    if nearest is None:
        raise _no_resemblance(rows_above, file, place)
    if nearest.stands_elsewhere:
        found = f"it in row {nearest.row}"
    else:
        columns = f"{len(nearest.header)} column{'s' if len(nearest.header) > 1 else ''}"
        found = f"a header of {columns} that no layout recognises: {nearest.difference.describe()}"
    layout = nearest.layout
    raise DropRejectedError(
        file=file,
        place=f"{place}row {layout.recognise.header_row}",
        expected=f"the header of a known layout (nearest: {layout.name}, {layout.title})",
        found=found,
        remedy=(
            "If the publisher has changed the file, add or extend a layout in catalogue/layouts; "
            "else get the file again."
        ),
    )


def _no_resemblance(rows_above: Sequence[Sequence[object]], file: str, place: str) -> DropRejectedError:
    """The rejection of a table that is like none of the layouts: a sheet of definitions, or figures of another kind."""
    headers = [(number, clean_header(row)) for number, row in enumerate(rows_above, start=1)]
    row, header = max(headers, key=lambda pair: len(pair[1]), default=(1, ()))  # a title above it is narrower
    found = "no header (the table is empty or too short)"
    if header:
        named = ", ".join(map(_show_name, header[:_NAMES_SHOWN])) + (", ..." if len(header) > _NAMES_SHOWN else "")
        columns = f"{len(header)} column{'s' if len(header) > 1 else ''}"
        found = f"a header of {columns} that no layout recognises or resembles: {named}"
    return DropRejectedError(
        file=file,
        place=f"{place}row {row}",
        expected="the header of a known layout",
        found=found,
        remedy=(
            "If it holds figures of these services, write a layout for it in catalogue/layouts; "
            "else take it out of the drop folder."
        ),
    )


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
        known = {_fold(name) for name in self.layout.known_columns}
        share = sum(_fold(name) in known for name in self.header) / len(self.header)
        return share >= _SHARE_OF_MAIN_TABLE and len(self.difference.missing) <= 1


def find_nearest(rows_above: Sequence[Sequence[object]], layouts: Sequence[Layout]) -> NearestLayout | None:
    """The layout nearest to the top of a table; None where none is of its shape and has enough columns in common.

    Shape is whether the measures stand in rows or in columns, and how the period is written. Letters, spaces and
    underscores are folded, here only: a name in other letters is still another name.
    """
    found: list[tuple[tuple[bool, int, int, str], NearestLayout]] = []
    for number, row in enumerate(rows_above, start=1):
        header = clean_header(row)
        if len(header) < _FEWEST_SHARED:
            continue
        for layout in layouts:
            difference = layout.header_difference(header)
            is_in_its_row = number in layout.header_rows
            if not is_in_its_row and difference.size:
                continue
            shared = _shared_columns(layout, header)
            if difference.size and not shared:
                continue
            rank = (not _names_period(layout, header), -shared, difference.size, layout.name)
            found.append((rank, NearestLayout(difference, header, number)))
    return min(found, key=lambda pair: pair[0])[1] if found else None


def rank_by_nearness(rows_above: Sequence[Sequence[object]], layouts: Sequence[Layout]) -> tuple[bool, int, int]:
    """Sorts the tables that no layout recognises: first the one that is nearest to some layout."""
    nearest = find_nearest(rows_above, layouts)
    if nearest is not None:
        return False, nearest.difference.size, -len(nearest.header)
    headers = [{_fold(name) for name in clean_header(row)} for row in rows_above]
    known = [{_fold(name) for name in layout.known_columns} for layout in layouts]
    return True, -max((len(header & names) for header in headers for names in known), default=0), 0


def _shared_columns(layout: Layout, header: Sequence[str]) -> int:
    """How many columns a header and a layout have in common; 0 where that is too few, or their shapes differ."""
    names = {_fold(name) for name in header if name}
    begins = [_fold(name) == _fold(stands) for name, stands in zip(layout.recognise.leading, header, strict=False)]
    if begins and not any(begins):
        return 0
    keys = [[name] for name in layout.recognise.required] + layout.recognise.required_one_of
    if isinstance(layout.measures, WideMeasures):
        of_its_shape = names & {_fold(name) for name in layout.measures.columns}
    else:
        keys.append(layout.recognise.value_columns)
        ids = (layout.measures.id, layout.measures.name, *layout.recognise.value_columns)
        of_its_shape = names & {_fold(name) for name in ids}
    agreeing = sum(any(_fold(name) in names for name in either) for either in keys)
    if not of_its_shape or agreeing < max(_FEWEST_SHARED, len(keys) * _SHARE_OF_KEYS):
        return 0
    return len(names & {_fold(name) for name in layout.known_columns})


def _names_period(layout: Layout, header: Sequence[str]) -> bool:
    """Whether a header says the period as the layout does: in its columns, or in none where names say it."""
    names = {_fold(name) for name in header}
    if isinstance(layout.period, PeriodFromColumns):
        return bool(names & {_fold(name) for name in (layout.period.start, layout.period.end or "") if name})
    if isinstance(layout.period, PeriodFromLabel):
        return _fold(layout.period.column) in names
    return True


def _strip(text: str) -> str:
    """A text without the white space, and the characters that show nothing, at its ends."""
    is_blank = [character.isspace() or unicodedata.category(character) in {"Cc", "Cf"} for character in text]
    if all(is_blank):
        return ""
    return text[is_blank.index(False) : len(text) - is_blank[::-1].index(False)]


def _fold(name: str) -> str:
    """A column's name without what spelling changes most: capitals, spaces and marks."""
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def _show_name(name: str) -> str:
    """A column's name as an error may show it: a whole text may stand where a name was expected."""
    return repr(name if len(name) <= _LONGEST_NAME_SHOWN else name[:_LONGEST_NAME_SHOWN] + "...")


def _candidates(
    rows_above: Sequence[Sequence[object]], layouts: Sequence[Layout]
) -> list[tuple[Layout, tuple[str, ...], int]]:
    """Each layout with every row in which its header may stand, as far as the table has such rows, and the row."""
    return [
        (layout, clean_header(rows_above[row - 1]), row)
        for layout in layouts
        for row in layout.header_rows
        if row <= len(rows_above)
    ]


def period_pattern(layout: Layout) -> re.Pattern[str]:
    """The compiled pattern of a layout whose period stands in a label or a name."""
    if isinstance(layout.period, PeriodFromColumns):
        raise TypeError(f"layout {layout.name} takes its period from columns")
    return re.compile(layout.period.pattern)
