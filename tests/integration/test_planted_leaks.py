"""Planted leaks: each is refused, and by the rule that ought to name it; clean extracts are not refused."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import ClassVar

import duckdb
import pytest

from expectations.outcomes import run_rule
from expectations.release_validation import validate_release
from expectations.rules import Rule
from expectations.suites import SUITES
from expectations.suites.common_rules import COLUMNS_RULE
from iapt.contract import CONTRACTS, EXTRACT_GRAINS, Grain, parquet_name
from iapt.disclosure import period_audits
from iapt.disclosure.auditor import NO_RESIDUAL_DISCLOSURE, ROWS_MATCH_WAREHOUSE, WAREHOUSE_TABLES, Auditor
from iapt.disclosure.disclosure_risk import classify_risk
from iapt.disclosure.period_audits import AuditPlan, SourceTables, bound_source
from iapt.disclosure.source_reconciliation import RECONCILIATION_RULES
from iapt.release.publish import NotPublishableError, publish
from iapt.validation import RuleOutcome, ValidationReport
from iapt.workspace import Workspace
from tests.case_files import CANARY_VALUE, Leak, load_leaks
from tests.factories.candidates import make_candidate
from tests.factories.source_slice import SourceSlice, write_source_slice
from tests.integration.conftest import BuiltHome

CASES = load_leaks()
NAMED_BY_RECONCILIATION = {rule.name for rule in RECONCILIATION_RULES}
AUDITOR_RULES = {NO_RESIDUAL_DISCLOSURE, ROWS_MATCH_WAREHOUSE, *NAMED_BY_RECONCILIATION}
#: A leak that one of these names is audited: what reveals more, and what is no number, which must not stop the audit.
NO_PARTS: Mapping[str, Mapping[str, str]] = {}
AUDITED_RULES = {NO_RESIDUAL_DISCLOSURE, "values_are_numbers"}


@dataclass(frozen=True)
class CleanSlice:
    """The slice as it is before anything is planted: open, and validated.

    One engine holds the clean extracts as tables and reads the warehouse; each leak is validated on connections of its
    own, whose tables and views stand before those of the engine.
    """

    source: SourceSlice
    engine: duckdb.DuckDBPyConnection
    audits: Path
    outcomes: tuple[RuleOutcome, ...]
    bounds: BoundOnce


@dataclass(frozen=True)
class OpenAuditor(Auditor):
    """The auditor as it is, of a warehouse that an engine has open; or the half of it that only traces rows."""

    engine: duckdb.DuckDBPyConnection = field(kw_only=True)
    only_reconciles: bool = field(kw_only=True)

    def open_warehouse(self) -> duckdb.DuckDBPyConnection:
        connection = self.engine.cursor()
        connection.execute(f"use {self.warehouse.stem}")
        return connection

    def _plan_audit(
        self, connection: duckdb.DuckDBPyConnection, table: str, identities: Mapping[str, str]
    ) -> AuditPlan:
        if self.only_reconciles:
            return AuditPlan({}, {}, {}, {}, {})
        return super()._plan_audit(connection, table, identities)

    def audit_folder(
        self, folder: Path, unreadable: Mapping[str, str], parts: Mapping[str, Mapping[str, str]] = NO_PARTS
    ) -> Iterator[RuleOutcome]:
        for outcome in super().audit_folder(folder, unreadable, parts):
            if not (self.only_reconciles and outcome.rule == NO_RESIDUAL_DISCLOSURE):
                yield outcome


@dataclass(frozen=True)
class BoundOnce:
    """`bound_source` and `classify_risk` as they are, with their tables kept: no leak changes the source they work on.

    What comes after them changes some of their tables, which each has for itself, and reads the others.
    """

    engine: duckdb.DuckDBPyConnection
    kept: dict[tuple[Grain, str], tuple[str, bool]] = field(default_factory=dict)

    CHANGED: ClassVar = ("cell", "inconsistent_cell")
    READ: ClassVar = (
        "percentage_term",
        "published_percentage",
        "sum_member",
        "sum_total",
        "place",
        "relation_evidence",
        "risk_count",
    )

    def __call__(self, connection: duckdb.DuckDBPyConnection, grain: Grain, tables: SourceTables, where: str) -> bool:
        if (grain, where) not in self.kept:
            is_complete = bound_source(connection, grain, tables, where)
            classify_risk(connection, tables.rounding.threshold)
            schema = f"memory.bounds_{len(self.kept)}"
            connection.execute(f"create schema {schema}")
            for table in (*self.CHANGED, *self.READ):
                connection.execute(f"create table {schema}.{table} as from temp.{table}")
            self.kept[grain, where] = schema, is_complete
            return is_complete
        schema, is_complete = self.kept[grain, where]
        for table in self.CHANGED:
            connection.execute(f"create temp table {table} as from {schema}.{table}")
        for table in self.READ:
            connection.execute(f"create temp view {table} as from {schema}.{table}")
        return is_complete


@pytest.fixture(scope="module")
def source(released_home: BuiltHome, tmp_path_factory: pytest.TempPathFactory) -> SourceSlice:
    """A small source and the clean extracts made from it. Tests look; those that change anything link it."""
    return write_source_slice(released_home.home, tmp_path_factory.mktemp("slice"))


@pytest.fixture(scope="module")
def clean(source: SourceSlice, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CleanSlice]:
    """The slice, opened and validated."""
    folder = tmp_path_factory.mktemp("kept") / "audits"
    # Of so few rows two cores make nothing but more work.
    with duckdb.connect(config={"threads": 1}) as engine:
        engine.execute(f"attach '{source.warehouse}' as {source.warehouse.stem} (read_only)")
        for table in CONTRACTS:
            engine.execute(f"create table {table} as from '{source.staged / parquet_name(table)}'")
        with engine.cursor() as connection:
            rules = [rule for suite in SUITES.values() for rule in suite]
            outcomes = list(outcomes_of_rules(rules, connection))
        outcomes += Auditor(source.warehouse, folder).audit_folder(source.staged, {})
        yield CleanSlice(source, engine, folder, tuple(outcomes), BoundOnce(engine))


@pytest.fixture(scope="module")
def organisation_codes(source: SourceSlice) -> frozenset[str]:
    with duckdb.connect() as connection:
        found = connection.execute(f"select org_code from '{source.staged / 'dim_organisation.parquet'}'").fetchall()
    return frozenset(str(code) for (code,) in found)


def plant(leak: Leak, clean: CleanSlice, folder: Path) -> Path:
    """Make a folder of the clean files but for the one table that a leak changes."""
    staged = folder / "staged"
    staged.mkdir()
    for file in clean.source.staged.iterdir():
        if file.name != parquet_name(leak.table):
            os.link(file, staged / file.name)
    with clean.engine.cursor() as connection:
        connection.execute("create schema planted; set search_path = 'planted,main'")
        if leak.table in CONTRACTS:
            connection.execute(f"create table planted.{leak.table} as from main.{leak.table}")
        if leak.table in EXTRACT_GRAINS:
            connection.execute(CASES.render_views(leak.table))
        connection.execute(leak.sql)
        connection.execute(f"copy {leak.table} to '{staged / parquet_name(leak.table)}' (format parquet)")
        connection.execute("drop schema planted cascade")
    return staged


def outcomes_of_rules(rules: Iterable[Rule], connection: duckdb.DuckDBPyConnection) -> Iterator[RuleOutcome]:
    """What rules say of the tables of a connection, by their own SQL, as the gate has it of Great Expectations."""
    # Of so few rows it takes longer to better a query than to run it.
    connection.execute("pragma disable_optimizer")
    for rule in sorted(rules, key=lambda rule: rule.name != COLUMNS_RULE):
        outcome = run_rule(rule, connection)
        yield outcome
        if rule.name == COLUMNS_RULE and outcome.result == "failed":
            break  # no rule is run on the rows of a table with other columns


def outcomes_of(leak: Leak, clean: CleanSlice, folder: Path, asked: frozenset[str]) -> list[RuleOutcome]:
    """What the gate says of a folder one table of which was changed. The others are as clean as they were.

    Only of the rules that are asked for, if any are. The auditor answers by all of its own, or by none, or, where
    nobody asks what the extract adds to the source, by those that trace rows: it works longest on the former. It finds
    the records of the clean extracts, as it would after an earlier release: they must hide nothing.
    """
    staged, changed = plant(leak, clean, folder), leak.table
    if changed not in CONTRACTS:
        return list(validate_release(staged, suites={}).outcomes)
    with clean.engine.cursor() as connection:
        connection.execute(f"create temp table {changed} as from '{staged / parquet_name(changed)}'")
        rules = [
            rule
            for suite in SUITES.values()
            for rule in suite
            if changed in rule.tables and (not asked or rule.name in {*asked, COLUMNS_RULE})
        ]
        outcomes = list(outcomes_of_rules(rules, connection))
    if outcomes[0].result == "passed" and (not asked or asked & AUDITOR_RULES):
        unchanged: Mapping[str, str] = {table: "it was not changed" for table in CONTRACTS if table != changed}
        auditor = OpenAuditor(
            clean.source.warehouse,
            own_copy(clean.audits, folder),
            engine=clean.engine,
            only_reconciles=bool(asked) and not asked & AUDITED_RULES,
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(period_audits, "bound_source", clean.bounds)
            patch.setattr(period_audits, "classify_risk", lambda *_: None)
            outcomes += [outcome for outcome in auditor.audit_folder(staged, unchanged) if outcome.result != "skipped"]
    return outcomes


def own_copy(audits: Path, folder: Path) -> Path:
    """Kept audits that may be written over without a change to others."""
    (folder / "audits").mkdir()
    for record in audits.iterdir():
        os.link(record, folder / "audits" / record.name)
    return folder / "audits"


def failed_rules(outcomes: Iterable[RuleOutcome]) -> set[str]:
    """The names of the rules that failed."""
    return {outcome.rule for outcome in outcomes if outcome.result == "failed"}


@pytest.fixture(scope="module")
def outcomes_of_leak(
    clean: CleanSlice, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Leak], list[RuleOutcome]]:
    """The outcomes of the whole gate for a change, each validated alone, and once however often it is asked for."""
    return cache(lambda leak: outcomes_of(leak, clean, tmp_path_factory.mktemp("planted"), frozenset()))


def test_clean_extracts_break_no_rule(clean: CleanSlice) -> None:
    assert {outcome.result for outcome in clean.outcomes} == {"passed"}, failed_rules(clean.outcomes)
    assert {outcome.table for outcome in clean.outcomes if outcome.rule == NO_RESIDUAL_DISCLOSURE} == set(
        EXTRACT_GRAINS
    )
    assert {outcome.table for outcome in clean.outcomes if outcome.rule == ROWS_MATCH_WAREHOUSE} == set(
        WAREHOUSE_TABLES
    )
    rules = {(rule.table, rule.name) for suite in SUITES.values() for rule in suite}
    assert {(outcome.table, outcome.rule) for outcome in clean.outcomes} > rules


@pytest.mark.parametrize("leak", CASES.leaks, ids=lambda leak: leak.name)
def test_a_planted_leak_is_named(
    leak: Leak, clean: CleanSlice, organisation_codes: frozenset[str], tmp_path: Path
) -> None:
    outcomes = outcomes_of(leak, clean, tmp_path, frozenset(leak.rules))
    assert failed_rules(outcomes) >= set(leak.rules), f"{leak.why}: {sorted(failed_rules(outcomes))}"
    assert {outcome.result for outcome in outcomes} <= {"passed", "failed"}
    for outcome in outcomes:
        if outcome.rule in NAMED_BY_RECONCILIATION and outcome.result == "failed":
            assert outcome.examples
        if outcome.rule == NO_RESIDUAL_DISCLOSURE:
            assert outcome.examples == ()
            assert not [code for code in organisation_codes if code in outcome.message]


@pytest.mark.parametrize("leak", CASES.harmless, ids=lambda leak: leak.name)
def test_a_change_that_reveals_nothing_breaks_no_rule(
    leak: Leak, outcomes_of_leak: Callable[[Leak], list[RuleOutcome]]
) -> None:
    assert {outcome.result for outcome in outcomes_of_leak(leak)} <= {"passed", "failed"}
    assert failed_rules(outcomes_of_leak(leak)) == set(leak.rules)


@pytest.mark.parametrize("leak", CASES.canaries, ids=lambda leak: leak.name)
def test_no_outcome_repeats_the_figure_it_is_about(
    leak: Leak, outcomes_of_leak: Callable[[Leak], list[RuleOutcome]]
) -> None:
    report = ValidationReport.from_outcomes({}, outcomes_of_leak(leak))
    assert not report.passed
    assert failed_rules(outcomes_of_leak(leak)) >= set(leak.rules)
    for text in (report.describe_failures(), report.to_json(), repr(report)):
        for form in (str(CANARY_VALUE), f"{CANARY_VALUE:,}", f"{CANARY_VALUE:e}"[:6]):
            assert form not in text


def test_every_rule_of_the_audit_names_a_leak() -> None:
    """A check that cannot fail is a defect."""
    named = {rule for leak in CASES.leaks for rule in leak.rules}
    assert named >= AUDITOR_RULES
    assert all(leak.rules for leak in CASES.leaks)
    assert {leak.table for leak in CASES.leaks} > set(CONTRACTS)
    names = Counter(leak.name for leak in (*CASES.leaks, *CASES.harmless, *CASES.canaries))
    assert names.most_common(1)[0][1] == 1


WHOLE_GATE = [
    leak
    for leak in CASES.leaks
    if leak.name in {"unblanked_count", "figures_of_two_ccgs_swapped", "number_in_a_former_name"}
]


@pytest.mark.parametrize("planted", WHOLE_GATE, ids=lambda leak: leak.name)
def test_nothing_is_published_of_extracts_with_a_leak(planted: Leak, clean: CleanSlice, tmp_path: Path) -> None:
    staged = plant(planted, clean, tmp_path)
    report = validate_release(staged, auditor=Auditor(clean.source.warehouse))
    assert failed_rules(report.outcomes) >= set(planted.rules)
    with pytest.raises(NotPublishableError) as refused:
        publish(make_candidate(staged, report), Workspace(tmp_path), date(2026, 1, 1))
    for rule in planted.rules:
        assert f"FAILED {rule} in {parquet_name(planted.table)}" in str(refused.value)
    assert str(refused.value).endswith(report.describe_failures())
    assert not (tmp_path / "latest").exists()
    assert not (tmp_path / "releases").exists()
