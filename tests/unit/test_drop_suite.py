"""The rules of the drops in DuckDB alone: sound drops keep every rule, and a change breaks its own, in its drop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pytest

from expectations import observations
from expectations.rules import Rule
from expectations.suites.drops import SUITES
from iapt.contract import KEYS
from tests.case_files import Mutant, load_mutants, load_snippets
from tests.factories import observations as rows
from tests.factories.seeds import SEEDS

RULES = {rule.name: rule for of_table in SUITES.values() for rule in of_table}
MUTANTS = load_mutants("drop_mutants.yml")
SNIPPETS = load_snippets("drop_mutants.yml")
AT_PROVIDER, AT_PAIR = SNIPPETS["at_provider"], SNIPPETS["at_pair"]


@pytest.fixture(scope="module")
def sound_rows() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        rows.create_rows(connection)
        yield connection


@pytest.fixture
def changed(sound_rows: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """The rows of the drops, to change at will: what a test does to them is undone."""
    sound_rows.execute("begin")
    yield sound_rows
    sound_rows.execute("rollback")


def load_drops(
    connection: duckdb.DuckDBPyConnection, folder: Path, drops: Sequence[str] = rows.DROPS
) -> duckdb.DuckDBPyConnection:
    files = rows.write_observations(connection, folder / "observations", drops)
    database = duckdb.connect()
    observations.load(database, files, SEEDS)
    return database


@pytest.fixture(scope="module")
def sound(
    sound_rows: duckdb.DuckDBPyConnection, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    with load_drops(sound_rows, tmp_path_factory.mktemp("sound")) as connection:
        yield connection


def broken_by(connection: duckdb.DuckDBPyConnection, rule: Rule) -> set[int]:
    """The numbers of the drops whose rows break a rule, asked as Great Expectations asks."""
    query = rule.format_query(f"(select * from {rule.table} where true) as subselect")
    return {number for (number, _) in connection.execute(query).fetchall()}


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.name)
def test_sound_drops_keep_every_rule(sound: duckdb.DuckDBPyConnection, rule: Rule) -> None:
    assert broken_by(sound, rule) == set()


@pytest.fixture(scope="module")
def broken_mutants(
    sound_rows: duckdb.DuckDBPyConnection, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, set[int]]:
    """What breaks each rule: every mutant is a drop of its own, validated together with the sound ones after them."""
    files = []
    for mutant in MUTANTS:
        sound_rows.execute(f"begin; {mutant.sql}")
        files += rows.write_observations(sound_rows, tmp_path_factory.mktemp("mutant"), [mutant.table])
        sound_rows.execute("rollback")
    files += rows.write_observations(sound_rows, tmp_path_factory.mktemp("sound"))
    with duckdb.connect() as connection:
        observations.load(connection, files, SEEDS)
        return {name: broken_by(connection, rule) for name, rule in RULES.items()}


@pytest.mark.parametrize(("number", "mutant"), list(enumerate(MUTANTS)), ids=lambda each: getattr(each, "id", ""))
def test_a_mutant_breaks_its_rule(broken_mutants: dict[str, set[int]], number: int, mutant: Mutant) -> None:
    assert number in broken_mutants[mutant.rule]


def test_sound_drops_are_not_blamed_for_those_validated_with_them(broken_mutants: dict[str, set[int]]) -> None:
    changed = set(range(len(MUTANTS)))
    assert {name: broken - changed for name, broken in broken_mutants.items() if broken - changed} == {}


def test_no_rule_is_without_a_mutant() -> None:
    """A check that cannot fail is a defect."""
    assert {mutant.rule for mutant in MUTANTS} == RULES.keys()


def test_names_of_rules_are_unique() -> None:
    """A kept validation names what failed by the rule alone."""
    assert len(RULES) == sum(len(of_table) for of_table in SUITES.values())


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.name)
def test_a_rule_shows_keys_and_nothing_else(sound: duckdb.DuckDBPyConnection, rule: Rule) -> None:
    columns = sound.execute(f"describe {rule.format_query(rule.table)}").fetchall()
    assert tuple(column[0] for column in columns) == KEYS[rule.table]


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.name)
def test_a_rule_says_where_it_comes_from(rule: Rule) -> None:
    assert "Source: " in rule.description


def test_every_figure_is_checked_once_and_what_does_not_apply_is_not(sound: duckdb.DuckDBPyConnection) -> None:
    expected = sum(row["value_status"] != "not_applicable" for row in rows.sound_rows())
    counts = "select count(*), count(distinct (drop_number, cell_number)) from observations"
    assert sound.execute(counts).fetchall() == [(expected, expected)]


UNUSUAL_BUT_SOUND = {
    "one provider under an old name, which the list gives to another": (
        f"update rows set org_code = 'RRPJ3', org_name = 'Barnet IAPT' where {AT_PROVIDER}"
    ),
    "nobody recovered reliably": (
        f"update rows set value = 0, value_as_published = '0' where {AT_PROVIDER} and measure_id = 'M206'"
    ),
    "a mean of zero": (
        f"update rows set value = 0, value_as_published = '0' where {AT_PROVIDER} and measure_id = 'M048'"
    ),
    "a rate of two hidden counts": (
        f"insert into rows select * replace ("
        f"'M080' as measure_id, 'Percentage_EndedOneOrMoreTreatment' as measure_name, 200 as source_row, "
        f"30 as value, '30' as value_as_published, 'published' as value_status) "
        f"from rows where {AT_PAIR} and measure_id = 'M191'; "
        f"update rows set value = null, value_as_published = '*', value_status = 'suppressed' "
        f"where {AT_PAIR} and measure_id in ('M076')"
    ),
    "a rate without its counts": f"delete from rows where {AT_PROVIDER} and measure_id in ('M076', 'M191', 'M193')",
    "an old name under its id": (
        f"update rows set measure_name = 'Count_FirstTreatment' where {AT_PROVIDER} and measure_id = 'M031'"
    ),
    "another name of the provider in a repeated row": (
        f"insert into rows "
        f"select * replace (300 as source_row, source_row as duplicate_of_row, 'New name' as org_name) "
        f"from rows where {AT_PROVIDER}"
    ),
}


@pytest.mark.parametrize("change", UNUSUAL_BUT_SOUND.values(), ids=UNUSUAL_BUT_SOUND.keys())
def test_what_is_unusual_but_sound_is_let_through(
    changed: duckdb.DuckDBPyConnection, tmp_path: Path, change: str
) -> None:
    changed.execute(change)
    with load_drops(changed, tmp_path, ["monthly.csv"]) as connection:
        assert {name for name, rule in RULES.items() if broken_by(connection, rule)} == set()


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ("measure_id = null, measure_name = 'Count_Anything'", "count"),
        ("measure_id = 'X1', measure_name = 'percentage of something'", "percentage"),
        ("measure_id = 'X1', measure_name = 'Max_Days'", "maximum"),
        ("measure_id = 'M001', measure_name = 'Percentage_Misnamed'", "count"),
        ("measure_id = null, measure_name = 'Recovery rate', series = 'timeseries'", "percentage"),
        ("measure_id = null, measure_name = 'Valid_suppressed', series = 'data_quality'", "count"),
    ],
)
def test_the_kind_of_a_measure_is_that_of_its_id_or_alias_or_else_of_its_name(
    changed: duckdb.DuckDBPyConnection, tmp_path: Path, change: str, kind: str
) -> None:
    changed.execute(f"delete from rows where not ({SNIPPETS['a_count']})")
    changed.execute(f"update rows set {change}")
    with load_drops(changed, tmp_path, ["monthly.csv"]) as connection:
        assert connection.execute("select distinct statistic from observations").fetchall() == [(kind,)]
