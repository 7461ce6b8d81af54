"""The rules of the marts in DuckDB alone: sound marts keep every rule, and a mutant breaks its own."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from expectations.rules import Rule
from expectations.suites.marts import SCHEMA, SUITES
from iapt.contract import KEYS
from tests.case_files import Mutant, load_mutants
from tests.factories.small_marts import build_marts

RULES = {(rule.table, rule.name): rule for of_table in SUITES.values() for rule in of_table}
MUTANTS = load_mutants("mart_mutants.yml")


@pytest.fixture(scope="module")
def sound_marts() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        build_marts(connection)
        yield connection


@pytest.fixture
def marts(sound_marts: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """The marts, to change at will: what a test does to them is undone."""
    sound_marts.execute("begin")
    yield sound_marts
    sound_marts.execute("rollback")


def violations(connection: duckdb.DuckDBPyConnection, rule: Rule) -> list[tuple[object, ...]]:
    batch = f"(select * from {SCHEMA}.{rule.table} where true) as subselect"
    return connection.execute(rule.format_query(batch)).fetchall()


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: f"{rule.table}-{rule.name}")
def test_sound_marts_keep_every_rule(sound_marts: duckdb.DuckDBPyConnection, rule: Rule) -> None:
    assert violations(sound_marts, rule) == []


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.id)
def test_a_mutant_breaks_its_rule(marts: duckdb.DuckDBPyConnection, mutant: Mutant) -> None:
    marts.execute(mutant.sql)
    assert violations(marts, RULES[mutant.table, mutant.rule])


def test_no_rule_is_without_a_mutant() -> None:
    """A check that cannot fail is a defect."""
    assert {(mutant.table, mutant.rule) for mutant in MUTANTS} == RULES.keys()


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: f"{rule.table}-{rule.name}")
def test_a_rule_shows_keys_and_nothing_else(sound_marts: duckdb.DuckDBPyConnection, rule: Rule) -> None:
    columns = sound_marts.execute(f"describe {rule.format_query(rule.table)}").fetchall()
    assert tuple(column[0] for column in columns) == KEYS[rule.table]


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: f"{rule.table}-{rule.name}")
def test_a_rule_says_where_it_comes_from(rule: Rule) -> None:
    assert "Source: " in rule.description


def test_annual_cells_that_do_not_apply_are_not_read(marts: duckdb.DuckDBPyConnection) -> None:
    """They are read from the observations when asked for, millions of them: a rule that asks would stumble here."""
    marts.execute(
        """
        alter table fct_annual rename to figures;
        create view fct_annual as
        from figures where value_status <> 'not_applicable'
        union all by name
        select * replace ('not_applicable' as value_status)
        from figures where value_status = 'not_applicable' and cast(error('they were read') as boolean)
        """
    )
    for rule in SUITES["fct_annual"]:
        assert violations(marts, rule) == [], rule.name
    with pytest.raises(duckdb.Error, match="they were read"):
        marts.execute("select count(*) from fct_annual where org_level = 'provider'").fetchall()
