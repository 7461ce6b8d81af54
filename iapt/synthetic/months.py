"""The truth of a month at its finest: whole counts for every part, adding up to England's total.

Sizes and habits belong to a part and stay from month to month; noise belongs to the month. Nothing is rounded or hidden
here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from iapt.synthetic.allocation import IntArray, allocate, draw_whole_numbers, make_random_stream, round_half_up
from iapt.synthetic.england import MonthTotals, YearTotals
from iapt.synthetic.levels import Part
from iapt.synthetic.outcomes import COUNTED, OUTCOMES, compute_england_outcomes, count_outcomes

# Days waited, from the day above the band before: the last day of each band, and its share of all, per mille.
WAIT_LAST_DAYS = (28, 42, 56, 90, 126, 365)
_WAIT_MIDDLES = (35, 49, 72, 106, 160)
_ACCESS_WAITS = (780, 100, 55, 30, 20, 15)
_ASSESSMENT_WAITS = (800, 150, 35, 15)
_SECOND_WAITS = (410, 340, 250)
_FINISHED_WAITS = (915, 70, 15)
_ANXIETY_MEASURES = (120, 45, 835)  # paired with the right measure, not paired, no such condition

ETHNIC_GROUPS = ("white", "asian", "black", "mixed", "other", "not_stated")
_ETHNIC_SHARES = (788, 76, 43, 33, 25, 35)
_ETHNIC_RECOVERED = (800, 70, 41, 30, 22, 37)

ACCESS_BANDS = tuple(f"accessing_{last}_days" for last in (*WAIT_LAST_DAYS[:-1], "more"))
ASSESSMENT_BANDS = ("assessed_28_days", "assessed_56_days", "assessed_90_days", "assessed_more_days")
SECOND_BANDS = ("second_28_days", "second_90_days", "second_more_days")
EXTREMES = ("largest_appointments", "smallest_appointments")

# The columns of a month's truth, but for the two extremes all of them sums over parts.
COUNTS = (
    "referrals",
    "programme_referrals",
    *ASSESSMENT_BANDS,
    *ACCESS_BANDS,
    "wait_days",
    *SECOND_BANDS,
    "ended_before_treatment",
    "ended_treated_once",
    *COUNTED,
    "finished_within_6_weeks",
    "finished_within_18_weeks",
    "anxiety_measure_finished",
    "anxiety_measure_paired",
    *(f"recovery_base_{group}" for group in ETHNIC_GROUPS[:-1]),
    *(f"reliable_recovery_{group}" for group in ETHNIC_GROUPS[:-1]),
)


def compute_england_month(period: str, month: MonthTotals) -> tuple[dict[str, int], dict[str, int]]:
    """England's counts of a month, and its outcomes: two totals are given, the others in proportion."""
    random = make_random_stream("england", period)

    def about(total: int, per_mille: int) -> int:
        drift = int(draw_whole_numbers(random, -12, 12, (1,))[0])
        return total * per_mille * (1000 + drift) // 1_000_000

    counts = {
        "referrals": month.referrals,
        "assessed": about(month.referrals, 672),
        "accessing": about(month.referrals, 690),
        "second": about(month.referrals, 396),
        "ended_before_treatment": about(month.referrals, 333),
        "ended_treated_once": about(month.referrals, 268),
    }
    finished = about(month.referrals, 372)
    not_at_caseness = about(finished, 53)
    recovery = round_half_up((finished - not_at_caseness) * month.recovery_tenths, 1000)
    year_like = YearTotals(
        referrals=month.referrals,
        finished=finished,
        at_caseness=finished - not_at_caseness - finished // 700,
        not_at_caseness=not_at_caseness,
        improvement=about(finished, 674),
        no_reliable_change=about(finished, 255),
        deterioration=about(finished, 57),
        recovery=recovery,
        reliable_recovery=about(recovery, 944),
        bme_recovery_tenths=month.recovery_tenths,
        white_british_recovery_tenths=month.recovery_tenths,
    )
    return counts, compute_england_outcomes(year_like)


def compute_unsteadiness(weights: IntArray) -> IntArray:
    """How far the noise of a part goes, per mille: large services vary less from month to month."""
    return np.where(weights < 1000, 300, 40)


@cache
def _draw_habit(label: str, low: int, high: int, count: int) -> IntArray:
    return draw_whole_numbers(make_random_stream("habit", label), low, high, (count,))


def draw_habits(parts: Sequence[Part], name: str, low: int, high: int, count: int = 1) -> IntArray:
    """Lasting numbers of every part for one purpose: the same in every period, whoever else is there."""
    rows = [_draw_habit(f"{name}|{part.commissioner}|{part.icb}|{part.provider}", low, high, count) for part in parts]
    return np.array(rows, dtype=np.int64).reshape(len(parts), count)


def compute_month_counts(period: str, month: MonthTotals, parts: Sequence[Part]) -> dict[str, IntArray]:
    """The true counts of a month, one number for each part under each name of COUNTS and EXTREMES."""
    random = make_random_stream("month", period)
    weights = np.array([part.weight for part in parts], dtype=np.int64)
    recovering = draw_habits(parts, "recovering", 850, 1150)[:, 0]
    quickness = draw_habits(parts, "quickness", 6, 15)[:, 0]
    england, england_outcome = compute_england_month(period, month)

    def spread(total: int, habit: IntArray | int = 1000) -> IntArray:
        noise = 1000 + draw_whole_numbers(random, -100, 100, weights.shape) * compute_unsteadiness(weights) // 100
        return allocate(total, weights * habit * noise, random)

    def shared(totals: IntArray, shares: Sequence[int]) -> IntArray:
        noise = draw_whole_numbers(random, 700, 1300, (len(totals), len(shares)))
        return allocate(totals, np.array(shares, dtype=np.int64) * noise, random)

    counts = {"referrals": spread(england["referrals"])}
    counts["programme_referrals"] = shared(counts["referrals"], (11, 989))[:, 0]
    assessed = shared(spread(england["assessed"]), _ASSESSMENT_WAITS)
    counts |= dict(zip(ASSESSMENT_BANDS, assessed.T, strict=True))
    accessing = shared(spread(england["accessing"]), _ACCESS_WAITS)
    counts |= dict(zip(ACCESS_BANDS, accessing.T, strict=True))
    counts["wait_days"] = accessing[:, 0] * quickness + accessing[:, 1:] @ np.array(_WAIT_MIDDLES)
    counts |= dict(zip(SECOND_BANDS, shared(spread(england["second"]), _SECOND_WAITS).T, strict=True))
    for name in ("ended_before_treatment", "ended_treated_once"):
        counts[name] = spread(england[name])

    recovered = OUTCOMES[:2]
    outcomes = {name: spread(england_outcome[name], recovering if name in recovered else 1000) for name in OUTCOMES}
    counts |= count_outcomes(outcomes)
    finished = counts["finished"]
    waits = shared(finished, _FINISHED_WAITS)
    counts["finished_within_6_weeks"] = waits[:, 0]
    counts["finished_within_18_weeks"] = waits[:, 0] + waits[:, 1]
    measures = shared(finished, _ANXIETY_MEASURES)
    counts["anxiety_measure_finished"] = measures[:, 0] + measures[:, 1]
    counts["anxiety_measure_paired"] = measures[:, 0]

    reliably = shared(counts["reliable_recovery"], _ETHNIC_RECOVERED)
    others = shared(counts["recovery_base"] - counts["reliable_recovery"], _ETHNIC_SHARES)
    for position, group in enumerate(ETHNIC_GROUPS[:-1]):
        counts[f"reliable_recovery_{group}"] = reliably[:, position]
        counts[f"recovery_base_{group}"] = reliably[:, position] + others[:, position]

    spare = draw_whole_numbers(random, 0, 12, weights.shape)
    anyone = (finished > 0).astype(np.int64)
    counts["smallest_appointments"] = anyone * np.where(finished >= 12, 2, 2 + spare // 4)
    largest = np.where(finished > 1, 6 + spare + np.minimum(finished, 4000) // 40, 2 + spare // 4)
    counts["largest_appointments"] = anyone * largest
    return counts
