"""Planted leaks: each is refused, and by the rule that ought to name it; clean extracts are not refused."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import duckdb
import pytest

from expectations.audit.auditor import ADDS_NOTHING, COMPARED, SAME_ROWS, Auditor
from expectations.audit.tracing import TRACE_RULES
from expectations.contracts import CONTRACTS, EXTRACT_GRAINS, file_of
from expectations.gate import judge
from expectations.outcomes import outcome_of, violations_of
from expectations.policy import load_policy
from expectations.suites import SUITES
from expectations.suites.every_table import COLUMNS_RULE
from expectations.verdict import RuleOutcome, Verdict
from orchestration.release.describe import Description
from orchestration.release.publish import NotPublishable, publish
from tests.integration.conftest import BuiltHome
from tests.planted_leaks import HARMLESS, LEAKS, RELATIONS, TELL_TALE, TELL_TALES, Leak, sql_of
from tests.source_slice import FACTS, UNREVIEWED, SourceSlice, write_source_slice

#: Two changes are judged at a time, each on a core of its own.
ONE_CORE = {"threads": 1}


class OneCoreAuditor(Auditor):
    """The auditor as it is, on one core: of so few rows two cores make nothing but more work."""

    def connect(self, folder: Path | None, table: str) -> duckdb.DuckDBPyConnection:
        connection = super().connect(folder, table)
        connection.execute("set threads = 1")
        return connection


@pytest.fixture(scope="module")
def source(released_home: BuiltHome, tmp_path_factory: pytest.TempPathFactory) -> SourceSlice:
    """A small source and the clean extracts made from it. Tests look; those that change anything link it."""
    return write_source_slice(released_home.home, tmp_path_factory.mktemp("slice"))


@pytest.fixture(scope="module")
def kept(source: SourceSlice, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The records of the audit of the clean extracts, which find nothing."""
    folder = tmp_path_factory.mktemp("kept") / "audits"
    outcomes = list(Auditor(source.warehouse, folder).outcomes(source.staged, {}))
    assert {outcome.result for outcome in outcomes} == {"passed"}, broken(outcomes)
    return folder


@pytest.fixture(scope="module")
def organisation_codes(source: SourceSlice) -> frozenset[str]:
    with duckdb.connect() as connection:
        found = connection.execute(f"select org_code from '{source.staged / 'dim_organisation.parquet'}'").fetchall()
    return frozenset(str(code) for (code,) in found)


def plant(leak: Leak, source: SourceSlice, folder: Path) -> Path:
    """Make a folder of the clean files but for the one table that a leak changes."""
    staged = folder / "staged"
    staged.mkdir()
    for file in source.staged.iterdir():
        if file.name != file_of(leak.table):
            os.link(file, staged / file.name)
    with duckdb.connect(config=ONE_CORE) as connection:
        connection.execute(f"attach '{source.warehouse}' as warehouse (read_only)")
        for table in CONTRACTS:
            kind = "table" if table == leak.table else "view"
            connection.execute(f"create {kind} {table} as from '{source.staged / file_of(table)}'")
        fact = f"warehouse.marts.{FACTS.get(leak.table, 'fct_monthly')}"
        if leak.table in EXTRACT_GRAINS:
            connection.execute(RELATIONS.format(fact=fact, table=leak.table))
        connection.execute(sql_of(leak, fact, UNREVIEWED))
        connection.execute(f"copy {leak.table} to '{staged / file_of(leak.table)}' (format parquet)")
    return staged


def outcomes_of_rules(staged: Path, changed: str) -> list[RuleOutcome]:
    """What the rules that read a changed table say, by their own SQL, as the gate has it of Great Expectations."""
    outcomes = []
    with duckdb.connect(config=ONE_CORE) as connection:
        rules = [rule for suite in SUITES.values() for rule in suite if changed in rule.tables]
        for table in {table for rule in rules for table in rule.tables}:
            connection.execute(f"create table {table} as from '{staged / file_of(table)}'")
        for rule in sorted(rules, key=lambda rule: rule.name != COLUMNS_RULE):
            if connection.execute(f"{rule.violations_in(rule.table)} limit 1").fetchone() is None:
                outcomes.append(outcome_of(rule, "passed", violations=0))
                continue
            violations, examples = violations_of(rule, connection)
            outcomes.append(outcome_of(rule, "failed", violations=violations, examples=examples))
            if rule.name == COLUMNS_RULE:
                break  # no row of a table with other columns is judged
    return outcomes


def outcomes_of(staged: Path, changed: str, source: SourceSlice, kept: Path) -> list[RuleOutcome]:
    """What the gate says of a folder one table of which was changed. The others are as clean as they were.

    The auditor finds the records of the clean extracts, as it would after an earlier release: they must hide nothing.
    """
    if changed not in CONTRACTS:
        return list(judge(staged, suites={}).outcomes)
    outcomes = outcomes_of_rules(staged, changed)
    if outcomes[0].result == "passed":
        unchanged: Mapping[str, str] = {table: "it was not changed" for table in CONTRACTS if table != changed}
        audited = OneCoreAuditor(source.warehouse, own_copy(kept, staged.parent)).outcomes(staged, unchanged)
        outcomes += [outcome for outcome in audited if outcome.result != "not_judged"]
    return outcomes


def own_copy(kept: Path, folder: Path) -> Path:
    """Kept audits that may be written over without a change to others."""
    (folder / "audits").mkdir()
    for record in kept.iterdir():
        os.link(record, folder / "audits" / record.name)
    return folder / "audits"


def broken(outcomes: list[RuleOutcome]) -> set[str]:
    """The names of the rules that were judged and not kept."""
    return {outcome.rule for outcome in outcomes if outcome.result == "failed"}


@pytest.fixture(scope="module")
def said_of(
    request: pytest.FixtureRequest, source: SourceSlice, kept: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Leak], list[RuleOutcome]]]:
    """What the gate says of each change that the tests to run ask about; two changes are judged at a time."""
    folder = tmp_path_factory.mktemp("planted")

    def judged(leak: Leak) -> list[RuleOutcome]:
        (folder / leak.name).mkdir()
        return outcomes_of(plant(leak, source, folder / leak.name), leak.table, source, kept)

    parameters = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    with ThreadPoolExecutor(max_workers=2) as judges:
        asked = {given["leak"]: judges.submit(judged, given["leak"]) for given in parameters if "leak" in given}
        yield lambda leak: asked[leak].result()
        judges.shutdown(cancel_futures=True)


def test_clean_extracts_break_no_rule(source: SourceSlice) -> None:
    outcomes = [outcome for table in CONTRACTS for outcome in outcomes_of_rules(source.staged, table)]
    outcomes += Auditor(source.warehouse).outcomes(source.staged, {})
    assert {outcome.result for outcome in outcomes} == {"passed"}, broken(outcomes)
    assert {outcome.table for outcome in outcomes if outcome.rule == ADDS_NOTHING} == set(EXTRACT_GRAINS)
    assert {outcome.table for outcome in outcomes if outcome.rule == SAME_ROWS} == set(COMPARED)


@pytest.mark.parametrize("leak", LEAKS, ids=lambda leak: leak.name)
def test_a_planted_leak_is_named(
    leak: Leak, said_of: Callable[[Leak], list[RuleOutcome]], organisation_codes: frozenset[str]
) -> None:
    outcomes = said_of(leak)
    assert broken(outcomes) >= set(leak.rules), f"{leak.why}: {sorted(broken(outcomes))}"
    assert {outcome.result for outcome in outcomes} <= {"passed", "failed"}
    for outcome in outcomes:
        if outcome.rule == ADDS_NOTHING:
            assert outcome.examples == ()
            assert not [code for code in organisation_codes if code in outcome.message]


@pytest.mark.parametrize("leak", HARMLESS, ids=lambda leak: leak.name)
def test_a_change_that_gives_nothing_away_breaks_no_rule(
    leak: Leak, said_of: Callable[[Leak], list[RuleOutcome]]
) -> None:
    assert {outcome.result for outcome in said_of(leak)} <= {"passed", "failed"}
    assert broken(said_of(leak)) == set(leak.rules)


@pytest.mark.parametrize("leak", TELL_TALES, ids=lambda leak: leak.name)
def test_no_outcome_repeats_the_figure_it_is_about(leak: Leak, said_of: Callable[[Leak], list[RuleOutcome]]) -> None:
    verdict = Verdict.of({}, said_of(leak))
    assert not verdict.passed
    assert broken(said_of(leak)) >= set(leak.rules)
    for text in (verdict.describe_failures(), verdict.to_json(), repr(verdict)):
        for form in (str(TELL_TALE), f"{TELL_TALE:,}", f"{TELL_TALE:e}"[:6]):
            assert form not in text


def test_every_rule_of_the_audit_names_a_leak() -> None:
    """A check that cannot fail is a defect."""
    named = {rule for leak in LEAKS for rule in leak.rules}
    assert named >= {ADDS_NOTHING, SAME_ROWS, *(rule.name for rule in TRACE_RULES)}
    assert all(leak.rules for leak in LEAKS)
    assert {leak.table for leak in LEAKS} > set(CONTRACTS)
    assert len({leak.name for leak in (*LEAKS, *HARMLESS, *TELL_TALES)}) == len((*LEAKS, *HARMLESS, *TELL_TALES))


WHOLE_GATE = [
    leak for leak in LEAKS if leak.name in ("unblanked_count", "figures_of_two_ccgs_swapped", "number_in_a_former_name")
]


@pytest.mark.parametrize("planted", WHOLE_GATE, ids=lambda leak: leak.name)
def test_nothing_is_published_of_extracts_with_a_leak(planted: Leak, source: SourceSlice, tmp_path: Path) -> None:
    staged = plant(planted, source, tmp_path)
    verdict = judge(staged, auditor=Auditor(source.warehouse))
    assert broken(list(verdict.outcomes)) >= set(planted.rules)
    with pytest.raises(NotPublishable) as refused:
        publish(
            staged,
            verdict,
            tmp_path / "data_docs",
            tmp_path / "releases",
            tmp_path / "latest",
            Description("synthetic", "recipe", [], load_policy()),
            date(2026, 1, 1),
        )
    for rule in planted.rules:
        assert f"FAILED {rule} in {file_of(planted.table)}" in str(refused.value)
    assert str(refused.value).endswith(verdict.describe_failures())
    assert not (tmp_path / "latest").exists()
    assert not (tmp_path / "releases").exists()
