"""The catalogue as data: gaps, precedence and limits, from their reviewed YAML files. Layouts have their own module."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from orchestration.drops.layouts import Layout, load_layouts

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
    def precedence(self) -> Precedence:
        """Which drop wins a contested cell."""
        return Precedence.model_validate(self._read("precedence.yml"))

    @cached_property
    def limits(self) -> Limits:
        """What a drop may cost to open."""
        return Limits.model_validate(self._read("limits.yml"))
