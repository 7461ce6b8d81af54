"""The auditor: audits the extracts of a folder beside the facts of a warehouse, as outcomes for the gate's report.

What cannot be audited has not passed: an error is an outcome of its own, by kind alone, since its text can quote a
value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

import duckdb

from iapt.contract import DERIVED, DIMENSIONS, EXTRACT_GRAINS, KEYS, TABLES, parquet_name
from iapt.disclosure.model import PUBLISHERS_ROUNDING, AuditError, Rounding, load_formulas
from iapt.disclosure.period_audits import AuditCache, GrainAudit, SourceTables, audit_grain
from iapt.disclosure.source_reconciliation import RECONCILIATION_RULES, reconcile_with_source
from iapt.disclosure.standalone_disclosure import count_standalone_disclosures
from iapt.sql import quote_literal
from iapt.threads import threads_per_worker
from iapt.validation import EXAMPLES_SHOWN, Example, Result, RuleOutcome, describe_check_error, fetch_examples

MAX_CONCURRENT_AUDITS: Final = 2
AUDIT_SUBJECT: Final = "audit"
STRUCTURE_SUBJECT: Final = "structure"
NO_RESIDUAL_DISCLOSURE: Final = "no_residual_disclosure"
NO_RESIDUAL_DISCLOSURE_DESCRIPTION: Final = (
    "Beside everything the source has published, the extract narrows the possible values of no cell: bounds from "
    "source and extract are the bounds from the source alone, cell by cell. "
    "Source: the gate against residual disclosure of the disclosure methodology."
)
NO_STANDALONE_DISCLOSURE: Final = "no_standalone_disclosure"
NO_STANDALONE_DISCLOSURE_DESCRIPTION: Final = (
    "Of values that were not public, the extract by itself lets no suppressed count be inferred as a number from 0 to "
    "4, and no group be known to share one outcome. Source: the gate against standalone disclosure of the disclosure "
    "methodology."
)
ROWS_MATCH_WAREHOUSE: Final = "rows_match_warehouse"
ROWS_MATCH_WAREHOUSE_DESCRIPTION: Final = (
    "The table holds the rows of the warehouse's, all and no other: a name or a note could carry a value that no "
    "extract may. Source: every row of a release can be traced."
)
MEASURES: Final = TABLES["dim_measure"].relation
FACT_TABLES: Final[Mapping[str, str]] = {table: TABLES[TABLES[table].made_from].relation for table in EXTRACT_GRAINS}
#: Every table that is no extract, with the warehouse's own, whose rows it must have.
WAREHOUSE_TABLES: Final[Mapping[str, str]] = {table: TABLES[table].relation for table in (*DERIVED, *DIMENSIONS)}


@dataclass(frozen=True)
class Auditor:
    """What to audit extracts against: the warehouse whose facts they were made from, and where audits are cached."""

    warehouse: Path
    cache_folder: Path | None = None
    rounding: Rounding = PUBLISHERS_ROUNDING
    source_rounding: Rounding = PUBLISHERS_ROUNDING
    source_is_public: bool = True

    def audit_folder(
        self,
        folder: Path,
        unreadable: Mapping[str, str],
        parts: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
    ) -> Iterator[RuleOutcome]:
        """Audit every extract of a folder, and compare its other tables with the warehouse.

        `unreadable` says why a table cannot be audited; its rules are skipped. `parts` is the sha256 of the rows of
        each period of a table, where that is known.
        """

        def audit_table(table: str) -> list[RuleOutcome]:
            if table in unreadable:
                return self._give_all_rules(table, "skipped", f"{parquet_name(table)}: {unreadable[table]}")
            try:
                with self.connect(folder, table) as connection:
                    return list(self._audit_table(connection, table))
            except (duckdb.Error, AuditError, OSError) as error:
                return self._give_all_rules(table, "error", describe_check_error(type(error).__name__))

        # Much of an audit is small steps on one core.
        with ThreadPoolExecutor(max_workers=MAX_CONCURRENT_AUDITS) as executor:
            for outcomes in executor.map(audit_table, EXTRACT_GRAINS):
                yield from outcomes
        with ExitStack() as stack:
            # Opened once for all the comparisons, but again after an error: each table has an outcome of its own.
            open_warehouse = cache(lambda: stack.enter_context(self.open_warehouse()))
            for table in WAREHOUSE_TABLES:
                yield self._compare_with_warehouse(folder, table, unreadable, open_warehouse)

    def connect(self, folder: Path | None, table: str) -> duckdb.DuckDBPyConnection:
        """Open a connection that reads the warehouse, and an extract of a folder if one is given; it writes nothing."""
        connection = self.open_warehouse()
        if folder is not None:
            _view_file(connection, folder, table)
            if table in EXTRACT_GRAINS:
                connection.execute(
                    f"create temp view {_name_published_rows(table)} as "
                    f"from {table} where is_derived is distinct from true"
                )
        return connection

    def open_warehouse(self) -> duckdb.DuckDBPyConnection:
        """Open a connection to the warehouse, which it reads by the names of its schemas."""
        connection = duckdb.connect()
        connection.execute("set preserve_insertion_order = false")
        connection.execute(f"set threads = {threads_per_worker(MAX_CONCURRENT_AUDITS)}")
        # What does not fit into memory is spilt beside the warehouse, never into the current working folder.
        connection.execute(f"set temp_directory = {quote_literal(self.warehouse.with_suffix('.spill'))}")
        # The views of the warehouse name their catalogue, which DuckDB takes from the file's name.
        connection.execute(f"attach {quote_literal(self.warehouse)} as {self.warehouse.stem} (read_only)")
        connection.execute(f"use {self.warehouse.stem}")
        return connection

    def audit_source(self, folder: Path) -> dict[str, GrainAudit]:
        """Audit the source, and the extracts of a folder beside it where they can be read; by table.

        Raises AuditError or DuckDB's errors where the source itself cannot be audited.
        """
        audits = {}
        for table in EXTRACT_GRAINS:
            try:
                with self.connect(folder, table) as connection:
                    audits[table] = self._audit_grain(connection, table, _name_published_rows(table))
            except (duckdb.Error, AuditError, OSError):
                with self.connect(None, table) as connection:
                    audits[table] = self._audit_grain(connection, table, None)
        return audits

    def _audit_grain(self, connection: duckdb.DuckDBPyConnection, table: str, extract: str | None) -> GrainAudit:
        tables = SourceTables(
            facts=FACT_TABLES[table],
            measures=MEASURES,
            extract=extract,
            rounding=self.source_rounding,
            extract_rounding=self.rounding,
        )
        audit_cache = AuditCache(self.cache_folder) if self.cache_folder else None
        return audit_grain(connection, EXTRACT_GRAINS[table], tables, audit_cache)

    def _audit_table(self, connection: duckdb.DuckDBPyConnection, table: str) -> Iterator[RuleOutcome]:
        """Audit an extract by the gate that applies to its source, and reconcile it with that source."""
        facts, published_rows = FACT_TABLES[table], _name_published_rows(table)
        if self.source_is_public:
            disclosures = self._audit_grain(connection, table, published_rows).residual_disclosures
        else:
            disclosures = count_standalone_disclosures(
                connection, EXTRACT_GRAINS[table], published_rows, facts, MEASURES, self.rounding
            )
        load_formulas(connection, MEASURES)
        reconciled = reconcile_with_source(connection, table, facts, self.rounding)
        for rule in RECONCILIATION_RULES:
            violations, examples = reconciled[rule.name]
            result: Result = "failed" if violations else "passed"
            yield _make_outcome(table, rule.name, rule.description, result, violations, examples)
        yield _make_outcome(
            table,
            *self._gate,
            "failed" if disclosures else "passed",
            disclosures.total(),
            message="; ".join(
                f"{cells} x {measure} ({kind})" for (measure, kind), cells in sorted(disclosures.items())
            ),
        )

    @property
    def _gate(self) -> tuple[str, str]:
        """The name and the description of the gate that applies to the source."""
        if self.source_is_public:
            return NO_RESIDUAL_DISCLOSURE, NO_RESIDUAL_DISCLOSURE_DESCRIPTION
        return NO_STANDALONE_DISCLOSURE, NO_STANDALONE_DISCLOSURE_DESCRIPTION

    def _give_all_rules(self, table: str, result: Result, message: str) -> list[RuleOutcome]:
        """The same outcome of every rule of an extract."""
        rules = (*((rule.name, rule.description) for rule in RECONCILIATION_RULES), self._gate)
        return [_make_outcome(table, *rule, result, message=message) for rule in rules]

    def _compare_with_warehouse(
        self,
        folder: Path,
        table: str,
        unreadable: Mapping[str, str],
        open_warehouse: Callable[[], duckdb.DuckDBPyConnection],
    ) -> RuleOutcome:
        """Compare a table with the warehouse's, row by row; rows that differ are given by their keys."""

        def make_outcome(
            result: Result, violations: int | None = None, examples: tuple[Example, ...] = (), message: str = ""
        ) -> RuleOutcome:
            rule = (table, ROWS_MATCH_WAREHOUSE, ROWS_MATCH_WAREHOUSE_DESCRIPTION)
            return _make_outcome(*rule, result, violations, examples, message, STRUCTURE_SUBJECT)

        if table in unreadable:
            return make_outcome("skipped", message=f"{parquet_name(table)}: {unreadable[table]}")
        source, keys = WAREHOUSE_TABLES[table], ", ".join(KEYS[table])
        try:
            with open_warehouse().cursor() as connection:
                connection.execute(f"use {self.warehouse.stem}")
                _view_file(connection, folder, table)
                if _digest_rows(connection, table) == _digest_rows(connection, source):
                    return make_outcome("passed", 0)
                connection.execute(
                    f"""
                    create temp table mismatched_rows as
                    select distinct {keys} from (
                        (from {table} except all from {source}) union all (from {source} except all from {table})
                    )
                    """
                )
                ((mismatched,),) = connection.execute("select count(*) from mismatched_rows").fetchall()
                rows = connection.execute(f"from mismatched_rows order by all limit {EXAMPLES_SHOWN}")
                return make_outcome("failed" if mismatched else "passed", mismatched, fetch_examples(rows))
        except (duckdb.Error, OSError) as error:
            return make_outcome("error", message=describe_check_error(type(error).__name__))


def _view_file(connection: duckdb.DuckDBPyConnection, folder: Path, table: str) -> None:
    """Let a connection read a table of a folder by its name."""
    file = quote_literal(folder / parquet_name(table))
    connection.execute(f"create temp view {table} as select * from read_parquet({file})")


def _digest_rows(connection: duckdb.DuckDBPyConnection, relation: str) -> tuple[object, ...]:
    """The rows of a relation in any order, as numbers, and their types: read once, where a difference reads twice."""
    types = [column_type for _, column_type, *_ in connection.execute(f"describe {relation}").fetchall()]
    rows = connection.execute(f"select count(*), sum(hash(row)::hugeint) from {relation} as row").fetchone()
    return (*types, *(rows or ()))


def _name_published_rows(table: str) -> str:
    """The name of a view of an extract's rows that are the publisher's own.

    A total that the reconciliation finds to be the sum of other rows says nothing that they do not say.
    """
    return f"{table}_published"


def _make_outcome(
    table: str,
    rule: str,
    description: str,
    result: Result,
    violations: int | None = None,
    examples: tuple[Example, ...] = (),
    message: str = "",
    subject: str = AUDIT_SUBJECT,
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
