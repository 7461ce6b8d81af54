"""Corrections: known errors of publications, as reviewed in `catalogue/corrections.yml`."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, model_validator

from iapt.catalogue.strict_model import StrictModel

_PERIOD_OF_SERIES = {
    "monthly": r"20\d\d-(0[1-9]|1[0-2])",
    "timeseries": r"20\d\d-(0[1-9]|1[0-2])",
    "quarterly": r"20\d\d-\d\d Q[1-4]",
    "annual": r"20\d\d-\d\d",
}


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
