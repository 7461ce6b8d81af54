"""The rules of the marts in DuckDB alone: sound marts keep every rule, and a mutant breaks its own."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from expectations.rules import Rule
from expectations.suites.marts import SCHEMA, SUITES
from iapt.contract import EXTRACT_GRAINS, FACT_GRAINS, KEYS, MARTS
from tests.case_files import Mutant, load_mutants
from tests.factories.staged_release import build_tables

RULES = {(rule.table, rule.name): rule for of_table in SUITES.values() for rule in of_table}
MUTANTS = load_mutants("mart_mutants.yml")
EXTRACT_OF = {
    fact: extract
    for (fact, grain) in FACT_GRAINS.items()
    for extract in EXTRACT_GRAINS
    if EXTRACT_GRAINS[extract] == grain
}

#: A fact is as published: of England exact counts, small ones too; of others what the staged release holds already.
FACT = """
create table marts.{fact} as
select
    * exclude (value_marker, is_derived, lower_bound, upper_bound, suppressed_parts, drop_sha256),
    cast(null as varchar) as parent_code,
    cast(null as varchar) as parent_name,
    true as is_reviewed,
    case value_status when 'published' then cast(value as varchar) when 'suppressed' then '*' end as value_as_published,
    'monthly' as series,
    drop_sha256,
    case when drop_sha256 is not null then 'a.csv' end as source_member,
    case when drop_sha256 is not null then row_number() over () end as source_row,
    case when drop_sha256 is not null then 'VALUE' end as source_column
from {extract}
where not is_derived;
create or replace table marts.{fact} as select {columns} from marts.{fact};
insert into marts.{fact} by name
select
    * replace (
        'published' as value_status, 3 as value, '3' as value_as_published,
        'count_new' as measure, 'M999' as measure_id, false as is_reviewed
    )
from marts.{fact} where org_level = 'england' and measure = 'count_recovery' and value_status = 'published';
insert into marts.{fact} by name
select
    * replace (
        'published' as value_status, 33 as value, '3.3' as value_as_published, 'count_corrected' as measure,
        'M998' as measure_id, false as is_reviewed, 'corrected' as source_column
    )
from marts.{fact} where org_level = 'england' and measure = 'count_recovery' and value_status = 'published';
insert into intermediate.int_corrected_cells
select drop_sha256, source_member, source_row, source_column, 'replace', true
from marts.{fact} where source_column = 'corrected';
insert into marts.{fact} by name
select
    * replace (
        'not_applicable' as value_status, null as value, 'NULL' as value_as_published,
        'count_new' as measure, 'M999' as measure_id, false as is_reviewed
    )
from marts.{fact} where org_level = 'provider' and measure = 'count_recovery' and value_status = 'suppressed';
"""


@pytest.fixture(scope="module")
def sound_marts() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        build_tables(connection)
        connection.execute(f"create schema {SCHEMA}; create schema landing; create schema intermediate")
        connection.execute(
            "create table intermediate.int_corrected_cells (drop_sha256 varchar, source_member varchar, "
            "source_row bigint, source_column varchar, action varchar, is_applied boolean)"
        )
        for table in MARTS.keys() - FACT_GRAINS.keys():
            connection.execute(f"create table {SCHEMA}.{table} as from {table}")
        for fact, extract in EXTRACT_OF.items():
            connection.execute(FACT.format(fact=fact, extract=extract, columns=", ".join(MARTS[fact])))
        drops = " union ".join(f"select drop_sha256 from {SCHEMA}.{fact}" for fact in FACT_GRAINS)
        connection.execute(
            f"create table landing.drops as select drop_sha256 as sha256 from ({drops}) where sha256 is not null"
        )
        connection.execute(f"use {SCHEMA}")
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
