"""Layouts: the declared shapes of published tables, each one YAML file in `catalogue/layouts`.

Which of them a table has, `iapt.ingest.layout_matching` says.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from iapt.catalogue.strict_model import StrictModel
from iapt.contract import Grain, OrgLevel, Series, ValueStatus
from iapt.yaml_files import read_yaml

#: How many rows of a table are looked at to find its header.
DEEPEST_HEADER_ROW = 12

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
    Every whole file has rows of one level of each list of `expected`.
    """

    column: str | None = None
    values: dict[str, Level] = {}
    otherwise: Level | None = None
    always: Level | None = None
    placeholders: list[str] = []
    expected: list[list[OrgLevel]] = []

    @model_validator(mode="after")
    def _one_way(self) -> Levels:
        if (self.always is None) == (self.column is None):
            raise ValueError("levels: give either `always`, or `column` with `values`")
        if self.otherwise is not None and self.column is None:
            raise ValueError("levels: `otherwise` is about the other texts of a `column`")
        known = {level.level for level in (*self.values.values(), self.otherwise, self.always) if level is not None}
        if unknown := {level for levels in self.expected for level in levels} - known:
            raise ValueError(f"levels: {', '.join(sorted(unknown))} is expected and no text means it")
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


class ColumnYears(StrictModel):
    """The periods in which columns whose whole name matches a pattern were published, by their labels."""

    pattern: str
    first: str = ""
    last: str = ""

    def excludes(self, column: str, period: str) -> bool:
        """Whether a column of this name is not one of a period."""
        is_outside = period < self.first or (self.last != "" and period > self.last)
        return is_outside and re.fullmatch(self.pattern, column) is not None


class WideMeasures(StrictModel):
    """One column per measure. `columns` is every name that leads to a reviewed measure.

    Any other column is a drift where `other_columns` are rejected; else it is a measure that nobody has reviewed, which
    is read under its own name and does not leave. Every whole file has one column of each list of `expected`. `years`
    says of columns that were renamed when they had which name: a table may come under the name of another year.
    """

    shape: Literal["wide"]
    columns: list[str] = Field(min_length=1)
    other_columns: Literal["rejected", "unreviewed"] = "rejected"
    expected: list[list[str]] = []
    years: list[ColumnYears] = []

    @model_validator(mode="after")
    def _expected_are_known(self) -> WideMeasures:
        if unknown := {name for names in self.expected for name in names} - set(self.columns):
            raise ValueError(f"measures: {', '.join(sorted(unknown))} is expected and stands in no columns")
        return self


class Layout(StrictModel):
    """One published shape, as written in `catalogue/layouts/<name>.yml`."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    series: Series
    period_grain: Grain
    source: str
    #: `read`: real files of this shape were read; `inferred`: it is written from notes or others' code alone, until one
    #: was; `own`: we declare the shape ourselves.
    evidence: Literal["read", "inferred", "own"]
    recognise: Recognition
    period: PeriodFromColumns | PeriodFromLabel | PeriodFromNames = Field(discriminator="source")
    levels: Levels
    #: Whether every organisation has rows of every period of a file, those without any data too.
    has_every_period: bool = False
    blank_organisation_code: str | None = None
    variables: Variables | VariableInHeader | Literal["total"]
    measures: LongMeasures | WideMeasures = Field(discriminator="shape")
    tokens: dict[str, ValueStatus]
    #: Those of `tokens` that no file of this layout was seen to have: where one stands, a notice says so.
    unseen_tokens: list[str] = []
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

    def find_variable_column(self, header: Sequence[str]) -> str | None:
        """Return the column of a header whose name is the type of the variable; None where the layout has none such."""
        if isinstance(self.variables, VariableInHeader) and len(header) >= self.variables.column:
            return header[self.variables.column - 1]
        return None

    def find_measure_columns(self, header: Sequence[str]) -> list[str]:
        """Return the columns of a header that hold measure cells, in its order."""
        if not self.takes_other_columns:
            return [name for name in header if name in self.measure_columns]
        keys = {*self._key_columns, self.find_variable_column(header)}
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


def load_layouts(folder: Path) -> list[Layout]:
    """Read every layout of a folder, in the order of their names.

    Raises pydantic.ValidationError with the file's path where a layout is malformed.
    """
    layouts = []
    for path in sorted(folder.glob("*.yml")):
        content = read_yaml(path)
        try:
            layouts.append(Layout.model_validate(content))
        except ValueError as error:
            raise ValueError(f"{path.name}: {error}") from error
    names = [layout.name for layout in layouts]
    if len(names) != len(set(names)) or not names:
        raise ValueError(f"expected layouts with distinct names in {folder.name}, found {names or 'none'}")
    return layouts


def compute_layouts_digest(layouts: Iterable[Layout]) -> str:
    """Return a digest of what the layouts say, not of how their files are written."""
    text = "\n".join(layout.model_dump_json() for layout in layouts)
    return hashlib.sha256(text.encode()).hexdigest()


def compile_period_pattern(layout: Layout) -> re.Pattern[str]:
    """Return the compiled pattern of a layout whose period stands in a label or a name."""
    if isinstance(layout.period, PeriodFromColumns):
        raise TypeError(f"layout {layout.name} takes its period from columns")
    return re.compile(layout.period.pattern)
