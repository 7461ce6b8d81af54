"""The rules of the marts in DuckDB alone: sound marts keep every rule, and a mutant breaks its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import pytest

from expectations.rules import Rule
from expectations.suites import SUITES as RELEASE_SUITES
from expectations.suites.common_rules import COLUMNS_RULE
from expectations.suites.marts import SCHEMA, SUITES
from iapt.contract import EXTRACT_GRAINS, FACT_GRAINS, KEYS, MARTS
from tests.factories.staged_release import create_tables

RULES = {(rule.table, rule.name): rule for of_table in SUITES.values() for rule in of_table}
FACT_RULES = {key: rule for key, rule in RULES.items() if key[0] in FACT_GRAINS}
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
        create_tables(connection)
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


@dataclass(frozen=True)
class Mutant:
    """A change to a fact that one of its rules must refuse."""

    rule: str
    table: str
    sql: str

    @property
    def id(self) -> str:
        """What the tests call it."""
        return f"{self.table}-{self.rule}"


def _set(change: str, where: str) -> str:
    return f"update {{table}} set {change} where {where}"


PUBLISHED = "value_status = 'published'"
COUNT = "measure = 'count_referrals_received' and value_status = 'published' and variable_type = 'Total'"
A_COUNT = f"{COUNT} and org_level = 'region'"
ENGLANDS_COUNT = f"{COUNT} and org_level = 'england'"
RATE = "measure = 'percentage_recovery' and variable_type = 'Total'"
A_RATE = f"{RATE} and org_level = 'region' and value_status = 'published'"
ENGLANDS_RATE = f"{RATE} and org_level = 'england' and value_status = 'published'"
A_HIDDEN_RATE = f"{RATE} and org_level = 'provider' and value_status = 'suppressed'"
A_MEAN = "measure = 'mean_wait' and org_level = 'region' and value_status = 'published'"
A_MEDIAN = "measure = 'median_wait' and org_level = 'region' and value_status = 'published'"
A_PAIR = "org_level = 'sub_icb_provider'"
A_GROUP = "variable_type <> 'Total'"

#: rule -> changes to a fact
CHANGES: dict[str, tuple[str, ...]] = {
    "columns_are_exactly_the_contract": (
        "alter table {table} add column note varchar",
        "alter table {table} drop column source_column",
        "alter table {table} alter column value type decimal(18, 3)",
    ),
    "keys_are_unique": (
        f"insert into {{table}} from {{table}} where {A_COUNT}",
        f"insert into {{table}} select * replace ('Another name' as org_name) from {{table}} where {A_COUNT}",
    ),
    "required_columns_are_filled": tuple(
        _set(f"{column} = null", A_COUNT)
        for column in ("period", "period_end", "org_code", "variable_type", "measure", "statistic", "is_reviewed")
    ),
    "organisation_level_is_known": (_set("org_level = 'ward'", A_COUNT),),
    "statistic_is_known": (_set("statistic = 'ratio'", A_COUNT),),
    "reviewed_measures_stand_in_dim_measure": (
        _set("measure = 'count_nobody_knows'", A_COUNT),
        _set("is_reviewed = false", A_COUNT),
        _set("is_reviewed = true", "measure = 'count_new'"),
        _set("statistic = 'mean'", A_COUNT),
        "delete from dim_measure where measure = 'count_recovery'",
    ),
    "partners_stand_on_pairs_only": (
        _set("partner_code = null", A_PAIR),
        _set("partner_code = 'RZ90'", A_COUNT),
    ),
    "only_england_uses_its_code": (
        _set("org_code = 'E92000001'", A_COUNT),
        _set("org_code = 'Y90'", ENGLANDS_COUNT),
        _set("partner_code = 'E92000001'", A_PAIR),
    ),
    "organisations_stand_in_dim_organisation": (
        _set("org_code = 'Y91'", A_COUNT),
        _set("partner_code = 'RZ91'", A_PAIR),
        "delete from dim_organisation where org_level = 'sub_icb'",
    ),
    "totals_have_no_categories": (_set("variable_a = 'Total'", A_COUNT), _set("variable_b = 'x'", A_COUNT)),
    "breakdowns_name_their_category": (_set("variable_a = null", A_GROUP),),
    "periods_stand_in_dim_period": (
        _set("period = '1999-00'", A_COUNT),
        _set("period_end = period_end - 1", A_COUNT),
        _set("financial_year = '1999-00'", A_COUNT),
        "delete from dim_period where publication_status = 'published'",
    ),
    "unpublished_periods_hold_no_figures": (
        "update dim_period set publication_status = 'not_published' where publication_status = 'published'",
    ),
    "periods_without_data_have_no_rows": (
        "update dim_period set publication_status = 'not_loaded' where publication_status = 'published'",
        "update dim_period set publication_status = 'not_due' where publication_status = 'published'",
    ),
    "status_is_known": (_set("value_status = 'secret'", A_COUNT), _set("value_status = null", A_COUNT)),
    "published_figures_are_numbers": (_set("value = null", A_COUNT), _set("value = 'infinity'", A_COUNT)),
    "only_published_figures_have_a_value": (_set("value = 0", "value_status = 'suppressed'"),),
    "england_is_never_suppressed": (_set("value_status = 'suppressed', value = null", ENGLANDS_COUNT),),
    "counts_are_whole_and_not_negative": (_set("value = 1003.5", ENGLANDS_COUNT), _set("value = -5", A_COUNT)),
    "counts_below_england_are_at_least_five": (_set("value = 3", A_COUNT), _set("value = 0", A_COUNT)),
    "counts_below_england_are_multiples_of_five": (_set("value = value + 1", A_COUNT),),
    "percentages_lie_between_0_and_100": (_set("value = 101", A_RATE), _set("value = -0.1", ENGLANDS_RATE)),
    "percentages_below_england_are_whole": (_set("value = 50.5", A_RATE),),
    "percentages_of_england_have_one_decimal": (_set("value = 50.27", ENGLANDS_RATE),),
    "means_have_one_decimal": (_set("value = 20.55", A_MEAN),),
    "medians_are_whole_or_halves": (_set("value = 20.3", A_MEDIAN),),
    "means_and_medians_are_not_negative": (_set("value = -1.8", A_MEAN),),
    "extremes_and_sums_are_whole_and_not_negative": (_set("statistic = 'minimum', value = 1.5", A_COUNT),),
    "percentages_are_hidden_with_their_numerator": (
        _set("value_status = 'published', value = 40", A_HIDDEN_RATE),
        _set("value_status = 'suppressed', value = null", "measure = 'count_recovery' and org_level = 'region'"),
    ),
    "percentages_are_shown_with_their_numerator": (_set("value_status = 'suppressed', value = null", A_RATE),),
    "figures_name_their_line": (
        _set("drop_sha256 = null", A_COUNT),
        _set("drop_sha256 = sha256('of no drop')", A_COUNT),
        _set("source_row = null", A_COUNT),
        _set("source_column = null", A_HIDDEN_RATE),
    ),
    "values_are_as_published": (
        _set("value = value + 5", A_COUNT),
        _set("value_as_published = '*'", A_COUNT),
    ),
}
#: Those that only a stored cell that does not apply can break, and only a fact that stores such cells.
CHANGES_OF_STORED = {
    "only_published_figures_have_a_value": (_set("value = 5", "value_status = 'not_applicable'"),),
}
#: In the one grain with a period that was never published.
CHANGES_OF_GAPS = {
    "unpublished_periods_hold_no_figures": (
        _set("value = 0", "period = '2020-21 Q2'"),
        _set("value_status = 'suppressed'", "period = '2020-21 Q2'"),
    ),
}
MUTANTS = [
    Mutant(rule, table, sql.format(table=table))
    for table in FACT_GRAINS
    for changes in (
        CHANGES,
        CHANGES_OF_STORED if table != "fct_annual" else {},
        CHANGES_OF_GAPS if table == "fct_quarterly" else {},
    )
    for rule, of_rule in changes.items()
    for sql in of_rule
]


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: f"{rule.table}-{rule.name}")
def test_sound_marts_keep_every_rule(sound_marts: duckdb.DuckDBPyConnection, rule: Rule) -> None:
    assert violations(sound_marts, rule) == []


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.id)
def test_a_mutant_breaks_its_rule(marts: duckdb.DuckDBPyConnection, mutant: Mutant) -> None:
    marts.execute(mutant.sql)
    assert violations(marts, RULES[mutant.table, mutant.rule])


def test_no_rule_is_without_a_mutant() -> None:
    """A check that cannot fail is a defect. The rules of the dimensions are those of the release, tested there."""
    assert {(mutant.table, mutant.rule) for mutant in MUTANTS} == FACT_RULES.keys()
    for table in MARTS.keys() - FACT_GRAINS.keys():
        assert [rule.name for rule in SUITES[table]] == [rule.name for rule in RELEASE_SUITES[table]]


@pytest.mark.parametrize("rule", FACT_RULES.values(), ids=lambda rule: f"{rule.table}-{rule.name}")
def test_a_rule_shows_keys_and_nothing_else(sound_marts: duckdb.DuckDBPyConnection, rule: Rule) -> None:
    columns = sound_marts.execute(f"describe {rule.format_query(rule.table)}").fetchall()
    if rule.name != COLUMNS_RULE:
        assert tuple(column[0] for column in columns) == KEYS[rule.table]


@pytest.mark.parametrize("rule", FACT_RULES.values(), ids=lambda rule: f"{rule.table}-{rule.name}")
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
