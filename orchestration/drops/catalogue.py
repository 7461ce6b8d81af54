"""The catalogue as data: gaps, corrections, precedence and limits, from their reviewed YAML files.

Layouts have their own module.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, field_validator, model_validator

from orchestration.drops.layouts import Layout, load_layouts
from orchestration.drops.organisation_codes import OrganisationCodes
from orchestration.drops.periods import period_labelled

Grain = Literal["month", "quarter", "year"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Gap(_Strict):
    """A period of a series that the publisher never published."""

    series: Literal["monthly", "quarterly", "annual"]
    period: str = Field(pattern=r"^20\d\d-(\d\d( Q[1-4])?)$")
    kind: Literal["not_published"]
    reason: str
    known: str
    inferred: str | None = None
    source: str


class CorrectedCells(_Strict):
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


class ExpectedMistake(_Strict):
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


class Correction(_Strict):
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


class MisnamedFile(_Strict):
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
            period_labelled(label)
        return periods

    def is_of(self, sha256: str, file: str, periods: Sequence[str]) -> bool:
        """Whether a file, by its bytes or name, is meant, and its rows are of the periods that are let pass."""
        return (self.sha256 == sha256 or self.file == file) and set(periods) == set(self.periods)


class NamedStatus(_Strict):
    """A status of a publication and how a file's name shows it."""

    status: Literal["provisional", "definitive"]
    pattern: str


class Precedence(_Strict):
    """Which drop is believed when several publish the same cell."""

    series: dict[Grain, list[str]]
    statuses: list[NamedStatus]
    default_status: Literal["provisional", "definitive"]
    revisions: list[str]

    def status_of(self, name: str) -> str:
        """The status a file's name shows."""
        for named in self.statuses:
            if re.search(named.pattern, name):
                return named.status
        return self.default_status

    def revision_of(self, name: str) -> int:
        """The revision number a file's name shows; 1 where it shows none."""
        for pattern in self.revisions:
            if match := re.search(pattern, name):
                return int(match.group(1))
        return 1


class Limits(_Strict):
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
    def precedence(self) -> Precedence:
        """Which drop wins a contested cell."""
        return Precedence.model_validate(self._read("precedence.yml"))

    @cached_property
    def organisation_codes(self) -> OrganisationCodes:
        """What the codes of organisations look like, and what stands where there is none."""
        return OrganisationCodes.model_validate(self._read("organisation_codes.yml"))

    @cached_property
    def limits(self) -> Limits:
        """What a drop may cost to open."""
        return Limits.model_validate(self._read("limits.yml"))
