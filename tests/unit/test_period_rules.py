"""Rules that are decided by period: asked of one period at a time, they find what they find in the whole table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pytest

from expectations.period_validation import Label, PeriodTable, PeriodValidator
from expectations.references import REFERENCES
from expectations.rules import Rule
from expectations.suites import SUITES
from expectations.suites.marts import SCHEMA
from expectations.suites.marts import SUITES as MART_SUITES
from iapt.contract import FACT_GRAINS, Grain, Layer
from iapt.release.parts import TABLES_IN_PARTS
from tests.case_files import Mutant, load_mutants
from tests.factories.small_marts import build_marts
from tests.factories.staged_release import build_tables

RULES = {(rule.table, rule.name): rule for rules in SUITES.values() for rule in rules}
MART_RULES = {(rule.table, rule.name): rule for rules in MART_SUITES.values() for rule in rules}
MUTANTS = [
    mutant for mutant in load_mutants("staged_mutants.yml") if RULES[mutant.table, mutant.rule].is_decided_by_period
]
#: What is asked of whole tables, of those that are staged in parts: the columns, the gaps with the periods beside them,
#: and the publications, which change from day to day.
OF_WHOLE_TABLES = {
    "columns_are_exactly_the_contract",
    "unpublished_periods_show_every_gap",
    "figures_are_of_publications_in_use",
}


def choose_one_of_each_rule(mutants: Sequence[Mutant]) -> list[Mutant]:
    """The first mutant of every rule of every table: other tests ask all of them."""
    return list({(mutant.table, mutant.rule): mutant for mutant in reversed(mutants)}.values())


@pytest.fixture(scope="module")
def sound_release() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as connection:
        build_tables(connection)
        yield connection


@pytest.fixture(scope="module")
def sound_marts() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as connection:
        build_marts(connection)
        yield connection


@pytest.fixture
def release(sound_release: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    yield from copy_tables(sound_release, "main")


@pytest.fixture
def marts(sound_marts: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    yield from copy_tables(sound_marts, SCHEMA)


def copy_tables(connection: duckdb.DuckDBPyConnection, schema: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """The tables to change at will, in a database beside that of a period, which is another."""
    connection.execute("attach ':memory:' as tables; copy from database memory to tables")
    connection.execute(f"use tables.{schema}")
    yield connection
    connection.execute(f"use memory.{schema}; detach tables")


def find_violations(connection: duckdb.DuckDBPyConnection, rule: Rule) -> list[tuple[object, ...]]:
    return connection.execute(rule.format_query(f"(select * from {rule.table}) as batch")).fetchall()


def find_violations_by_period(
    connection: duckdb.DuckDBPyConnection, layer: Layer, rule: Rule, schema: str, grains: dict[str, Grain]
) -> list[tuple[object, ...]]:
    """The violations of each period of a table alone, beside what the gate gives the rule of the other tables."""

    def count_rows(table: str) -> dict[Label, int]:
        query = f"select period, count(*) from tables.{schema}.{table} group by period"
        return dict(connection.execute(query).fetchall())

    grain = grains[rule.table]
    validator = PeriodValidator(
        layer=layer,
        suites={},
        tables={
            table: PeriodTable(table, grain, f"tables.{schema}.{table}", count_rows(table))
            for table, of_grain in grains.items()
            if of_grain == grain
        },
        references={name: f"tables.{name if '.' in name else f'{schema}.{name}'}" for name in REFERENCES[layer]},
        folder=Path(),
    )
    violations = []
    for number, period in enumerate(validator.tables[rule.table].rows):
        catalogue = f"period_{number}"
        connection.execute(f"attach ':memory:' as {catalogue}; use {catalogue}")
        validator.create_tables(connection, [(grain, period)])
        violations += find_violations(connection, rule)
        connection.execute(f"use tables.{schema}; detach {catalogue}")
    return violations


def to_sorted(rows: list[tuple[object, ...]]) -> list[str]:
    return sorted(map(repr, rows))


@pytest.mark.parametrize("mutant", choose_one_of_each_rule(MUTANTS), ids=lambda mutant: mutant.id)
def test_what_a_rule_finds_by_period_is_what_it_finds_in_the_whole(
    release: duckdb.DuckDBPyConnection, mutant: Mutant
) -> None:
    release.execute(mutant.sql)
    rule = RULES[mutant.table, mutant.rule]
    violations = find_violations(release, rule)
    assert violations
    by_period = find_violations_by_period(release, "release", rule, "main", dict(TABLES_IN_PARTS))
    assert to_sorted(by_period) == to_sorted(violations)


@pytest.mark.parametrize(
    "mutant", choose_one_of_each_rule(load_mutants("mart_mutants.yml")), ids=lambda mutant: mutant.id
)
def test_what_a_rule_finds_by_period_is_what_it_finds_in_the_whole_mart(
    marts: duckdb.DuckDBPyConnection, mutant: Mutant
) -> None:
    marts.execute(mutant.sql)
    rule = MART_RULES[mutant.table, mutant.rule]
    violations = find_violations(marts, rule)
    assert violations
    assert to_sorted(find_violations_by_period(marts, "marts", rule, SCHEMA, dict(FACT_GRAINS))) == to_sorted(
        violations
    )


def test_the_rules_that_are_asked_of_whole_tables_are_few_and_named() -> None:
    of_whole_tables = {
        rule.name for table in TABLES_IN_PARTS for rule in SUITES[table] if not rule.is_decided_by_period
    }
    assert of_whole_tables == OF_WHOLE_TABLES
    assert all(rule.is_decided_by_period for rules in MART_SUITES.values() for rule in rules)
    assert not [
        rule
        for table, rules in SUITES.items()
        if table not in TABLES_IN_PARTS
        for rule in rules
        if rule.is_decided_by_period
    ]


def test_a_rule_that_does_not_say_so_is_asked_of_the_whole_table() -> None:
    rule = Rule(
        name="a_rule", table="dim_measure", description="A rule. Source: a test.", query="select measure from {batch}"
    )
    assert not rule.is_decided_by_period


def test_a_gap_cannot_be_decided_by_period(release: duckdb.DuckDBPyConnection) -> None:
    """The rule that no other test here is about: by period it would find nothing, since it reads the neighbours."""
    rule = RULES["extract_quarterly", "unpublished_periods_show_every_gap"]
    release.execute("delete from extract_quarterly where period = '2020-21 Q2' and org_level = 'icb'")
    assert find_violations(release, rule)
    with pytest.raises(duckdb.BinderException):
        find_violations_by_period(release, "release", rule, "main", dict(TABLES_IN_PARTS))
