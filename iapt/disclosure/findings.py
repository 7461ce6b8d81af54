"""Findings: the single cells of a period that the published figures give away, each with its chain of facts.

Sensitive. They are written to one file that only its owner can read, when its owner asks, and are shown nowhere else.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import duckdb

from iapt.contract import POPULATION, Grain
from iapt.disclosure.disclosure_risk import DISCLOSURES, classify_risk
from iapt.disclosure.explanation import explain
from iapt.disclosure.model import load_formulas
from iapt.disclosure.period_audits import Tables, bound_source
from iapt.sql import sql_list

_COLUMNS: Final = (*POPULATION, "measure")


def write_findings(
    connection: duckdb.DuckDBPyConnection, grain: Grain, tables: Tables, period: str, folder: Path
) -> tuple[Path, int]:
    """Write what the figures of a period give away of hidden counts, and how; the file and the number of findings.

    Raises AuditError where the figures cannot be audited.
    """
    load_formulas(connection, tables.measures)
    where = f"period in ({sql_list([period])})"
    bound_source(connection, grain, tables, where, to_the_end=True, record=True)
    classify_risk(connection, tables.rounding.threshold)
    keys = ", ".join(f"figure.{column}" for column in _COLUMNS)
    found = connection.execute(
        f"""
        select {keys}, classified_cell.risk_class
        from classified_cell join figure on classified_cell.cell = hash(figure.population, figure.measure)
        where figure.statistic = 'count' and classified_cell.risk_class in ({sql_list(DISCLOSURES)})
        order by all
        """
    ).fetchall()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{grain}-{period.lower().replace(' ', '-')}.txt"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write("SENSITIVE: findings about single cells. For the owner of this home only; never pass them on.\n")
        for *key, name in found:
            named = dict(zip(_COLUMNS, key, strict=True))
            chain = explain(connection, named)
            stream.write(f"\n== {', '.join(part for part in key if part)}: {name}\n")
            stream.writelines(f"{link}\n" for link in chain)
    return path, len(found)
