"""The auditor: judges the extracts of a folder beside the figures of a warehouse, as outcomes for the gate's verdict.

What cannot be audited has not passed: an error is an outcome of its own, by kind alone, since its text can quote a
figure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from expectations.audit.facts import PUBLISHERS_ROUNDING, AuditError, Rounding, load_formulas
from expectations.audit.periods import GrainAudit, KeptAudits, Tables, audit_grain
from expectations.audit.tracing import TRACE_RULES, trace
from expectations.contracts import EXTRACT_GRAINS, file_of
from expectations.outcomes import check_failed
from expectations.verdict import Example, Result, RuleOutcome

AT_A_TIME: Final = 2
SUBJECT: Final = "audit"
ADDS_NOTHING: Final = "extract_adds_nothing_to_the_source"
ADDS_NOTHING_DESCRIPTION: Final = (
    "Beside everything the source has published, the extract narrows the possible values of no figure: bounds from "
    "source and extract are the bounds from the source alone, cell by cell. "
    "Source: the non-amplification gate of the disclosure methodology."
)
FACTS: Final[Mapping[str, str]] = {
    "extract_monthly": "marts.fct_monthly",
    "extract_quarterly": "marts.fct_quarterly",
    "extract_annual": "marts.fct_annual",
}


@dataclass(frozen=True)
class Auditor:
    """What to audit extracts against: the warehouse whose facts they were made from, and where findings are kept."""

    warehouse: Path
    kept: Path | None = None
    rounding: Rounding = PUBLISHERS_ROUNDING
    source_rounding: Rounding = PUBLISHERS_ROUNDING

    def outcomes(self, folder: Path, unfit: Mapping[str, str]) -> Iterator[RuleOutcome]:
        """Judge every extract of a folder; `unfit` says why a table of it cannot be judged."""

        def judge(table: str) -> list[RuleOutcome]:
            if table in unfit:
                return list(_of_all_rules(table, "not_judged", f"{file_of(table)}: {unfit[table]}"))
            try:
                with self._connection(folder, table) as connection:
                    return list(self._judge(connection, table))
            except (duckdb.Error, AuditError, OSError) as error:
                return list(_of_all_rules(table, "error", check_failed(type(error).__name__)))

        # Much of an audit is small steps on one core.
        with ThreadPoolExecutor(max_workers=AT_A_TIME) as auditors:
            for outcomes in auditors.map(judge, EXTRACT_GRAINS):
                yield from outcomes

    def _connection(self, folder: Path | None, table: str) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect()
        connection.execute("set preserve_insertion_order = false")
        # The views of the warehouse name their catalogue, which DuckDB takes from the file's name.
        connection.execute(f"attach {_literal(str(self.warehouse))} as {self.warehouse.stem} (read_only)")
        connection.execute(f"use {self.warehouse.stem}")
        if folder is not None:
            extract = _literal(str(folder / file_of(table)))
            connection.execute(f"create temp view {table} as select * from read_parquet({extract})")
        return connection

    def audits(self, folder: Path) -> dict[str, GrainAudit]:
        """Audit the source, and the extracts of a folder beside it where they can be read; by table.

        Raises AuditError or DuckDB's errors where the source itself cannot be audited.
        """
        audits = {}
        for table in EXTRACT_GRAINS:
            try:
                with self._connection(folder, table) as connection:
                    audits[table] = self._audit(connection, table, table)
            except (duckdb.Error, AuditError, OSError):
                with self._connection(None, table) as connection:
                    audits[table] = self._audit(connection, table, None)
        return audits

    def _audit(self, connection: duckdb.DuckDBPyConnection, table: str, extract: str | None) -> GrainAudit:
        tables = Tables(
            figures=FACTS[table],
            measures="marts.dim_measure",
            extract=extract,
            rounding=self.source_rounding,
            extract_rounding=self.rounding,
        )
        return audit_grain(connection, EXTRACT_GRAINS[table], tables, KeptAudits(self.kept) if self.kept else None)

    def _judge(self, connection: duckdb.DuckDBPyConnection, table: str) -> Iterator[RuleOutcome]:
        leaks = self._audit(connection, table, table).leaks
        load_formulas(connection, "marts.dim_measure")
        traced = trace(connection, table, FACTS[table], self.rounding)
        for rule in TRACE_RULES:
            broken, examples = traced[rule.name]
            yield _outcome(table, rule.name, rule.description, "failed" if broken else "passed", broken, examples)
        yield _outcome(
            table,
            ADDS_NOTHING,
            ADDS_NOTHING_DESCRIPTION,
            "failed" if leaks else "passed",
            sum(leaks.values()),
            message="; ".join(f"{cells} x {measure} ({kind})" for (measure, kind), cells in sorted(leaks.items())),
        )


def _of_all_rules(table: str, result: Result, message: str) -> Iterator[RuleOutcome]:
    for rule in TRACE_RULES:
        yield _outcome(table, rule.name, rule.description, result, None, message=message)
    yield _outcome(table, ADDS_NOTHING, ADDS_NOTHING_DESCRIPTION, result, None, message=message)


def _outcome(
    table: str,
    rule: str,
    description: str,
    result: Result,
    violations: int | None,
    examples: tuple[Example, ...] = (),
    message: str = "",
) -> RuleOutcome:
    return RuleOutcome(
        rule=rule,
        table=table,
        file=file_of(table),
        description=description,
        result=result,
        violations=violations,
        examples=examples,
        message=message,
        subject=SUBJECT,
    )


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
