"""The truth behind the demonstration: every true count that its files publish, rounded or hidden there.

`build_truth` gives one table for each series. Its rows are the published organisations and categories, its columns
whole true counts (`months.COUNTS`, `breakdowns.COUNTS`), so that an audit can be tested against what it must not find.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from operator import attrgetter

import numpy as np
import pandas as pd

from iapt.synthetic import breakdowns, geography, months
from iapt.synthetic.allocation import IntArray, draw_whole_numbers, make_random_stream, sum_by_group
from iapt.synthetic.england import MONTHS, YEARS
from iapt.synthetic.geography import Pair, list_demonstration_pairs, read_pairs
from iapt.synthetic.levels import ENGLAND, Grouping, Organisation, Part, group_parts, list_parts
from iapt.synthetic.populations import (
    BME,
    TOTAL,
    Population,
    list_annual_populations,
    list_long_quarterly_populations,
    list_wide_quarterly_populations,
)

_ORGANISATION_COLUMNS = [field.name for field in fields(Organisation)]
_organisation_values = attrgetter(*_ORGANISATION_COLUMNS)
KEYS = ["period", "start", "end", *_ORGANISATION_COLUMNS, "variable_type", "variable_a", "variable_b"]

TIMESERIES_MONTHS = [period for period in sorted(MONTHS) if period <= "2020-02"]
MONTHLY_MONTHS = [period for period in sorted(MONTHS) if period > "2020-02"]
#: A run of months long enough to compare one year with the next; the earlier ones are each there for something that no
#: month of the run has: a layout, a container, a name.
_EARLIER_MONTHS = [
    *("2021-01", "2021-03", "2022-01", "2022-06", "2022-07", "2023-01", "2023-02", "2024-04", "2024-09", "2024-10")
]
DEMONSTRATION_MONTHS = [*_EARLIER_MONTHS, *(period for period in MONTHLY_MONTHS if period >= "2025-01")]
ANNUAL_YEARS = ["2019-20", "2020-21", "2021-22", "2022-23", "2023-24", "2024-25"]
_WIDE_YEARS = ["2020-21", "2021-22"]
_LONG_YEARS = ["2025-26"]
NEVER_PUBLISHED = "2020-21 Q2"
WIDE_QUARTERS = [
    f"{year} Q{quarter}" for year in _WIDE_YEARS for quarter in range(1, 5) if f"{year} Q{quarter}" != NEVER_PUBLISHED
]
_DAY_FIRST_QUARTER = "2023-24 Q4"  # of the newer shape, from before its dates and quotes changed
LONG_QUARTERS = [_DAY_FIRST_QUARTER, *(f"{year} Q{quarter}" for year in _LONG_YEARS for quarter in range(1, 5))]


@dataclass(frozen=True)
class Truth:
    """The true counts of each series, one row for each published organisation and category in file order."""

    monthly: pd.DataFrame
    timeseries: pd.DataFrame
    quarterly: pd.DataFrame
    annual: pd.DataFrame


def get_period_bounds(period: str) -> tuple[date, date]:
    """First and last day of a month `2021-01`, a quarter `2020-21 Q3` or a financial year `2020-21`."""
    first = int(period[:4])
    if " Q" in period:
        quarter = int(period[-1])
        start, length = date(first + quarter // 4, 3 * quarter % 12 + 1, 1), 3
    elif int(period[5:]) == (first + 1) % 100:
        start, length = date(first, 4, 1), 12
    else:
        start, length = date(first, int(period[5:]), 1), 1
    after = start.month - 1 + length
    return start, date(start.year + after // 12, after % 12 + 1, 1) - timedelta(days=1)


class _Table:
    """Rows of a truth table, collected period by period."""

    def __init__(self, counts: Sequence[str]) -> None:
        self._counts = counts
        self._keys: list[tuple[object, ...]] = []
        self._values: list[IntArray] = []

    def add(
        self, period: str, organisations: Iterable[Organisation], populations: Sequence[Population], values: IntArray
    ) -> None:
        """Add rows for organisations by populations; organisations without any activity are left out."""
        start, end = get_period_bounds(period)
        for organisation, rows in zip(organisations, values, strict=True):
            if not rows.any():
                continue
            for population, row in zip(populations, rows, strict=True):
                names = (population.variable_type, population.variable_a, population.variable_b)
                self._keys.append((period, start, end, *_organisation_values(organisation), *names))
                self._values.append(row)

    def frame(self) -> pd.DataFrame:
        """The table."""
        keys = pd.DataFrame(self._keys, columns=KEYS)
        counts = pd.DataFrame(np.array(self._values, dtype=np.int64), columns=list(self._counts))
        return pd.concat([keys, counts], axis=1)


def _sum_month(counts: dict[str, IntArray], group: Grouping) -> IntArray:
    size = len(group.organisations)
    columns = [sum_by_group(counts[name], group.member_of, size) for name in months.COUNTS]
    largest = np.zeros(size, dtype=np.int64)
    np.maximum.at(largest, group.member_of, counts["largest_appointments"])
    none = np.iinfo(np.int64).max
    smallest = np.full(size, none)
    has_appointments = counts["smallest_appointments"] > 0
    np.minimum.at(smallest, group.member_of[has_appointments], counts["smallest_appointments"][has_appointments])
    smallest[smallest == none] = 0
    return np.stack([*columns, largest, smallest], axis=1)


def _make_month_table(periods: Iterable[str], pairs: Sequence[Pair], levels: Sequence[str]) -> pd.DataFrame:
    table = _Table([*months.COUNTS, *months.EXTREMES])
    for period in periods:
        _, end = get_period_bounds(period)
        parts = list_parts(pairs, end)
        counts = months.compute_month_counts(period, MONTHS[period], parts)
        for level in levels:
            group = group_parts(level, parts, end)
            table.add(period, group.organisations, [TOTAL], _sum_month(counts, group)[:, None, :])
    return table.frame()


def make_month_table(periods: Iterable[str], pairs: Sequence[Pair]) -> pd.DataFrame:
    """The truth of months in the monthly series, for any set of pairs that is to be all of England."""
    return _make_month_table(periods, pairs, ("england", "region", "commissioner", "provider", "pair"))


def _sum_by_population(cube: IntArray, group: Grouping, populations: Sequence[Population]) -> IntArray:
    sums = sum_by_group(cube, group.member_of, len(group.organisations))
    return np.stack([sums[:, population.bins, :].sum(axis=1) for population in populations], axis=1)


#: Fewer categories for smaller and for more organisations, to keep the demonstration small; of the others, all.
_ANNUAL_KINDS = {
    "region": ("Total", "Age Group", "Gender", BME),
    "icb": ("Total", "Gender", BME),
    "commissioner": ("Total", "Age Group", "Gender", BME),
    "provider": ("Total", "Gender"),
}
_QUARTERLY_KINDS = {
    "icb": ("Total", "Age Group", "Gender", BME),
    "commissioner": ("Total", "Age Group", "Gender", BME),
    "provider": ("Total", "Gender"),
    "pair": ("Total", BME),
}


def _choose_populations(
    populations: Sequence[Population], kinds: Mapping[str, Sequence[str]], level: str
) -> Sequence[Population]:
    return [population for population in populations if level not in kinds or population.variable_type in kinds[level]]


def list_annual_parts(on: date) -> list[Part]:
    """The parts of a year: the demonstration's pairs, and the rest of every STP or ICB.

    The rest is of commissioners not shown; where all are shown it is the first one's, for they add up to their ICB.
    """
    unknown = geography.UNKNOWN
    parts = [
        part if part.icb else Part(unknown, unknown, part.commissioner, part.provider, part.weight)
        for part in list_parts(list_demonstration_pairs(), on)
    ]
    for place, (code, icb) in enumerate(geography.ICBS.items()):
        root = int(draw_whole_numbers(make_random_stream("size", code), 0, 290, (1,))[0])
        provider = f"ZX{place % 16 + 1:03d}"
        shown = sorted(key for key in geography.COMMISSIONERS if geography.find_icb(key, on) == code)
        commissioner = shown[0] if geography.shows_every_commissioner(code, on) else unknown
        parts.append(Part(icb.region, code, commissioner, provider, 6000 + root * root))
    return [*parts, Part(unknown, unknown, unknown, "ZX001", 2400)]


def make_annual_table(years: Iterable[str]) -> pd.DataFrame:
    """The truth of financial years."""
    table = _Table(breakdowns.COUNTS)
    for year in years:
        _, end = get_period_bounds(year)
        parts = list_annual_parts(end)
        cube = breakdowns.compute_period_counts(year, YEARS[year], parts)
        levels = ["england", "region", "icb", "commissioner", "provider"]
        if end >= geography.ICB_DAY:
            levels.remove("commissioner")
        for level in levels:
            group = group_parts(level, parts, end)
            populations = _choose_populations(list_annual_populations(year), _ANNUAL_KINDS, level)
            table.add(year, group.organisations, populations, _sum_by_population(cube, group, populations))
    return table.frame()


def make_quarterly_table(quarters: Iterable[str]) -> pd.DataFrame:
    """The truth of quarters; England is known for the wide files too, which do not show it."""
    table = _Table(breakdowns.COUNTS)
    for period in quarters:
        _, end = get_period_bounds(period)
        wide = period in WIDE_QUARTERS
        pairs = [pair for pair in list_demonstration_pairs() if wide or pair.commissioner != geography.HUB]
        parts = list_parts(pairs, end)
        year, quarter = period.split(" Q")
        totals = breakdowns.compute_quarter_totals(year, int(quarter))
        cube = breakdowns.compute_period_counts(period, totals, parts)
        levels = ["england", "region", "icb", "commissioner", "provider", "pair"]
        for level in ("england", "commissioner") if wide else levels:
            group = group_parts(level, parts, end)
            populations = (
                list_wide_quarterly_populations()
                if wide
                else _choose_populations(list_long_quarterly_populations(), _QUARTERLY_KINDS, level)
            )
            table.add(period, group.organisations, populations, _sum_by_population(cube, group, populations))
    return table.frame()


def build_truth() -> Truth:
    """The truth of the default demonstration; the same on every run and machine."""
    pairs = list_demonstration_pairs()
    workbook_pairs = [*pairs, *read_pairs("", geography.INVALID_PAIRS)]
    return Truth(
        monthly=make_month_table(DEMONSTRATION_MONTHS, pairs),
        timeseries=_make_month_table(TIMESERIES_MONTHS, workbook_pairs, (ENGLAND, "commissioner", "provider", "pair")),
        quarterly=make_quarterly_table([*WIDE_QUARTERS, *LONG_QUARTERS]),
        annual=make_annual_table(ANNUAL_YEARS),
    )
