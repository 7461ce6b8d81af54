"""Which periods a report covers: those that England has figures for, and those of some organisations only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from iapt.report.area_series import AreaFigures
from iapt.report.release_tables import EVERYONE, Period

NONE = "none"


@dataclass(frozen=True)
class Coverage:
    """The first and the last period that England has figures for, how many they are, and what else there is.

    `missing` counts the periods between them that are not held; `partly` says which are held, without England.
    """

    first: str
    last: str
    held: int
    missing: int
    partly: str


def describe_coverage(periods: Sequence[Period], england: AreaFigures | None) -> Coverage:
    """What a report covers: a drop of one provider makes no month that the country can be seen in."""
    numbers = _find_periods_with_figures(england)
    between = periods[numbers[0] : numbers[-1] + 1] if numbers else ()
    partly = [period.status == "published" and number not in numbers for number, period in enumerate(periods)]
    return Coverage(
        first=between[0].label if between else NONE,
        last=between[-1].label if between else NONE,
        held=len(numbers),
        missing=sum(period.status == "not_loaded" for period in between),
        partly=format_runs(periods, partly) or NONE,
    )


def _find_periods_with_figures(area: AreaFigures | None) -> list[int]:
    """The numbers of the periods of which an organisation has a figure of everyone, be it suppressed."""
    texts = area.series.get(EVERYONE, ()) if area else ()
    cells = chain.from_iterable(enumerate(text.split(",")) for text in texts)
    return sorted({number for number, cell in cells if cell == "c" or cell[:1].isdigit()})


def format_runs(periods: Sequence[Period], holds: Sequence[bool]) -> str:
    """Neighbouring periods of which something holds, as ranges: March 2020 to December 2020, March 2021."""
    runs: list[list[Period]] = []
    for before, period, held in zip((False, *holds), periods, holds, strict=False):
        if held and before:
            runs[-1].append(period)
        elif held:
            runs.append([period])
    return ", ".join(run[0].label if len(run) == 1 else f"{run[0].label} to {run[-1].label}" for run in runs)
