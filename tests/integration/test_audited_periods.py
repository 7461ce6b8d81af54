"""Periods whose rows are known on both sides are not reconciled or compared again; where either changed, they are."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb
import pytest

from iapt.checked_periods import PeriodMemory
from iapt.contract import CURRENT_BOUNDARIES, EXTRACT_GRAINS, TABLES, parquet_name
from iapt.disclosure import auditor as auditor_module
from iapt.disclosure import source_reconciliation
from iapt.disclosure.auditor import Auditor
from iapt.disclosure.model import Rounding
from iapt.validation import RuleOutcome
from tests.factories.source_slice import SourceSlice, write_source_slice
from tests.integration.conftest import BuiltHome

CHANGED = "extract_annual"
LATEST_YEAR = "2024-25"
#: What a hidden count of the latest year is shown as.
LEAK = f"""
    update rows set value = 5, value_status = 'published', value_marker = null
    where rowid = (
        select min(rowid) from rows
        where period = '{LATEST_YEAR}' and statistic = 'count' and value_status = 'suppressed'
    )
"""


@pytest.fixture(scope="module")
def sound(released_home: BuiltHome, tmp_path_factory: pytest.TempPathFactory) -> SourceSlice:
    """A small source that says in which build each of its periods was made, with clean extracts."""
    source = write_source_slice(released_home.home, tmp_path_factory.mktemp("slice"))
    models = {TABLES[table].made_from for table in EXTRACT_GRAINS} | CURRENT_BOUNDARIES.keys()
    with duckdb.connect(str(source.warehouse)) as connection:
        connection.execute(
            "create schema landing; "
            "create table landing.period_builds (model varchar, period_grain varchar, period_start date, build varchar)"
        )
        for model in models:
            connection.execute(
                f"insert into landing.period_builds select distinct ?, ?, period_start, 'first' "
                f"from {TABLES[model].relation}",
                [model, TABLES[model].grain],
            )
    return source


@pytest.fixture(scope="module")
def audited(sound: SourceSlice, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is remembered once the clean extracts have passed."""
    folder = tmp_path_factory.mktemp("remembered")
    assert find_failed(audit(sound, folder)) == set()
    return folder


@pytest.fixture
def remembered(audited: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(audited, tmp_path / "remembered"))


@pytest.fixture
def source(sound: SourceSlice, tmp_path: Path) -> SourceSlice:
    """The source to change at will."""
    staged = shutil.copytree(sound.staged, tmp_path / "staged")
    return SourceSlice(Path(shutil.copyfile(sound.warehouse, tmp_path / sound.warehouse.name)), Path(staged))


@pytest.fixture
def reconciled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The extracts of which any period was reconciled, in a test."""
    asked: list[str] = []
    reconcile = source_reconciliation.reconcile_with_source

    def reconcile_and_note(
        connection: duckdb.DuckDBPyConnection, extract: str, facts: str, rounding: Rounding
    ) -> object:
        periods = connection.execute(f"select distinct period from {extract} order by 1").fetchall()
        asked.extend(period for (period,) in periods)
        return reconcile(connection, extract, facts, rounding)

    monkeypatch.setattr(auditor_module, "reconcile_with_source", reconcile_and_note)
    return asked


def audit(source: SourceSlice, folder: Path, basis: str = "a policy", **changed: str) -> list[RuleOutcome]:
    """The outcomes of the audit; `changed` are the sha256 of the tables whose last year is not the clean one."""
    auditor = Auditor(source.warehouse, folder / "audits", memory=PeriodMemory(folder / "checked", basis))
    parts = {
        table: {
            period: changed.get(table, "clean") if period == LATEST_YEAR else "clean"
            for period in list_periods(source.staged / parquet_name(table))
        }
        for table in (*EXTRACT_GRAINS, *CURRENT_BOUNDARIES)
    }
    return list(auditor.audit_folder(source.staged, {}, parts))


def list_periods(file: Path) -> list[str]:
    with duckdb.connect() as connection:
        return [period for (period,) in connection.execute(f"select distinct period from '{file}'").fetchall()]


def change(file: Path, sql: str) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"create table rows as from '{file}'; {sql}; copy rows to '{file}' (format parquet)")


def find_failed(outcomes: list[RuleOutcome]) -> set[str]:
    return {outcome.rule for outcome in outcomes if outcome.result != "passed"}


def test_what_is_known_on_both_sides_is_reconciled_once(
    source: SourceSlice, remembered: Path, reconciled: list[str]
) -> None:
    assert find_failed(audit(source, remembered)) == set()
    assert reconciled == []


def test_a_leak_in_one_period_is_found_after_all_was_remembered(
    source: SourceSlice, remembered: Path, reconciled: list[str]
) -> None:
    change(source.staged / parquet_name(CHANGED), LEAK)
    for _ in range(2):  # what failed is not remembered
        outcomes = audit(source, remembered, **{CHANGED: "other bytes"})
        assert "no_value_hidden_in_source_is_shown" in find_failed(outcomes)
        assert "no_residual_disclosure" in find_failed(outcomes)
    assert set(reconciled) == {LATEST_YEAR}


def test_a_row_on_current_boundaries_that_the_warehouse_lacks_is_found(source: SourceSlice, remembered: Path) -> None:
    table = f"{CHANGED}_current_boundaries"
    change(source.staged / parquet_name(table), f"update rows set org_name = 'x' where period = '{LATEST_YEAR}'")
    outcomes = audit(source, remembered, **{table: "other bytes"})
    assert find_failed(outcomes) == {"rows_match_warehouse"}


def _with_another_policy(source: SourceSlice, remembered: Path) -> list[RuleOutcome]:
    return audit(source, remembered, basis="another policy")


def _with_other_builds(source: SourceSlice, remembered: Path) -> list[RuleOutcome]:
    with duckdb.connect(str(source.warehouse)) as connection:
        connection.execute("update landing.period_builds set build = 'second'")
    return audit(source, remembered)


def _with_builds_that_nobody_knows(source: SourceSlice, remembered: Path) -> list[RuleOutcome]:
    with duckdb.connect(str(source.warehouse)) as connection:
        connection.execute("delete from landing.period_builds")
    return audit(source, remembered)


def _with_other_parents(source: SourceSlice, remembered: Path) -> list[RuleOutcome]:
    with duckdb.connect(str(source.warehouse)) as connection:
        connection.execute("insert into seeds.organisation_parents by name select 'x' as org_code")
    return audit(source, remembered)


def _with_a_record_that_was_edited(source: SourceSlice, remembered: Path) -> list[RuleOutcome]:
    path = remembered / "checked" / "reconciliation.json"
    record = json.loads(path.read_text("utf-8"))
    record["periods"]["a period"] = next(iter(record["periods"].values()))
    path.write_text(json.dumps(record), encoding="utf-8")
    return audit(source, remembered)


Otherwise = Callable[[SourceSlice, Path], list[RuleOutcome]]


@pytest.mark.parametrize(
    "audit_otherwise",
    [
        _with_another_policy,
        _with_other_builds,
        _with_builds_that_nobody_knows,
        _with_other_parents,
        _with_a_record_that_was_edited,
    ],
)
def test_what_passed_under_something_else_is_reconciled_again(
    source: SourceSlice, remembered: Path, reconciled: list[str], audit_otherwise: Otherwise
) -> None:
    assert find_failed(audit_otherwise(source, remembered)) == set()
    everything: Mapping[str, list[str]] = {
        table: list_periods(source.staged / parquet_name(table)) for table in EXTRACT_GRAINS
    }
    assert set(reconciled) == {period for periods in everything.values() for period in periods}


def test_an_audit_whose_record_was_edited_is_made_again(source: SourceSlice, remembered: Path) -> None:
    """A leak whose audit found it must not be hidden by whoever edits the record."""
    change(source.staged / parquet_name(CHANGED), LEAK)
    audit(source, remembered, **{CHANGED: "other bytes"})
    path = remembered / "audits" / f"year-{LATEST_YEAR}.json"
    record = json.loads(path.read_text("utf-8"))
    assert record["residual_disclosures"]
    record["residual_disclosures"] = []
    path.write_text(json.dumps(record), encoding="utf-8")
    assert "no_residual_disclosure" in find_failed(audit(source, remembered, **{CHANGED: "other bytes"}))
