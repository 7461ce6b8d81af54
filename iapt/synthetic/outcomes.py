"""How finished courses of treatment end: ten outcomes that exclude each other, and what is counted from them.

Every published outcome count is a sum of some of the ten, so that all its inequalities (recovery within the finished
less those not at caseness, reliable recovery within recovery, and so on) hold at every level.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from iapt.synthetic.allocation import IntArray, allocate, round_half_up
from iapt.synthetic.england import YearTotals

AT_CASENESS = (
    "at_caseness_reliably_recovered",
    "at_caseness_recovered_only",  # below caseness at the end, without a reliable improvement
    "at_caseness_improved",
    "at_caseness_unchanged",
    "at_caseness_deteriorated",
    "at_caseness_unpaired",  # no pair of scores to compare
)
NOT_AT_CASENESS = ("not_at_caseness_improved", "not_at_caseness_unchanged", "not_at_caseness_deteriorated")
UNKNOWN_CASENESS = "caseness_unknown"
OUTCOMES = (*AT_CASENESS, *NOT_AT_CASENESS, UNKNOWN_CASENESS)
_NOT_RECOVERED = (*AT_CASENESS[2:], UNKNOWN_CASENESS)

# What is published of them. Unknown caseness counts in the denominator of recovery, but not as at caseness.
COUNTED = {
    "finished": OUTCOMES,
    "at_caseness": AT_CASENESS,
    "not_at_caseness": NOT_AT_CASENESS,
    "recovery_base": (*AT_CASENESS, UNKNOWN_CASENESS),
    "improvement": ("at_caseness_reliably_recovered", "at_caseness_improved", "not_at_caseness_improved"),
    "no_reliable_change": ("at_caseness_recovered_only", "at_caseness_unchanged", "not_at_caseness_unchanged"),
    "deterioration": ("at_caseness_deteriorated", "not_at_caseness_deteriorated"),
    "recovery": ("at_caseness_reliably_recovered", "at_caseness_recovered_only"),
    "reliable_recovery": ("at_caseness_reliably_recovered",),
}


def count_outcomes(outcomes: Mapping[str, IntArray]) -> dict[str, IntArray]:
    """The published counts of the outcomes."""
    return {name: np.sum([outcomes[part] for part in parts], axis=0) for name, parts in COUNTED.items()}


def compute_england_outcomes(totals: YearTotals) -> dict[str, int]:
    """England's outcomes behind its published counts.

    Raises ValueError where the counts cannot belong together.
    """
    without_pair = totals.finished - totals.improvement - totals.no_reliable_change - totals.deterioration
    unknown = totals.finished - totals.not_at_caseness - totals.at_caseness
    improved_below = totals.not_at_caseness * 2 // 5
    deteriorated_below = totals.not_at_caseness // 10
    unchanged_below = totals.not_at_caseness - improved_below - deteriorated_below
    recovered_only = totals.recovery - totals.reliable_recovery
    outcomes = {
        "at_caseness_reliably_recovered": totals.reliable_recovery,
        "at_caseness_recovered_only": recovered_only,
        "at_caseness_improved": totals.improvement - totals.reliable_recovery - improved_below,
        "at_caseness_unchanged": totals.no_reliable_change - recovered_only - unchanged_below,
        "at_caseness_deteriorated": totals.deterioration - deteriorated_below,
        "at_caseness_unpaired": without_pair - unknown,
        "not_at_caseness_improved": improved_below,
        "not_at_caseness_unchanged": unchanged_below,
        "not_at_caseness_deteriorated": deteriorated_below,
        "caseness_unknown": unknown,
    }
    negative = sorted(name for name, count in outcomes.items() if count < 0)
    if negative:
        raise ValueError(f"expected counts of England that belong together, found {negative} below 0")
    return outcomes


def allocate_outcomes_by_group(
    outcomes: Mapping[str, int], shares: IntArray, recovery_tenths: tuple[int, int], random: np.random.RandomState
) -> dict[str, IntArray]:
    """England's outcomes by ethnic group: BME, White British and not stated, in this order.

    `shares` are the groups' parts of those who finish; `recovery_tenths` the recovery rates of the first two groups in
    tenths of a per cent, which the counts then have. The third takes what is left.
    """
    recovered = outcomes["at_caseness_reliably_recovered"] + outcomes["at_caseness_recovered_only"]
    not_recovered = {name: outcomes[name] for name in _NOT_RECOVERED}
    bases = allocate(int(recovered + sum(not_recovered.values())), shares, random)
    by_group = [round_half_up(int(base) * rate, 1000) for base, rate in zip(bases[:2], recovery_tenths, strict=True)]
    by_group.append(recovered - sum(by_group))
    if not 0 <= by_group[2] <= int(bases[2]):
        raise ValueError("expected recovery rates that leave the third group between 0 and 100 per cent")
    recoveries = np.array(by_group, dtype=np.int64)

    grouped = {name: allocate(int(outcomes[name]), shares, random) for name in NOT_AT_CASENESS}
    reliably = allocate(int(outcomes["at_caseness_reliably_recovered"]), recoveries, random)
    grouped["at_caseness_reliably_recovered"] = reliably
    grouped["at_caseness_recovered_only"] = recoveries - reliably
    remaining = np.array(list(not_recovered.values()), dtype=np.int64)
    columns = []
    for group in range(2):
        column = allocate(bases[group] - recoveries[group], remaining, random)
        columns.append(column)
        remaining = remaining - column
    columns.append(remaining)
    for position, name in enumerate(not_recovered):
        grouped[name] = np.array([column[position] for column in columns], dtype=np.int64)
    return {name: grouped[name] for name in OUTCOMES}
