"""The keys, required columns and vocabularies of the facts: what breaks one fails a dbt test that a refresh runs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping

import duckdb
import pytest

from iapt.contract import FACT_GRAINS
from tests.case_files import Mutant, load_mutants
from tests.integration.conftest import BuiltHome

MUTANTS = load_mutants("fact_structure_mutants.yml")


def get_prefix(mutant: Mutant) -> str:
    """How the name of the dbt test begins that a mutant fails: `accepted_values_fct_monthly_org_level`."""
    kind, _, column = mutant.rule.partition(" ")
    return f"{kind}_{mutant.table}_{column}"


@pytest.fixture(scope="module")
def tests_of_facts(released_home: BuiltHome) -> Mapping[str, str]:
    """The SQL of every generic test of a fact that the refresh ran, by the name of the test."""
    results = json.loads((released_home.home.root / "dbt_target" / "run_results.json").read_text("utf-8"))["results"]
    tests = {record["unique_id"].split(".")[2]: record["compiled_code"] for record in results}
    return {name: sql for name, sql in tests.items() if any(f"_{fact}_" in name for fact in FACT_GRAINS)}


@pytest.fixture(scope="module")
def warehouse(
    released_home: BuiltHome, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The built warehouse under its own name, which the tests know it by."""
    copy = tmp_path_factory.mktemp("warehouse") / released_home.home.warehouse.name
    shutil.copyfile(released_home.home.warehouse, copy)
    with duckdb.connect(copy) as connection:
        yield connection


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.id)
def test_a_mutant_fails_its_dbt_test(
    warehouse: duckdb.DuckDBPyConnection, tests_of_facts: Mapping[str, str], mutant: Mutant
) -> None:
    warehouse.execute("begin")
    try:
        warehouse.execute(mutant.sql)
        failed = [name for name, sql in tests_of_facts.items() if warehouse.execute(sql).fetchone()]
    except duckdb.ConstraintException:
        assert "= null" in mutant.sql, "the engine refuses an empty column that the contract calls never empty"
        return
    finally:
        warehouse.execute("rollback")
    assert [name for name in failed if name.startswith(get_prefix(mutant))]
    assert not [name for name in failed if f"_{mutant.table}_" not in name]


def test_no_dbt_test_of_a_fact_is_without_a_mutant(tests_of_facts: Mapping[str, str]) -> None:
    prefixes = {get_prefix(mutant) for mutant in MUTANTS}
    assert [name for name in tests_of_facts if not any(map(name.startswith, prefixes))] == []
    assert [prefix for prefix in prefixes if not any(name.startswith(prefix) for name in tests_of_facts)] == []
