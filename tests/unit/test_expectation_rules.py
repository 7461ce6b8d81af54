"""The rules' own SQL, in DuckDB alone: a sound release keeps every rule, a mutant breaks its own."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from expectations.rules import SQL_FOLDER, Rule
from expectations.suites import SUITES
from expectations.suites.common_rules import COLUMNS_RULE
from iapt.contract import DERIVED, EXTRACT_GRAINS, KEYS
from tests.case_files import Mutant, load_mutants
from tests.factories.staged_release import build_tables

MUTANTS = load_mutants("staged_mutants.yml")
RULES = {(rule.table, rule.name): rule for rules in SUITES.values() for rule in rules}
#: As Great Expectations puts a batch: a subquery, with an alias or, where a query joins, without one.
BATCHES = ("(select * from {table} where true)", "(select * from {table} where true) as subselect")


def rule_id(rule: Rule) -> str:
    return f"{rule.table}-{rule.name}"


@pytest.fixture(scope="module")
def sound_release() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        build_tables(connection)
        yield connection


@pytest.fixture
def release(sound_release: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """The staged tables, to change at will: what a test does to them is undone."""
    sound_release.execute("begin")
    yield sound_release
    sound_release.execute("rollback")


def violations(connection: duckdb.DuckDBPyConnection, rule: Rule, batch: str = "{table}") -> list[tuple[object, ...]]:
    return connection.execute(rule.format_query(batch.format(table=rule.table))).fetchall()


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("rule", RULES.values(), ids=rule_id)
def test_a_sound_release_keeps_every_rule(sound_release: duckdb.DuckDBPyConnection, rule: Rule, batch: str) -> None:
    assert violations(sound_release, rule, batch) == []


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.id)
def test_a_mutant_breaks_its_rule(release: duckdb.DuckDBPyConnection, mutant: Mutant) -> None:
    release.execute(mutant.sql)
    assert violations(release, RULES[mutant.table, mutant.rule])


def test_no_rule_is_without_a_mutant() -> None:
    """A check that cannot fail is a defect."""
    assert {(mutant.table, mutant.rule) for mutant in MUTANTS} == RULES.keys()


@pytest.mark.parametrize("rule", RULES.values(), ids=rule_id)
def test_an_empty_extract_keeps_every_rule(release: duckdb.DuckDBPyConnection, rule: Rule) -> None:
    for table in (*EXTRACT_GRAINS, *DERIVED):
        release.execute(f"delete from {table}")
    release.execute("delete from dim_note where cell_status = 'released'")  # a note leaves with its figure
    assert violations(release, rule) == []


@pytest.mark.parametrize("rule", RULES.values(), ids=rule_id)
def test_a_rule_shows_keys_and_nothing_else(sound_release: duckdb.DuckDBPyConnection, rule: Rule) -> None:
    columns = sound_release.execute(f"describe {rule.format_query(rule.table)}").fetchall()
    names = tuple(column[0] for column in columns)
    if rule.name == COLUMNS_RULE:
        assert names == ("position", "expected_column", "expected_type", "found_column", "found_type")
    else:
        assert names == KEYS[rule.table]


@pytest.mark.parametrize("rule", RULES.values(), ids=rule_id)
def test_a_rule_says_where_it_comes_from(rule: Rule) -> None:
    assert "Source: " in rule.description


UNUSUAL_BUT_SOUND = {
    "nobody recovered": "set value = 0 where measure like 'percentage%' and value is not null",
    "everybody recovered": "set value = 100 where measure like 'percentage%' and value is not null",
    "a mean below zero, once published": "set value = -1.8 where measure = 'mean_wait' and value is not null",
    "a huge mean, too": "set value = 1357.6 where measure = 'mean_wait' and value is not null",
    "a total of three suppressed parts": (
        "set is_derived = true, suppressed_parts = 3, upper_bound = 12, drop_sha256 = null "
        "where measure = 'count_recovery' and value_status = 'suppressed'"
    ),
    "a total of one published part": (
        "set is_derived = true, suppressed_parts = 0, drop_sha256 = null "
        "where measure = 'count_referrals_received' and value_status = 'published' and not is_derived"
    ),
    "an organisation without data in a published period": (
        "set value = null, value_status = 'not_published', value_marker = '[x]', lower_bound = null, "
        "upper_bound = null, suppressed_parts = null where org_level = 'provider' and drop_sha256 is not null"
    ),
    "more hidden than need be": (
        "set value = null, value_status = 'suppressed', value_marker = '[c]' "
        "where measure = 'percentage_treated' and value is not null"
    ),
}


@pytest.mark.parametrize("change", UNUSUAL_BUT_SOUND.values(), ids=UNUSUAL_BUT_SOUND.keys())
@pytest.mark.parametrize("table", EXTRACT_GRAINS)
def test_what_is_unusual_but_sound_is_let_through(release: duckdb.DuckDBPyConnection, table: str, change: str) -> None:
    release.execute(f"update {table} {change}")
    assert {rule.name for rule in SUITES[table] if violations(release, rule)} == set()


@pytest.mark.parametrize("table", EXTRACT_GRAINS)
def test_a_percentage_whose_numerator_has_no_row_is_let_through(release: duckdb.DuckDBPyConnection, table: str) -> None:
    """Some rates are published without their counts."""
    release.execute(f"delete from {table} where measure = 'count_recovery'")
    assert {rule.name for rule in SUITES[table] if violations(release, rule)} == set()


def test_a_total_built_here_may_be_of_an_organisation_in_no_drop(release: duckdb.DuckDBPyConnection) -> None:
    """Monthly drops alone hold sub-ICB locations, and no ICB whose total is built of them."""
    release.execute("update dim_organisation set is_in_drops = false where org_level = 'icb'")
    rule = RULES["extract_monthly", "organisations_are_in_dim_organisation"]
    assert violations(release, rule)
    release.execute("update extract_monthly set is_derived = true where org_level = 'icb'")
    assert not violations(release, rule)
    release.execute("delete from dim_organisation where org_level = 'icb'")
    assert violations(release, rule)


def test_of_two_gaps_in_a_row_neither_is_asked_for_the_other(release: duckdb.DuckDBPyConnection) -> None:
    """Each gap repeats what the known period beside it has; the gap beside it has nothing to repeat."""
    release.execute("update dim_period set publication_status = 'not_published' where period = '2020-21 Q1'")
    release.execute("delete from extract_quarterly where period = '2020-21 Q1'")
    release.execute("delete from extract_quarterly where period = '2020-21 Q3' and org_level = 'icb'")
    assert not violations(release, RULES["extract_quarterly", "unpublished_periods_show_every_gap"])


def test_a_calendar_may_name_periods_beyond_its_ends(release: duckdb.DuckDBPyConnection) -> None:
    release.execute("update dim_period set next_period = '2020-21' where period = '2019-20'")
    release.execute("update dim_period set next_period = '2021-22' where period = '2020-21'")
    assert not violations(release, RULES["dim_period", "neighbours_agree_with_the_calendar"])


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "Counts Are Rounded"},
        {"table": "fct_monthly"},
        {"query": "select period from extract_monthly"},
        {"query": "select period::date from {batch}"},
        {"description": "Counts are rounded"},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_a_rule_that_could_not_run_or_be_understood_is_refused(fields: dict[str, str]) -> None:
    sound: dict[str, Any] = {
        "name": "counts_are_rounded",
        "table": "extract_monthly",
        "description": "Counts are rounded.",
        "query": "select period from {batch}",
    }
    Rule(**sound)
    changed: dict[str, Any] = sound | fields
    with pytest.raises(ValueError, match=r"counts_are_rounded|snake_case"):
        Rule(**changed)


def test_a_rule_knows_every_table_it_reads() -> None:
    rule = RULES["extract_annual", "percentages_are_suppressed_with_their_numerator"]
    assert rule.tables == {"extract_annual", "dim_measure"}


def test_rules_and_reports_load_without_great_expectations_or_dagster() -> None:
    program = (
        "import sys, expectations.release_validation, iapt.validation\n"
        "sys.exit(bool({'great_expectations', 'dagster', 'orchestration'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_every_file_of_sql_is_loaded() -> None:
    """Each is loaded by name; one that nothing loads would be linted and never run."""
    suites = "".join(path.read_text("utf-8") for path in SQL_FOLDER.parents[1].rglob("*.py"))
    names = [path.relative_to(SQL_FOLDER).with_suffix("").as_posix() for path in SQL_FOLDER.rglob("*.sql")]
    assert [name for name in names if f'"{name}"' not in suites] == []
    assert len(names) > 30
