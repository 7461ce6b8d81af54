"""The absolute gate: an extract of restricted figures, read on its own as the public will, must not give a person away.

Where the input is unrounded, nothing is public yet, so the question is not what the extract adds but what it says. Its
own figures are taken for the source, bounded by the declared rule, and worked to the end: no hidden count may be
inferable as a number from 0 to 4, and no group may be known to share one outcome.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import duckdb

from iapt.contract import Grain
from iapt.disclosure.disclosure_risk import DISCLOSURES, RiskCount, classify_risk, source_disclosure_risk
from iapt.disclosure.model import Rounding, load_formulas
from iapt.disclosure.period_audits import Tables, bound_source


@dataclass(frozen=True)
class Disclosure:
    """How many cells of a measure an extract gives away, and how. No cell is named."""

    measure: str
    risk_class: str
    cells: int


def count_standalone_disclosures(
    connection: duckdb.DuckDBPyConnection, grain: Grain, extract: str, figures: str, measures: str, rounding: Rounding
) -> tuple[Disclosure, ...]:
    """Say what an extract gives away by itself; nothing where it may leave.

    `figures` are the facts it was made from: who belongs to whom is public, so their parents are used, and nothing else
    of them. Raises AuditError where the extract cannot be audited.
    """
    connection.execute(
        f"""
        create or replace temp view released_figure as
        with parents as (
            select period, org_level, org_code, any_value(parent_code) as parent_code from {figures} group by all
        )
        select extract.*, parents.parent_code
        from {extract} as extract left join parents using (period, org_level, org_code)
        """
    )
    load_formulas(connection, measures)
    tables = Tables("released_figure", measures, rounding=replace(rounding, england_is_exact=False))
    bound_source(connection, grain, tables, to_the_end=True)
    classify_risk(connection, rounding.threshold)
    return _counted(source_disclosure_risk(connection))


def _counted(groups: list[RiskCount]) -> tuple[Disclosure, ...]:
    cells: dict[tuple[str, str], int] = {}
    for group in groups:
        for name in DISCLOSURES:
            if group.counts[name]:
                cells[group.measure, name] = cells.get((group.measure, name), 0) + group.counts[name]
    return tuple(Disclosure(measure, name, count) for (measure, name), count in sorted(cells.items()))
