"""Precedence: which drop is believed where several publish a cell, as reviewed in `catalogue/precedence.yml`."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

from pydantic import Field, model_validator

from iapt.catalogue.strict_model import StrictModel
from iapt.contract import Grain
from iapt.periods import parse_period_label


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

    def rank_series(self) -> list[SeriesRank]:
        """Return the rank of every series, in the periods of the dated rows and before, between and after them."""
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

    def infer_status(self, name: str, members: Sequence[str] = ()) -> str:
        """Return the status that the names of a file and of the members of its ZIP show.

        A member says it of itself, so it is asked first; of members that differ, one that is provisional decides.
        """
        of_members = {status for member in members if (status := self.find_status(member))}
        for status in ("provisional", "definitive"):
            if status in of_members:
                return status
        return self.find_status(name) or self.default_status

    def find_status(self, name: str) -> Literal["provisional", "definitive"] | None:
        """Return the status that a name shows; None where it shows none."""
        return next((named.status for named in self.statuses if re.search(named.pattern, name)), None)

    def infer_revision(self, name: str, members: Sequence[str] = ()) -> int:
        """Return the highest revision number that the names of a file and of its ZIP's members show; 1 if none does.

        A pack is corrected by a member `-v2` in a ZIP of the same name as before.
        """
        return max(self._revision_shown(shown) for shown in (name, *members))

    def _revision_shown(self, name: str) -> int:
        told_in_words = any(re.search(pattern, name, re.IGNORECASE) for pattern in self.revisions_in_words)
        numbered = self._numbered_revision(name)
        return (int(numbered.group(1)) if numbered else 1) + told_in_words

    def _numbered_revision(self, name: str) -> re.Match[str] | None:
        return next((match for pattern in self.revisions if (match := re.search(pattern, name))), None)

    def remove_revision(self, name: str) -> str:
        """Return a name in small letters without what tells its revision: two issues of one file share it."""
        if match := self._numbered_revision(name):
            words = re.sub(r"(?i)(?<![a-z])(?:v|ver|version)?[^a-z0-9]*$", "", name[match.start() : match.start(1)])
            before = re.sub(r"(?:[-_ +.(]|%20)+$", "", name[: match.start()] + words)
            name = before + name[match.end(1) :].removeprefix(")")
        for pattern in self.revisions_in_words:
            name = re.sub(rf"(?:[-_ +.(]|%20)*{pattern}[)]?", "", name, flags=re.IGNORECASE)
        return name.lower()


def _ranked(grain: Grain, order: Sequence[str], first: dt.date | None, last: dt.date | None) -> list[SeriesRank]:
    return [SeriesRank(grain, series, rank, first, last) for rank, series in enumerate(order, start=1)]
