"""Disclosure risk: what the tightened bounds reveal of suppressed counts, by measure, level and size.

exact_disclosure        a suppressed count can only be one number, from 1 to 4
exact_zero              a suppressed count can only be 0
class_disclosure        all of a group share an outcome: a numerator, or its complement, can only be 0
nonzero_known           a suppressed count is certainly not 0, and not known
approximate_disclosure  a suppressed count has fewer possible values than 0 to 4
small_complement        a complement that was never published is certainly 4 or less
inconsistent            the facts leave a cell no value: some assumption is wrong, and the constraint was not used

Counts only, never by organisation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import duckdb

from iapt.disclosure.percentage_constraints import find_complements
from iapt.disclosure.working_tables import run_step

RISK_CLASSES: Final = (
    "exact_disclosure",
    "exact_zero",
    "class_disclosure",
    "nonzero_known",
    "approximate_disclosure",
    "small_complement",
    "inconsistent",
)
#: What the gate against standalone disclosure refuses.
DISCLOSURES: Final = ("exact_disclosure", "exact_zero", "class_disclosure")
#: A group of fewer audited cells than this is not reported: it could be one organisation.
MIN_GROUP_SIZE: Final = 100


@dataclass(frozen=True)
class RiskCount:
    """How many cells of a measure, level and size band were audited, and how many of them are of each risk class."""

    period: str
    measure: str
    org_level: str
    size_band: str
    audited: int
    counts: Mapping[str, int]

    def to_record(self) -> dict[str, str | int]:
        """The group as one flat row, without its period."""
        return {
            "measure": self.measure,
            "org_level": self.org_level,
            "size_band": self.size_band,
            "audited": self.audited,
            **self.counts,
        }


def classify_risk(connection: duckdb.DuckDBPyConnection, threshold: int = 5) -> None:
    """Classify suppressed cells and small complements by their final bounds, and count the classes of each group.

    A cell has one class, the worst, or none. `threshold` is the least count that is not suppressed.
    """
    find_complements(connection, threshold - 1)
    run_step(connection, "classify_risk", creates=("risk_count",), max_complement=threshold - 1)


def count_source_disclosure_risk(connection: duckdb.DuckDBPyConnection) -> list[RiskCount]:
    """Return every group that was classified with its counts, groups too small to report still among them."""
    groups: dict[tuple[str, str, str, str], dict[str | None, int]] = {}
    for *key, risk_class, cells in connection.execute(
        "select period, measure, org_level, size_band, risk_class, cells from risk_count order by all"
    ).fetchall():
        period, measure, level, band = key
        groups.setdefault((period, measure, level, band), {})[risk_class] = cells
    return [
        RiskCount(*key, sum(counts.values()), {name: counts.get(name, 0) for name in RISK_CLASSES})
        for key, counts in groups.items()
    ]


def merge_reportable_groups(groups: Iterable[RiskCount], min_group_size: int = MIN_GROUP_SIZE) -> list[RiskCount]:
    """Return the groups over all periods that hold at least `min_group_size` audited cells, and no other."""
    merged: dict[tuple[str, str, str], RiskCount] = {}
    for group in groups:
        key = (group.measure, group.org_level, group.size_band)
        known = merged.get(key)
        merged[key] = RiskCount(
            "all",
            *key,
            group.audited + (known.audited if known else 0),
            {name: group.counts[name] + (known.counts[name] if known else 0) for name in RISK_CLASSES},
        )
    return [merged[key] for key in sorted(merged) if merged[key].audited >= min_group_size]
