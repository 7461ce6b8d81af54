"""The truth of a quarter or year at its finest: whole counts for every part and every bin of people.

Ages, genders and ethnic groups of a part add up to the same total, a count within another count stays within it in
every bin, and everything adds up to England's totals. Nothing is rounded or hidden here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace

import numpy as np

from iapt.synthetic.allocation import IntArray, allocate, draw_whole_numbers, make_random_stream
from iapt.synthetic.england import QUARTER_SHARES, QUARTER_SHARES_2020_21, YEARS, YearTotals
from iapt.synthetic.levels import Part
from iapt.synthetic.months import compute_unsteadiness, draw_habits
from iapt.synthetic.outcomes import (
    COUNTED,
    OUTCOMES,
    allocate_outcomes_by_group,
    compute_england_outcomes,
    count_outcomes,
)
from iapt.synthetic.populations import (
    AGE_BINS,
    AGES,
    BINS,
    ETHNIC_BINS,
    ETHNIC_GROUPS,
    ETHNICITIES,
    FINISHED_SHARES,
    GENDER_BINS,
    GENDERS,
)

# The columns of the truth of a quarter or year.
COUNTS = (
    "referrals",
    "accessing",
    "wait_days",
    "ended_treated_once",
    *COUNTED,
    "finished_within_6_weeks",
    "finished_within_18_weeks",
    "anxiety_measure_finished",
    "anxiety_measure_paired",
)
_FINISHED_WAITS = (915, 70, 15)
_ANXIETY_MEASURES = (120, 45, 835)


def compute_quarter_totals(year: str, quarter: int) -> YearTotals:
    """England's totals of a quarter: a share of its year, with a little weather of its own."""
    totals = YEARS[year]
    share = (QUARTER_SHARES_2020_21 if year == "2020-21" else QUARTER_SHARES)[quarter - 1]
    random = make_random_stream("quarter", year, str(quarter))
    drift = int(draw_whole_numbers(random, -6, 6, (1,))[0])
    bme, british = map(int, draw_whole_numbers(random, -4, 4, (2,)))
    counts = [field.name for field in fields(totals) if not field.name.endswith("_tenths")]
    per_mille = {name: 1000 + drift if name.endswith("recovery") else 1000 for name in counts}
    return replace(
        totals,
        **{name: getattr(totals, name) * share * per_mille[name] // 1_000_000 for name in counts},
        bme_recovery_tenths=totals.bme_recovery_tenths + drift // 2 + bme,
        white_british_recovery_tenths=totals.white_british_recovery_tenths + drift // 2 + british,
    )


def _allocate_by_ethnicity(label: str, totals: YearTotals, parts: Sequence[Part]) -> dict[str, IntArray]:
    """Every count that is not within another, and the outcomes, by part and ethnic group."""
    random = make_random_stream("ethnicity", label)
    recovering = draw_habits(parts, "recovering", 13, 19)
    weights = np.array([[part.weight] for part in parts], dtype=np.int64)
    weights = weights * np.array(list(ETHNICITIES.values())) * draw_habits(parts, "ethnicity", 4, 12, len(ETHNICITIES))
    swing = compute_unsteadiness(np.array([[part.weight] for part in parts], dtype=np.int64))
    everyone = list(range(len(ETHNICITIES)))

    def spread(total: int, places: list[int], habit: IntArray | int = 1) -> IntArray:
        noise = 64 + draw_whole_numbers(random, -64, 64, (len(parts), len(places))) * swing // 1000
        cells = weights[:, places] * habit * noise
        return allocate(total, cells.reshape(-1), random).reshape(cells.shape)

    counts = {
        "referrals": spread(totals.referrals, everyone),
        "accessing": spread(totals.referrals * 690 // 1000, everyone),
        "ended_treated_once": spread(totals.referrals * 268 // 1000, everyone),
    }
    rates = (totals.bme_recovery_tenths, totals.white_british_recovery_tenths)
    shares = np.array(FINISHED_SHARES, dtype=np.int64)
    for name, by_group in allocate_outcomes_by_group(compute_england_outcomes(totals), shares, rates, random).items():
        habit = recovering if name in OUTCOMES[:2] else 1
        counts[name] = np.zeros((len(parts), len(ETHNICITIES)), dtype=np.int64)
        for total, places in zip(by_group, ETHNIC_GROUPS, strict=True):
            counts[name][:, places] = spread(int(total), places, habit)
    return counts


def _allocate_finished(finished: IntArray, random: np.random.RandomState) -> dict[str, IntArray]:
    """Counts within the finished courses, in any bins."""

    def shared(shares: tuple[int, ...]) -> IntArray:
        noise = draw_whole_numbers(random, 700, 1300, (*finished.shape, len(shares)))
        return allocate(finished, np.array(shares, dtype=np.int64) * noise, random)

    waits, measures = shared(_FINISHED_WAITS), shared(_ANXIETY_MEASURES)
    return {
        "finished_within_6_weeks": waits[..., 0],
        "finished_within_18_weeks": waits[..., 0] + waits[..., 1],
        "anxiety_measure_finished": measures[..., 0] + measures[..., 1],
        "anxiety_measure_paired": measures[..., 0],
    }


def _allocate_nested(
    inner: IntArray, outer: IntArray, ceilings: IntArray, random: np.random.RandomState
) -> tuple[IntArray, IntArray]:
    """Bins of a count within a count within a ceiling, each kept in every bin."""
    outer_bins = allocate(outer, ceilings, random)
    return allocate(inner, outer_bins, random), outer_bins


def _allocate_by_bins(
    label: str, kind: str, bins: Mapping[str, int], by_ethnicity: Mapping[str, IntArray], parts: Sequence[Part]
) -> dict[str, IntArray]:
    """The totals of every part over ages or genders."""
    random = make_random_stream(kind, label)
    shares = np.array(list(bins.values()), dtype=np.int64) * draw_habits(parts, kind, 700, 1300, len(bins))
    totals = {name: counts.sum(axis=1) for name, counts in by_ethnicity.items()}

    def over_bins(name: str) -> IntArray:
        return allocate(totals[name], shares * draw_whole_numbers(random, 80, 120, shares.shape), random)

    counts = {name: over_bins(name) for name in ("referrals", "accessing", "ended_treated_once")}
    counts["wait_days"] = allocate(totals["wait_days"], counts["accessing"], random)
    counts |= count_outcomes({name: over_bins(name) for name in OUTCOMES})
    for inner, outer in (
        ("finished_within_6_weeks", "finished_within_18_weeks"),
        ("anxiety_measure_paired", "anxiety_measure_finished"),
    ):
        counts[inner], counts[outer] = _allocate_nested(totals[inner], totals[outer], counts["finished"], random)
    return counts


def compute_period_counts(label: str, totals: YearTotals, parts: Sequence[Part]) -> IntArray:
    """The true counts of a quarter or year: parts by bins by the names of COUNTS."""
    random = make_random_stream("period", label)
    by_ethnicity = _allocate_by_ethnicity(label, totals, parts)
    accessing = by_ethnicity["accessing"]
    quickness = draw_habits(parts, "days", 14, 27)
    by_ethnicity["wait_days"] = (
        accessing * quickness + accessing * draw_whole_numbers(random, 0, 8, accessing.shape) // 4
    )
    by_ethnicity |= count_outcomes(by_ethnicity)
    by_ethnicity |= _allocate_finished(by_ethnicity["finished"], random)

    cube = np.zeros((len(parts), BINS, len(COUNTS)), dtype=np.int64)
    for place, counts in (
        (AGE_BINS, _allocate_by_bins(label, "age", AGES, by_ethnicity, parts)),
        (GENDER_BINS, _allocate_by_bins(label, "gender", GENDERS, by_ethnicity, parts)),
        (ETHNIC_BINS, by_ethnicity),
    ):
        for column, name in enumerate(COUNTS):
            cube[:, place, column] = counts[name]
    return cube
