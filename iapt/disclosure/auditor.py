"""The auditor: audits the extracts of a folder beside the facts of a warehouse, as outcomes for the gate's report.

What cannot be audited has not passed: an error is an outcome of its own, by kind alone, since its text can quote a
value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeAlias

import duckdb

from iapt.checked_periods import PassedPeriod, PeriodMemory, digest, read_passed_periods, write_passed_periods
from iapt.contract import DERIVED, DIMENSIONS, EXTRACT_GRAINS, KEYS, TABLES, Grain, parquet_name
from iapt.disclosure.model import PUBLISHERS_ROUNDING, AuditError, Rounding, load_formulas
from iapt.disclosure.period_audits import (
    HAS_STATUS,
    MAX_VALUES_IN_BATCH,
    AuditCache,
    AuditPlan,
    GrainAudit,
    PeriodAudit,
    SourceTables,
    audit_batch,
    count_values,
    digest_code,
    list_periods,
    merge_audits,
    plan_audit,
)
from iapt.disclosure.source_reconciliation import RECONCILIATION_RULES, digest_references, reconcile_with_source
from iapt.disclosure.standalone_disclosure import count_standalone_disclosures
from iapt.duckdb_connections import open_duckdb
from iapt.period_batches import batch_by_size
from iapt.period_builds import read_period_builds
from iapt.sql import quote_literal, sql_list
from iapt.validation import EXAMPLES_SHOWN, Example, Result, RuleOutcome, describe_check_error, fetch_examples

#: The sha256 of the rows of each period of a table.
Parts: TypeAlias = Mapping[str, Mapping[str, str]]

MAX_CONCURRENT_AUDITS: Final = 2
#: Those, and the engine of the rules beside them.
WORKERS: Final = MAX_CONCURRENT_AUDITS + 1
#: What is remembered of periods: that their rows were made from the source's, and that they are the warehouse's.
RECONCILIATION: Final = "reconciliation"
COMPARISON: Final = "comparison"
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
class _TablePlan:
    """What is to be done of an extract: which periods are still to be audited, and which to be reconciled.

    `sizes` is how many rows each period has that is due, `reconciled` what is remembered of those that passed, and
    `identities` what the periods that are due are remembered as if they pass.
    """

    audit: AuditPlan
    sizes: Mapping[str, int]
    due_audits: frozenset[str]
    due_reconciliation: frozenset[str]
    reconciled: Mapping[str, PassedPeriod]
    keys: Mapping[str, PassedPeriod]


@dataclass(frozen=True)
class _BatchResult:
    """What came of some periods of an extract: their audits, disclosures of no audit, and violations by rule."""

    audits: Sequence[PeriodAudit]
    disclosures: Counter[tuple[str, str]]
    violations: Mapping[str, tuple[int, tuple[Example, ...]]]
    reconciled: Sequence[str]


@dataclass(frozen=True)
class Auditor:
    """What to audit extracts against: the warehouse whose facts they were made from, and where audits are cached.

    `memory` is where it is remembered which periods were reconciled, `spill` where DuckDB puts what does not fit.
    """

    warehouse: Path
    cache_folder: Path | None = None
    rounding: Rounding = PUBLISHERS_ROUNDING
    source_rounding: Rounding = PUBLISHERS_ROUNDING
    source_is_public: bool = True
    memory: PeriodMemory | None = None
    spill: Path | None = None

    def audit_folder(
        self, folder: Path, unreadable: Mapping[str, str], parts: Parts = MappingProxyType({})
    ) -> Iterator[RuleOutcome]:
        """Audit every extract of a folder, and compare its other tables with the warehouse.

        `unreadable` says why a table cannot be audited; its rules are skipped. `parts` is the sha256 of the rows of
        each period of a table, where that is known.
        """
        # Much of an audit is small steps on one core.
        with ThreadPoolExecutor(max_workers=MAX_CONCURRENT_AUDITS) as executor:
            plans = {
                table: executor.submit(self._plan_table, folder, table, parts.get(table, {}))
                for table in EXTRACT_GRAINS
                if table not in unreadable
            }
            batches = {
                table: [
                    executor.submit(self._audit_batch, folder, table, plan.result(), batch)
                    for batch in batch_by_size(plan.result().sizes, MAX_VALUES_IN_BATCH)
                ]
                for table, plan in plans.items()
                if plan.exception() is None
            }
            compared = executor.submit(lambda: tuple(self._compare_tables(folder, unreadable, parts)))
            reconciled: dict[str, PassedPeriod] = {}
            for table in EXTRACT_GRAINS:
                if table in unreadable:
                    yield from self._give_all_rules(table, "skipped", f"{parquet_name(table)}: {unreadable[table]}")
                    continue
                try:
                    plan = plans[table].result()
                    results = [batch.result() for batch in batches[table]]
                except (duckdb.Error, AuditError, OSError) as error:
                    yield from self._give_all_rules(table, "error", describe_check_error(type(error).__name__))
                    continue
                passed = {period for result in results for period in result.reconciled}
                reconciled |= plan.reconciled
                reconciled |= {
                    name: plan.keys[period] for period in passed & plan.keys.keys() if (name := f"{table} {period}")
                }
                yield from self._make_outcomes(table, plan, results)
            self._remember(RECONCILIATION, reconciled, parts)
            yield from compared.result()

    def _plan_table(self, folder: Path, table: str, parts: Mapping[str, str]) -> _TablePlan:
        """Find which periods of an extract are still to be audited or reconciled."""
        facts, grain = FACT_TABLES[table], EXTRACT_GRAINS[table]
        with self.connect(folder, table) as connection:
            periods = list_periods(connection, facts, HAS_STATUS) | list_periods(connection, table)
            builds = self._read_builds(connection, TABLES[table].made_from, grain)
            identities = {
                period: digest([sha256, builds[period]]) for period, sha256 in parts.items() if period in builds
            }
            plan = self._plan_audit(connection, table, identities)
            keys: dict[str, PassedPeriod] = {}
            if self.memory is not None and identities:
                load_formulas(connection, MEASURES)
                basis = digest([self.memory.basis, digest_references(connection), self.rounding, digest_code()])
                keys = {
                    period: PassedPeriod(key=digest([basis, table, identity]))
                    for period, identity in identities.items()
                }
            known = self._recall(RECONCILIATION)
            reconciled = {
                name: key
                for period, key in keys.items()
                if period in periods and known.get(name := f"{table} {period}") == key
            }
            due = frozenset(period for period in periods if f"{table} {period}" not in reconciled)
            # By itself, an extract of unpublished values is audited anew each time.
            due_audits = frozenset(plan.due if self.source_is_public else periods)
            sizes = count_values(connection, facts, due | due_audits)
        return _TablePlan(plan, sizes, due_audits, due, reconciled, keys)

    def _plan_audit(
        self, connection: duckdb.DuckDBPyConnection, table: str, identities: Mapping[str, str]
    ) -> AuditPlan:
        """Find which periods of a public source are still to be audited; of another nothing is cached."""
        if not self.source_is_public:
            return AuditPlan({}, {}, {}, {}, {})
        return plan_audit(
            connection,
            EXTRACT_GRAINS[table],
            self._name_tables(table, _name_published_rows(table)),
            self._cache,
            identities,
        )

    def _audit_batch(self, folder: Path, table: str, plan: _TablePlan, batch: Sequence[str]) -> _BatchResult:
        """Audit some periods of an extract by the gate that applies to its source, and reconcile them with that."""
        facts, published_rows, grain = FACT_TABLES[table], _name_published_rows(table), EXTRACT_GRAINS[table]
        due_audits = [period for period in batch if period in plan.due_audits]
        due = [period for period in batch if period in plan.due_reconciliation]
        audits: list[PeriodAudit] = []
        disclosures: Counter[tuple[str, str]] = Counter()
        violations: Mapping[str, tuple[int, tuple[Example, ...]]] = {}
        with self.connect(folder, table) as connection:
            load_formulas(connection, MEASURES)
            if due_audits and self.source_is_public:
                tables = self._name_tables(table, published_rows)
                audits = audit_batch(connection, grain, tables, plan.audit, due_audits, self._cache)
            elif due_audits:
                disclosures = count_standalone_disclosures(
                    connection,
                    grain,
                    _view_periods(connection, published_rows, due_audits, "audited_rows"),
                    _view_periods(connection, facts, due_audits, "audited_facts"),
                    MEASURES,
                    self.rounding,
                )
            if due:
                violations = reconcile_with_source(
                    connection,
                    _view_periods(connection, table, due, "reconciled_extract"),
                    _view_periods(connection, facts, due, "reconciled_facts"),
                    self.rounding,
                )
        has_passed = not any(count for count, _ in violations.values())
        return _BatchResult(audits, disclosures, violations, due if has_passed else ())

    def _make_outcomes(self, table: str, plan: _TablePlan, results: Sequence[_BatchResult]) -> Iterator[RuleOutcome]:
        """Return the outcome of every rule on an extract, of all its batches and of what is remembered."""
        for rule in RECONCILIATION_RULES:
            found = [result.violations[rule.name] for result in results if result.violations]
            violations = sum(count for count, _ in found)
            examples = sorted(
                (example for _, of_batch in found for example in of_batch),
                key=lambda example: [(value is None, value or "") for value in example.values()],
            )
            result: Result = "failed" if violations else "passed"
            yield _make_outcome(
                table, rule.name, rule.description, result, violations, tuple(examples[:EXAMPLES_SHOWN])
            )
        made = [audit for result in results for audit in result.audits]
        disclosures = merge_audits(EXTRACT_GRAINS[table], plan.audit, made).residual_disclosures
        for batch in results:
            disclosures += batch.disclosures
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
    def _cache(self) -> AuditCache | None:
        return AuditCache(self.cache_folder) if self.cache_folder else None

    def _recall(self, check: str) -> Mapping[str, PassedPeriod]:
        return read_passed_periods(self.memory.folder, check) if self.memory else {}

    def _remember(self, check: str, passed: Mapping[str, PassedPeriod], parts: Parts) -> None:
        """Remember what passed beside what is remembered of the periods that are still there."""
        if self.memory is None or not any(parts.values()):
            return
        known = self._recall(check)
        there = {f"{table} {period}" for table, of_table in parts.items() for period in of_table}
        periods = {name: key for name, key in known.items() if name in there} | dict(passed)
        if periods != known:
            write_passed_periods(self.memory.folder, check, periods)

    def _read_builds(self, connection: duckdb.DuckDBPyConnection, model: str, grain: Grain) -> dict[str, str]:
        return read_period_builds(connection, self.warehouse.stem, model, grain)

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
        connection = open_duckdb(spill=self.spill or self.warehouse.with_suffix(".spill"), workers=WORKERS)
        # The views of the warehouse name their catalogue, which DuckDB takes from the file's name.
        connection.execute(f"attach {quote_literal(self.warehouse)} as {self.warehouse.stem} (read_only)")
        connection.execute(f"use {self.warehouse.stem}")
        return connection

    def audit_source(self, folder: Path, parts: Parts = MappingProxyType({})) -> dict[str, GrainAudit]:
        """Audit the source, and the extracts of a folder beside it where they can be read; by table.

        Raises AuditError or DuckDB's errors where the source itself cannot be audited.
        """
        audits = {}
        for table in EXTRACT_GRAINS:
            try:
                audits[table] = self._audit_source(folder, table, _name_published_rows(table), parts.get(table, {}))
            except (duckdb.Error, AuditError, OSError):
                audits[table] = self._audit_source(None, table, None, {})
        return audits

    def _audit_source(
        self, folder: Path | None, table: str, extract: str | None, parts: Mapping[str, str]
    ) -> GrainAudit:
        grain, tables = EXTRACT_GRAINS[table], self._name_tables(table, extract)
        with self.connect(folder, table) as connection:
            builds = self._read_builds(connection, TABLES[table].made_from, grain)
            identities = {
                period: digest([sha256, builds[period]]) for period, sha256 in parts.items() if period in builds
            }
            plan = plan_audit(connection, grain, tables, self._cache, identities)
            made = [
                audit
                for batch in batch_by_size(plan.due, MAX_VALUES_IN_BATCH)
                for audit in audit_batch(connection, grain, tables, plan, batch, self._cache)
            ]
        return merge_audits(grain, plan, made)

    def _name_tables(self, table: str, extract: str | None) -> SourceTables:
        return SourceTables(
            facts=FACT_TABLES[table],
            measures=MEASURES,
            extract=extract,
            rounding=self.source_rounding,
            extract_rounding=self.rounding,
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

    def _compare_tables(self, folder: Path, unreadable: Mapping[str, str], parts: Parts) -> Iterator[RuleOutcome]:
        """Compare every table that is no extract with the warehouse's, and remember the periods that are the same."""
        known, passed = self._recall(COMPARISON), dict[str, PassedPeriod]()
        with ExitStack() as stack:
            # Opened once for all the comparisons, but again after an error: each table has an outcome of its own.
            open_warehouse = cache(lambda: stack.enter_context(self.open_warehouse()))
            for table in WAREHOUSE_TABLES:
                if table in unreadable:
                    message = f"{parquet_name(table)}: {unreadable[table]}"
                    yield _make_comparison(table, "skipped", message=message)
                    continue
                try:
                    with open_warehouse().cursor() as connection:
                        connection.execute(f"use {self.warehouse.stem}")
                        _view_file(connection, folder, table)
                        keys = self._make_comparison_keys(connection, table, parts.get(table, {}))
                        outcome = _compare_with_warehouse(
                            connection,
                            table,
                            frozenset(p for p, key in keys.items() if known.get(f"{table} {p}") == key),
                        )
                except (duckdb.Error, OSError) as error:
                    yield _make_comparison(table, "error", message=describe_check_error(type(error).__name__))
                    continue
                if outcome.result == "passed":
                    passed |= {f"{table} {period}": key for period, key in keys.items()}
                yield outcome
        self._remember(COMPARISON, passed, parts)

    def _make_comparison_keys(
        self, connection: duckdb.DuckDBPyConnection, table: str, parts: Mapping[str, str]
    ) -> dict[str, PassedPeriod]:
        """Return what each period of a table is remembered under, where it is known who its rows are on both sides."""
        grain = TABLES[table].grain
        if self.memory is None or grain is None or not parts:
            return {}
        builds = self._read_builds(connection, table, grain)
        return {
            period: PassedPeriod(key=digest([self.memory.basis, digest_code(), table, sha256, builds[period]]))
            for period, sha256 in parts.items()
            if period in builds
        }


def _compare_with_warehouse(connection: duckdb.DuckDBPyConnection, table: str, known: Collection[str]) -> RuleOutcome:
    """Compare a table with the warehouse's, row by row; rows that differ are given by their keys.

    Periods that are known to be the same are not read.
    """
    source, keys = WAREHOUSE_TABLES[table], ", ".join(KEYS[table])
    condition = "true"
    if known:
        # The rows of a period are looked for by its name, which leaves the others unread.
        due = sorted((_list_periods(connection, table) | _list_periods(connection, source)) - set(known))
        condition = f"coalesce(period, '') in ({sql_list(due)})" if due else "false"
    connection.execute(f"create temp view staged_rows as from {table} where {condition}")
    connection.execute(f"create temp view warehouse_rows as from {source} where {condition}")
    if _digest_rows(connection, "staged_rows") == _digest_rows(connection, "warehouse_rows"):
        return _make_comparison(table, "passed", 0)
    connection.execute(
        f"""
        create temp table mismatched_rows as
        select distinct {keys} from (
            (from staged_rows except all from warehouse_rows)
            union all
            (from warehouse_rows except all from staged_rows)
        )
        """
    )
    ((mismatched,),) = connection.execute("select count(*) from mismatched_rows").fetchall()
    rows = connection.execute(f"from mismatched_rows order by all limit {EXAMPLES_SHOWN}")
    return _make_comparison(table, "failed" if mismatched else "passed", mismatched, fetch_examples(rows))


def _list_periods(connection: duckdb.DuckDBPyConnection, relation: str) -> set[str]:
    """Return the periods of a relation; rows without one are of the period ''."""
    return {
        period for (period,) in connection.execute(f"select distinct coalesce(period, '') from {relation}").fetchall()
    }


def _make_comparison(
    table: str, result: Result, violations: int | None = None, examples: tuple[Example, ...] = (), message: str = ""
) -> RuleOutcome:
    rule = (table, ROWS_MATCH_WAREHOUSE, ROWS_MATCH_WAREHOUSE_DESCRIPTION)
    return _make_outcome(*rule, result, violations, examples, message, STRUCTURE_SUBJECT)


def _view_periods(connection: duckdb.DuckDBPyConnection, relation: str, periods: Collection[str], name: str) -> str:
    """Let a connection read some periods of a relation by a name, which is returned."""
    connection.execute(f"create or replace temp view {name} as from {relation} where period in ({sql_list(periods)})")
    return name


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
