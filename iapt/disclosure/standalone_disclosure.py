"""The gate against standalone disclosure: an extract of restricted values, read on its own, must reveal nobody.

Where the input is unrounded, nothing is public yet, so the question is not what the extract adds but what it says. Its
own values are taken for the source, bounded by the declared rule, and worked to the end: no suppressed count may be
inferable as a number from 0 to 4, and no group may be known to share one outcome.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import duckdb

from iapt.contract import Grain
from iapt.disclosure.disclosure_risk import DISCLOSURES, classify_risk, count_source_disclosure_risk
from iapt.disclosure.model import Rounding, load_formulas
from iapt.disclosure.period_audits import SourceTables, bound_source
from iapt.disclosure.working_tables import run_step


def count_standalone_disclosures(
    connection: duckdb.DuckDBPyConnection, grain: Grain, extract: str, facts: str, measures: str, rounding: Rounding
) -> Counter[tuple[str, str]]:
    """Count the cells that an extract reveals by itself, by measure and risk class; none where it may be released.

    `facts` is the relation it was made from: who belongs to whom is public, so its parents are used, and nothing else
    of it. Raises AuditError where the extract cannot be audited.
    """
    run_step(connection, "released_with_parents", extract=extract, facts=facts)
    load_formulas(connection, measures)
    tables = SourceTables("released_with_parents", measures, rounding=replace(rounding, england_is_exact=False))
    bound_source(connection, grain, tables, to_the_end=True)
    classify_risk(connection, rounding.threshold)
    disclosures: Counter[tuple[str, str]] = Counter()
    for group in count_source_disclosure_risk(connection):
        disclosures.update({(group.measure, name): group.counts[name] for name in DISCLOSURES if group.counts[name]})
    return disclosures
