"""Gaps: periods that the publisher never published, as reviewed in `catalogue/gaps.yml`."""

from typing import Literal

from pydantic import Field

from iapt.catalogue.strict_model import StrictModel


class Gap(StrictModel):
    """A period of a series that the publisher never published."""

    series: Literal["monthly", "quarterly", "annual"]
    period: str = Field(pattern=r"^20\d\d-(\d\d( Q[1-4])?)$")
    kind: Literal["not_published"]
    reason: str
    known: str
    inferred: str | None = None
    source: str
