"""What the figures of a period rest on, and a period that is made again: the records of both."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict


class AffectedPeriod(BaseModel):
    """A period that a build makes again, and why. `cells` is about how many cells its drops have of it."""

    model_config = ConfigDict(frozen=True)

    grain: str
    start: str
    label: str
    cells: int
    why: tuple[str, ...]


class PeriodInputs(BaseModel):
    """What the figures of one period rest on: for each thing, by its name, a digest."""

    model_config = ConfigDict(frozen=True)

    grain: str
    start: str
    label: str
    cells: int = 0
    drops: Mapping[str, str] = {}
    names: Mapping[str, str] = {}
    reviewed: Mapping[str, str] = {}
