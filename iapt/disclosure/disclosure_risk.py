"""Grades: what the narrowed bounds reveal of what was hidden, by measure, level and size; never by organisation.

exact_disclosure         a hidden count can only be one number, from 1 to 4
exact_zero        a hidden count can only be 0
class_disclosure  all of a group share an outcome: a numerator, or what it leaves of its denominator, can only be 0
nonzero_known     a hidden count is certainly not 0, and not known
approximate_disclosure   a hidden count has fewer possible values than 0 to 4
small_complement     a complement that was never published is certainly 4 or less
inconsistent      the facts leave a cell no value: some assumption is wrong, and the constraint was not used
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import duckdb

RISK_CLASSES: Final = (
    "exact_disclosure",
    "exact_zero",
    "class_disclosure",
    "nonzero_known",
    "approximate_disclosure",
    "small_complement",
    "inconsistent",
)
#: What the absolute gate refuses.
DISCLOSURES: Final = ("exact_disclosure", "exact_zero", "class_disclosure")
#: A group of fewer audited cells than this is not reported: it could be one organisation.
MIN_GROUP_SIZE: Final = 100
#: Finished courses of the row's population, as published: what drives how much a small number gives away.
SIZE_BANDS: Final = ((25, "under 25"), (50, "25 to 49"), (100, "50 to 99"), (250, "100 to 249"))
SIZE_BY: Final = "count_finished_course_treatment"


@dataclass(frozen=True)
class RiskCount:
    """How many cells of a measure, level and size band were audited, and how many of them are of each risk class."""

    period: str
    measure: str
    org_level: str
    size_band: str
    audited: int
    counts: dict[str, int]

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
    """Make `classified_cell` of hidden cells and small complements, and `risk_count` of its counts by group.

    Needs `cell` with final bounds, `leaf` and `inconsistent`. A cell has one class, the worst.
    """
    from iapt.disclosure.percentage_constraints import complements

    complements(connection, threshold - 1)
    bands = " ".join(f"when u < {limit} then '{band}'" for limit, band in SIZE_BANDS)
    connection.execute(
        f"""
        create or replace temp table classified_cell as
        with parts_of_a_group as (
            select parts.cell
            from cell as parts
            join formula on parts.measure in (formula.numerator, formula.second_numerator)
            join cell as bases on bases.cell = hash(parts.population, formula.base)
            left join cell as rests on rests.cell = hash(parts.population, formula.taken_away)
            where parts.is_hidden and parts.u = 0 and bases.l - coalesce(rests.u, 0) > 0
        ),
        hidden as (
            select cell.cell, population, period, org_level, measure,
                case
                    when cell.cell in (select cell from inconsistent) then 'inconsistent'
                    when l = u and l > 0 then 'exact_disclosure'
                    when cell.cell in (select cell from parts_of_a_group) then 'class_disclosure'
                    when u = 0 then 'exact_zero'
                    when l > 0 then 'nonzero_known'
                    when u < first_u then 'approximate_disclosure'
                end as risk_class
            from cell where is_hidden
        ),
        implied as (
            select complement.star as cell, population, period, org_level, rate as measure,
                if(complement.u = 0, 'class_disclosure', 'small_complement') as risk_class
            from complement join cell on complement.numerator = cell.cell
            where not cell.is_hidden and (complement.u = 0 or complement.l > 0 or complement.u < {threshold - 1})
        )
        from hidden union all from implied
        """
    )
    counts = ", ".join(f"count(*) filter (risk_class = '{name}') as {name}" for name in RISK_CLASSES)
    connection.execute(
        f"""
        create or replace temp table risk_count as
        with sizes as (
            select population, case when is_hidden then 'under 25' {bands} else '250 and more' end as size_band
            from cell where measure = '{SIZE_BY}'
        )
        select
            period, measure, org_level, coalesce(size_band, 'not published') as size_band,
            count(*) as audited, {counts}
        from classified_cell left join sizes using (population)
        group by all
        """
    )


def source_disclosure_risk(connection: duckdb.DuckDBPyConnection) -> list[RiskCount]:
    """Read `risk_count`: every group with its counts, unsorted groups too small to report still among them."""
    rows = connection.execute(
        f"select period, measure, org_level, size_band, audited, {', '.join(RISK_CLASSES)} from risk_count order by all"
    ).fetchall()
    return [
        RiskCount(
            period=str(period),
            measure=str(measure),
            org_level=str(level),
            size_band=str(band),
            audited=int(audited),
            counts=dict(zip(RISK_CLASSES, (int(count) for count in counts), strict=True)),
        )
        for period, measure, level, band, audited, *counts in rows
    ]


def reportable(groups: list[RiskCount], least_group: int = MIN_GROUP_SIZE) -> list[RiskCount]:
    """The groups over all periods that hold at least `least_group` audited cells; what is smaller stays unsaid."""
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
    return [merged[key] for key in sorted(merged) if merged[key].audited >= least_group]
