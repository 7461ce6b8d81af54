"""The catalogue as data: gaps, corrections, precedence and limits, from their reviewed YAML files.

Layouts have their own module.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import Field, TypeAdapter, field_validator, model_validator

from iapt.catalogue.layouts import Layout, load_layouts
from iapt.catalogue.organisation_codes import OrganisationCodes
from iapt.catalogue.strict_model import StrictModel
from iapt.periods import parse_period_label

Grain = Literal["month", "quarter", "year"]


class Gap(StrictModel):
    """A period of a series that the publisher never published."""

    series: Literal["monthly", "quarterly", "annual"]
    period: str = Field(pattern=r"^20\d\d-(\d\d( Q[1-4])?)$")
    kind: Literal["not_published"]
    reason: str
    known: str
    inferred: str | None = None
    source: str


class CorrectedCells(StrictModel):
    """Which cells of a publication a correction is about: each column that is named must say exactly this."""

    org_level: str | None = None
    org_code: str | None = None
    partner_code: str | None = None
    variable_type: str | None = None
    variable_a: str | None = None
    variable_b: str | None = None
    measure_id: str | None = None
    measure_name: str | None = None

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if not self.model_dump(exclude_none=True):
            raise ValueError("expected at least one column that says which cells are meant; found none")
        return self


class ExpectedMistake(StrictModel):
    """What the publication wrongly says of those cells: the guard that fails once the publisher has mended it."""

    value_as_published: str | None = None
    measure_name: str | None = None
    org_name: str | None = None
    #: How many rows of one file publish the cell; two, where an organisation stands twice.
    rows: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_dump(exclude_none=True):
            raise ValueError("expected what the publication wrongly says of the cells; found nothing to guard by")
        return self


class Correction(StrictModel):
    """A known error of a publication, what is done about it, and how to see that the publisher has mended it."""

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    series: Literal["monthly", "timeseries", "quarterly", "annual"]
    periods: list[str] = Field(min_length=1)
    where: CorrectedCells
    reason: str
    source: str
    action: Literal["withhold", "replace", "note"]
    #: What the publisher itself states elsewhere; `source` says where.
    replacement: float | None = None
    expect: ExpectedMistake

    @model_validator(mode="after")
    def _can_be_applied(self) -> Self:
        form = _PERIOD_OF_SERIES[self.series]
        if wrong := [period for period in self.periods if not re.fullmatch(form, period)]:
            raise ValueError(f"expected periods of the {self.series} series, such as {form}; found {wrong}")
        if (self.replacement is not None) != (self.action == "replace"):
            raise ValueError("expected a replacement with the action replace, and with no other")
        if self.action != "note" and not re.fullmatch(r"-?\d+(\.\d+)?", self.expect.value_as_published or ""):
            raise ValueError(
                f"expected the published number that is wrong in expect.value_as_published, for {self.action} works on "
                "published figures only; a suppressed one is never touched"
            )
        return self


_PERIOD_OF_SERIES = {
    "monthly": r"20\d\d-(0[1-9]|1[0-2])",
    "timeseries": r"20\d\d-(0[1-9]|1[0-2])",
    "quarterly": r"20\d\d-\d\d Q[1-4]",
    "annual": r"20\d\d-\d\d",
}


class MisnamedFile(StrictModel):
    """A file whose rows are right though its name says another period: named by its bytes or by its whole name."""

    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    file: str | None = Field(default=None, min_length=1)
    periods: list[str] = Field(min_length=1)
    reason: str = Field(min_length=1)
    source: str = Field(min_length=1)

    @model_validator(mode="after")
    def _names_one_file(self) -> Self:
        if (self.sha256 is None) == (self.file is None):
            raise ValueError("expected either the sha256 of the file or its whole name in `file`")
        return self

    @field_validator("periods")
    @classmethod
    def _are_periods(cls, periods: list[str]) -> list[str]:
        for label in periods:
            parse_period_label(label)
        return periods

    def is_of(self, sha256: str, file: str, periods: Sequence[str]) -> bool:
        """Whether a file, by its bytes or name, is meant, and its rows are of the periods that are let pass."""
        return (self.sha256 == sha256 or self.file == file) and set(periods) == set(self.periods)


_SERIES = frozenset({"monthly", "timeseries", "quarterly", "annual", "data_quality"})
ReIssueEffect = Literal["replaces_whole_file", "adds"]


class ReviewedReIssue(StrictModel):
    """A file of which a person says what it does to earlier ones: named by its bytes or by its whole name."""

    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    file: str | None = Field(default=None, min_length=1)
    re_issue: ReIssueEffect
    reason: str = Field(min_length=1)
    source: str = Field(min_length=1)

    @model_validator(mode="after")
    def _names_one_file(self) -> Self:
        if (self.sha256 is None) == (self.file is None):
            raise ValueError("expected either the sha256 of the file or its whole name in `file`")
        return self


class ReIssues(StrictModel):
    """What a later issue of a file does to the earlier one, by series, and which files are issues of one another."""

    series: dict[str, ReIssueEffect]
    #: Of the cells of the earlier issue, 0 to 1: with fewer, the later one is taken for an extract.
    least_share_of_cells: float = Field(gt=0, le=1)
    words_of_any_file: frozenset[Annotated[str, Field(pattern=r"^[a-z]+$")]]
    files: list[ReviewedReIssue]

    @field_validator("series")
    @classmethod
    def _says_it_of_every_series(cls, series: dict[str, ReIssueEffect]) -> dict[str, ReIssueEffect]:
        if set(series) ^ _SERIES:
            raise ValueError(f"expected what a re-issue of each of {sorted(_SERIES)} does; found {sorted(series)}")
        return series

    def reviewed(self, sha256: str, file: str) -> ReIssueEffect | None:
        """What a person says that a file does to earlier ones; None where nobody has said anything."""
        return next((each.re_issue for each in self.files if each.sha256 == sha256 or each.file == file), None)


class NamedStatus(StrictModel):
    """A status of a publication and how a file's name shows it."""

    status: Literal["provisional", "definitive"]
    pattern: str


class DatedPrecedence(StrictModel):
    """Another order of the series for some periods, as a person has reviewed it: from the first to the last of them."""

    period_grain: Grain
    first: str
    #: Without it, for every period from the first one on.
    last: str | None = None
    series: list[str] = Field(min_length=1)
    reason: str = Field(min_length=1)
    source: str = Field(min_length=1)

    @model_validator(mode="after")
    def _bounds_are_periods_of_the_grain(self) -> Self:
        bounds = [parse_period_label(label) for label in (self.first, self.last) if label is not None]
        if wrong := [period.label for period in bounds if period.grain != self.period_grain]:
            raise ValueError(f"expected each {self.period_grain} by its label; found {', '.join(wrong)}")
        if bounds[0] > bounds[-1]:
            raise ValueError(f"expected the first period before the last; found {self.first} and {self.last}")
        return self

    @property
    def starts(self) -> tuple[dt.date, dt.date | None]:
        """The first days of the first and of the last period; None where it has no end."""
        last = None if self.last is None else parse_period_label(self.last).start
        return parse_period_label(self.first).start, last


@dataclass(frozen=True)
class SeriesRank:
    """How early a series is believed at one grain, 1 first, from one first day of a period to another."""

    period_grain: Grain
    series: str
    rank: int
    valid_from: dt.date | None
    valid_to: dt.date | None


class Precedence(StrictModel):
    """Which drop is believed when several publish the same cell."""

    series: dict[Grain, list[str]]
    dated: list[DatedPrecedence] = []
    statuses: list[NamedStatus]
    default_status: Literal["provisional", "definitive"]
    revisions: list[str]
    revisions_in_words: list[str] = []

    @model_validator(mode="after")
    def _dated_rows_order_the_same_series_once(self) -> Self:
        for row in self.dated:
            if sorted(row.series) != sorted(self.series.get(row.period_grain, [])):
                ordered = self.series.get(row.period_grain)
                raise ValueError(f"dated from {row.first}: expected {ordered} in some order; found {row.series}")
        for grain in self.series:
            rows = sorted((row.starts for row in self.dated if row.period_grain == grain), key=lambda starts: starts[0])
            for (first, last), (following, _) in itertools.pairwise(rows):
                if last is None or last >= following:
                    raise ValueError(
                        f"expected at most one dated row for a {grain}; two are for {following}, one from {first}"
                    )
        return self

    def ranks(self) -> list[SeriesRank]:
        """The rank of every series, for the periods of the dated rows and for those before, between and after them."""
        ranks: list[SeriesRank] = []
        for grain, order in self.series.items():
            begin: dt.date | None = None
            is_open = True
            rows = sorted((row for row in self.dated if row.period_grain == grain), key=lambda row: row.starts[0])
            for row in rows:
                first, last = row.starts
                if begin is None or begin < first:
                    ranks += _ranked(grain, order, begin, first - dt.timedelta(days=1))
                ranks += _ranked(grain, row.series, first, last)
                is_open = last is not None
                begin = None if last is None else last + dt.timedelta(days=1)
            if is_open:
                ranks += _ranked(grain, order, begin, None)
        return ranks

    def status_of(self, name: str, members: Sequence[str] = ()) -> str:
        """The status that the names of a file and of the members of its ZIP show.

        A member says it of itself, so it is asked first; of members that differ, one that is provisional decides.
        """
        of_members = {status for member in members if (status := self._status_shown(member))}
        for status in ("provisional", "definitive"):
            if status in of_members:
                return status
        return self._status_shown(name) or self.default_status

    def _status_shown(self, name: str) -> str | None:
        return next((named.status for named in self.statuses if re.search(named.pattern, name)), None)

    def revision_of(self, name: str, members: Sequence[str] = ()) -> int:
        """The highest revision number that the names of a file and of the members of its ZIP show; 1 if they show none.

        A pack is corrected by a member `-v2` in a ZIP of the same name as before.
        """
        return max(self._revision_shown(each) for each in (name, *members))

    def _revision_shown(self, name: str) -> int:
        told_in_words = any(re.search(pattern, name, re.IGNORECASE) for pattern in self.revisions_in_words)
        numbered = self._numbered_revision(name)
        return (int(numbered.group(1)) if numbered else 1) + told_in_words

    def _numbered_revision(self, name: str) -> re.Match[str] | None:
        return next((match for pattern in self.revisions if (match := re.search(pattern, name))), None)

    def name_without_revision(self, name: str) -> str:
        """A name in small letters without what tells its revision: two issues of one file share it."""
        if match := self._numbered_revision(name):
            words = re.sub(r"(?i)(?<![a-z])(?:v|ver|version)?[^a-z0-9]*$", "", name[match.start() : match.start(1)])
            before = re.sub(r"(?:[-_ +.(]|%20)+$", "", name[: match.start()] + words)
            name = before + name[match.end(1) :].removeprefix(")")
        for pattern in self.revisions_in_words:
            name = re.sub(rf"(?:[-_ +.(]|%20)*{pattern}[)]?", "", name, flags=re.IGNORECASE)
        return name.lower()


def _ranked(grain: Grain, order: Sequence[str], first: dt.date | None, last: dt.date | None) -> list[SeriesRank]:
    return [SeriesRank(grain, series, rank, first, last) for rank, series in enumerate(order, start=1)]


class ImpossibleValues(StrictModel):
    """Values that some measures cannot have by what they are.

    A name that matches one of `measures` in full is meant.
    """

    measures: list[str] = Field(min_length=1)
    at_least: float | None = None
    at_most: float | None = None
    is_whole: bool = False
    reason: str = Field(min_length=1)

    def is_about(self, measure_name: str) -> bool:
        """Whether a published name is that of such a measure; capitals are ignored."""
        return any(re.fullmatch(pattern, measure_name, re.IGNORECASE) for pattern in self.measures)


class ImpossibleValueRules(StrictModel):
    """The values that measures cannot have, and from how many rows of one measure on a file is rejected for them."""

    rejected_from_rows: int = Field(ge=2)
    values: list[ImpossibleValues]


class Limits(StrictModel):
    """What a drop may cost to open."""

    max_file_bytes: int
    max_members: int
    max_uncompressed_bytes: int
    max_compression_ratio: int
    max_sheet_cells: int


class Catalogue:
    """Everything in one catalogue folder, each part read on first use."""

    def __init__(self, folder: Path, *, restricted: bool = False) -> None:
        """A catalogue in `folder`; its files are not opened yet.

        A restricted one knows the layouts of unrounded counts and no published ones, so that neither kind of drop can
        ever be read as the other.
        """
        self.folder = folder
        self.restricted = restricted

    def _read(self, name: str) -> object:
        return yaml.safe_load((self.folder / name).read_text(encoding="utf-8"))

    @cached_property
    def layouts(self) -> list[Layout]:
        """The published shapes; in a restricted catalogue, those of unrounded counts."""
        return load_layouts(self.folder / "layouts" / "restricted" if self.restricted else self.folder / "layouts")

    @cached_property
    def gaps(self) -> list[Gap]:
        """The known gaps."""
        return TypeAdapter(list[Gap]).validate_python(self._read("gaps.yml"))

    @cached_property
    def corrections(self) -> list[Correction]:
        """The known errors of the publications. Raises ValueError where two have one id."""
        corrections = TypeAdapter(list[Correction]).validate_python(self._read("corrections.yml"))
        ids = [correction.id for correction in corrections]
        if twice := sorted({each for each in ids if ids.count(each) > 1}):
            raise ValueError(f"expected each id once in corrections.yml; found {', '.join(twice)} more than once")
        return corrections

    @cached_property
    def misnamed_files(self) -> list[MisnamedFile]:
        """The files that may say another period in their name than in their rows."""
        return TypeAdapter(list[MisnamedFile]).validate_python(self._read("misnamed_files.yml"))

    @cached_property
    def re_issues(self) -> ReIssues:
        """What a later issue of a file does to the earlier one."""
        return ReIssues.model_validate(self._read("re_issues.yml"))

    @cached_property
    def precedence(self) -> Precedence:
        """Which drop wins a contested cell."""
        return Precedence.model_validate(self._read("precedence.yml"))

    @cached_property
    def organisation_codes(self) -> OrganisationCodes:
        """What the codes of organisations look like, and what stands where there is none."""
        return OrganisationCodes.model_validate(self._read("organisation_codes.yml"))

    @cached_property
    def impossible_values(self) -> ImpossibleValueRules:
        """The values that measures cannot have; the first entry about a measure decides."""
        return ImpossibleValueRules.model_validate(self._read("impossible_values.yml"))

    @cached_property
    def limits(self) -> Limits:
        """What a drop may cost to open."""
        return Limits.model_validate(self._read("limits.yml"))
