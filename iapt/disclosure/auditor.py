"""The auditor: judges the extracts of a folder beside the figures of a warehouse, as outcomes for the gate's verdict.

What cannot be audited has not passed: an error is an outcome of its own, by kind alone, since its text can quote a
figure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import duckdb

from iapt.contract import CURRENT_BOUNDARIES, DERIVED, DIMENSIONS, EXTRACT_GRAINS, KEYS, parquet_name
from iapt.disclosure.model import PUBLISHERS_ROUNDING, AuditError, Rounding, load_formulas
from iapt.disclosure.period_audits import AuditCache, GrainAudit, Tables, audit_grain
from iapt.disclosure.source_reconciliation import RECONCILIATION_RULES, trace
from iapt.disclosure.standalone_disclosure import count_standalone_disclosures
from iapt.sql import quote_literal
from iapt.threads import threads_per_worker
from iapt.validation import EXAMPLES_SHOWN, Example, Result, RuleOutcome, describe_check_error, fetch_examples

AT_A_TIME: Final = 2
SUBJECT: Final = "audit"
STRUCTURE: Final = "structure"
NO_RESIDUAL_DISCLOSURE: Final = "no_residual_disclosure"
NO_RESIDUAL_DISCLOSURE_DESCRIPTION: Final = (
    "Beside everything the source has published, the extract narrows the possible values of no figure: bounds from "
    "source and extract are the bounds from the source alone, cell by cell. "
    "Source: the non-amplification gate of the disclosure methodology."
)
NO_STANDALONE_DISCLOSURE: Final = "no_standalone_disclosure"
NO_STANDALONE_DISCLOSURE_DESCRIPTION: Final = (
    "Of figures that were not public, the extract by itself lets no hidden count be inferred as a number from 0 to 4, "
    "and no group be known to share one outcome. Source: the absolute gate of the disclosure methodology."
)
SAME_ROWS: Final = "rows_match_warehouse"
SAME_ROWS_DESCRIPTION: Final = (
    "The table holds the rows of the warehouse's, all and no other: a name or a note could carry a figure that no "
    "extract may. Source: every row of a release can be traced."
)
FACTS: Final[Mapping[str, str]] = {
    "extract_monthly": "marts.fct_monthly",
    "extract_quarterly": "marts.fct_quarterly",
    "extract_annual": "marts.fct_annual",
}
#: Every table that is no extract, with the warehouse's own, whose rows it must have.
COMPARED: Final[Mapping[str, str]] = {
    table: f"extracts.{table}" if table in CURRENT_BOUNDARIES else f"marts.{table}" for table in (*DERIVED, *DIMENSIONS)
}


@dataclass(frozen=True)
class Auditor:
    """What to audit extracts against: the warehouse whose facts they were made from, and where findings are kept."""

    warehouse: Path
    kept: Path | None = None
    rounding: Rounding = PUBLISHERS_ROUNDING
    source_rounding: Rounding = PUBLISHERS_ROUNDING
    source_is_public: bool = True

    def outcomes(self, folder: Path, unreadable: Mapping[str, str]) -> Iterator[RuleOutcome]:
        """Judge every extract of a folder, and its dimensions; `unreadable` says why a table of it cannot be judged."""

        def audit_table(table: str) -> list[RuleOutcome]:
            if table in unreadable:
                return list(self._of_all_rules(table, "skipped", f"{parquet_name(table)}: {unreadable[table]}"))
            try:
                with self.connect(folder, table) as connection:
                    return list(self._judge(connection, table))
            except (duckdb.Error, AuditError, OSError) as error:
                return list(self._of_all_rules(table, "error", describe_check_error(type(error).__name__)))

        # Much of an audit is small steps on one core.
        with ThreadPoolExecutor(max_workers=AT_A_TIME) as auditors:
            for outcomes in auditors.map(audit_table, EXTRACT_GRAINS):
                yield from outcomes
        with ExitStack() as opened:
            # Opened once for all the comparisons, but again after an error: each table has an outcome of its own.
            warehouse = cache(lambda: opened.enter_context(self.open_warehouse()))
            for table in COMPARED:
                yield self._compare(folder, table, unreadable, warehouse)

    def _compare(
        self,
        folder: Path,
        table: str,
        unreadable: Mapping[str, str],
        warehouse: Callable[[], duckdb.DuckDBPyConnection],
    ) -> RuleOutcome:
        """Compare a table with the warehouse's, row by row; the rows that differ are told by their keys."""
        rule = (table, SAME_ROWS, SAME_ROWS_DESCRIPTION)
        if table in unreadable:
            message = f"{parquet_name(table)}: {unreadable[table]}"
            return _outcome(*rule, "skipped", None, message=message, subject=STRUCTURE)
        source, keys = COMPARED[table], ", ".join(KEYS[table])
        try:
            with warehouse().cursor() as connection:
                connection.execute(f"use {self.warehouse.stem}")
                _read_file(connection, folder, table)
                if _digest(connection, table) == _digest(connection, source):
                    return _outcome(*rule, "passed", 0, subject=STRUCTURE)
                connection.execute(
                    f"""
                    create temp table strayed as
                    select distinct {keys} from (
                        (from {table} except all from {source}) union all (from {source} except all from {table})
                    )
                    """
                )
                found = connection.execute("select count(*) from strayed").fetchall()[0][0]
                examples = fetch_examples(connection.execute(f"from strayed order by all limit {EXAMPLES_SHOWN}"))
        except (duckdb.Error, OSError) as error:
            return _outcome(*rule, "error", None, message=describe_check_error(type(error).__name__), subject=STRUCTURE)
        return _outcome(*rule, "failed" if found else "passed", found, examples, subject=STRUCTURE)

    def connect(self, folder: Path | None, table: str) -> duckdb.DuckDBPyConnection:
        """Open a connection that reads the warehouse, and an extract of a folder if one is given; it writes nothing."""
        connection = self.open_warehouse()
        if folder is not None:
            _read_file(connection, folder, table)
            if table in EXTRACT_GRAINS:
                connection.execute(
                    f"create temp view {_own(table)} as from {table} where is_derived is distinct from true"
                )
        return connection

    def open_warehouse(self) -> duckdb.DuckDBPyConnection:
        """Open a connection to the warehouse, which it reads by the names of its schemas."""
        connection = duckdb.connect()
        connection.execute("set preserve_insertion_order = false")
        connection.execute(f"set threads = {threads_per_worker(AT_A_TIME)}")
        # What does not fit into memory is spilt beside the warehouse, never into the folder one happens to work in.
        connection.execute(f"set temp_directory = {quote_literal(self.warehouse.with_suffix('.spill'))}")
        # The views of the warehouse name their catalogue, which DuckDB takes from the file's name.
        connection.execute(f"attach {quote_literal(self.warehouse)} as {self.warehouse.stem} (read_only)")
        connection.execute(f"use {self.warehouse.stem}")
        return connection

    def audits(self, folder: Path) -> dict[str, GrainAudit]:
        """Audit the source, and the extracts of a folder beside it where they can be read; by table.

        Raises AuditError or DuckDB's errors where the source itself cannot be audited.
        """
        audits = {}
        for table in EXTRACT_GRAINS:
            try:
                with self.connect(folder, table) as connection:
                    audits[table] = self._audit(connection, table, _own(table))
            except (duckdb.Error, AuditError, OSError):
                with self.connect(None, table) as connection:
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
        return audit_grain(connection, EXTRACT_GRAINS[table], tables, AuditCache(self.kept) if self.kept else None)

    def _judge(self, connection: duckdb.DuckDBPyConnection, table: str) -> Iterator[RuleOutcome]:
        if self.source_is_public:
            adds = self._audit(connection, table, _own(table)).leaks
            found = {f"{measure} ({kind})": cells for (measure, kind), cells in adds.items()}
        else:
            given = count_standalone_disclosures(
                connection, EXTRACT_GRAINS[table], _own(table), FACTS[table], "marts.dim_measure", self.rounding
            )
            found = {f"{disclosure.measure} ({disclosure.risk_class})": disclosure.cells for disclosure in given}
        load_formulas(connection, "marts.dim_measure")
        traced = trace(connection, table, FACTS[table], self.rounding)
        for rule in RECONCILIATION_RULES:
            broken, examples = traced[rule.name]
            yield _outcome(table, rule.name, rule.description, "failed" if broken else "passed", broken, examples)
        yield _outcome(
            table,
            *self._gate,
            "failed" if found else "passed",
            sum(found.values()),
            message="; ".join(f"{cells} x {what}" for what, cells in sorted(found.items())),
        )

    @property
    def _gate(self) -> tuple[str, str]:
        """The name and the description of the gate that applies to the source."""
        if self.source_is_public:
            return NO_RESIDUAL_DISCLOSURE, NO_RESIDUAL_DISCLOSURE_DESCRIPTION
        return NO_STANDALONE_DISCLOSURE, NO_STANDALONE_DISCLOSURE_DESCRIPTION

    def _of_all_rules(self, table: str, result: Result, message: str) -> Iterator[RuleOutcome]:
        for rule in RECONCILIATION_RULES:
            yield _outcome(table, rule.name, rule.description, result, None, message=message)
        yield _outcome(table, *self._gate, result, None, message=message)


def _read_file(connection: duckdb.DuckDBPyConnection, folder: Path, table: str) -> None:
    """Let a connection read a table of a folder by its name."""
    file = quote_literal(folder / parquet_name(table))
    connection.execute(f"create temp view {table} as select * from read_parquet({file})")


def _digest(connection: duckdb.DuckDBPyConnection, relation: str) -> tuple[object, ...]:
    """The rows of a relation in any order, as numbers, and their types: read once, where a difference reads twice."""
    types = [kind for _, kind, *_ in connection.execute(f"describe {relation}").fetchall()]
    rows = connection.execute(f"select count(*), sum(hash(row)::hugeint) from {relation} as row").fetchone()
    return (*types, *(rows or ()))


def _own(table: str) -> str:
    """The rows of an extract that are the publisher's own figures.

    A total that tracing finds to be the sum of other rows says nothing that they do not say.
    """
    return f"{table}_own"


def _outcome(
    table: str,
    rule: str,
    description: str,
    result: Result,
    violations: int | None,
    examples: tuple[Example, ...] = (),
    message: str = "",
    subject: str = SUBJECT,
) -> RuleOutcome:
    return RuleOutcome(
        rule=rule,
        table=table,
        file=parquet_name(table),
        description=description,
        result=result,
        violations=violations,
        examples=examples,
        message=message,
        subject=subject,
    )
