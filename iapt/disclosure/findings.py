"""Findings: the single cells of a period that the published values reveal, each with its chain of facts.

Sensitive. They are written to one file that only its owner can read, when its owner asks, and are shown nowhere else.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from iapt.contract import Grain
from iapt.disclosure.disclosure_risk import DISCLOSURES, classify_risk
from iapt.disclosure.explanation import CELL_KEY, explain_cell, join_key
from iapt.disclosure.model import load_formulas
from iapt.disclosure.period_audits import SourceTables, bound_source, name_period_file
from iapt.files import write_atomically
from iapt.sql import quote_literal, sql_list

_WARNING = "SENSITIVE: findings about single cells. For the owner of this home only; never pass them on.\n"


def write_findings(
    connection: duckdb.DuckDBPyConnection, grain: Grain, tables: SourceTables, period: str, folder: Path
) -> tuple[Path, int]:
    """Write what the values of a period reveal of suppressed counts, and how; return the file and how many findings.

    Raises AuditError where the values cannot be audited.
    """
    load_formulas(connection, tables.measures)
    bound_source(connection, grain, tables, f"period = {quote_literal(period)}", to_the_end=True, record=True)
    classify_risk(connection, tables.rounding.threshold)
    findings = connection.execute(
        f"""
        select {", ".join(f"published_value.{column}" for column in CELL_KEY)}, risk_class
        from classified_cell
        join published_value on classified_cell.cell = hash(published_value.population, published_value.measure)
        where statistic = 'count' and risk_class in ({sql_list(DISCLOSURES)})
        order by all
        """
    ).fetchall()
    lines = [_WARNING]
    for *values, risk_class in findings:
        key = dict(zip(CELL_KEY, values, strict=True))
        lines.append(f"\n== {join_key(key)}: {risk_class}\n")
        lines += [f"{link}\n" for link in explain_cell(connection, key)]
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / name_period_file(grain, period, "txt")
    write_atomically(path, "".join(lines), mode=0o600)
    return path, len(findings)
