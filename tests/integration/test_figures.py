"""The gates of the drops and of the marts, by Great Expectations, and a refresh that a bad figure stops."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from expectations import observations
from expectations.drop_validation import SUITES, DropToValidate, DropValidationCache, validate_drops
from expectations.mart_validation import validate_marts
from expectations.rules import Rule
from expectations.suites.marts import SUITES as MART_SUITES
from iapt.validation import RuleOutcome
from iapt.workspace import Workspace
from orchestration.refresh import refresh
from tests.case_files import CANARY_VALUE, load_snippets
from tests.factories import observations as rows
from tests.factories.seeds import SEEDS
from tests.integration.conftest import BuiltHome

A_COUNT = load_snippets("drop_mutants.yml")["a_count"]
UNROUNDED = "counts_below_england_are_multiples_of_five"
LIKELY = "waits_are_likely"


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], list[DropToValidate]]:
    """The small drops as they are read, after a change to their rows."""

    def write(change: str = "select 1") -> list[DropToValidate]:
        with duckdb.connect() as connection:
            rows.create_rows(connection)
            connection.execute(change)
            files = rows.write_observations(connection, tmp_path / "observations")
        return [DropToValidate(file.stem, drop, file, "read so") for drop, file in zip(rows.DROPS, files, strict=True)]

    return write


@pytest.fixture
def cache(tmp_path: Path) -> DropValidationCache:
    return DropValidationCache(tmp_path / "drop_validations")


def broken(outcomes: tuple[RuleOutcome, ...]) -> dict[tuple[str, str], str]:
    return {(outcome.file, outcome.rule): outcome.result for outcome in outcomes if outcome.result != "passed"}


# --- drops


def test_sound_drops_pass_every_rule_and_are_validated_once(
    written: Callable[[str], list[DropToValidate]], cache: DropValidationCache
) -> None:
    drops = written("select 1")
    first = validate_drops(drops, cache, SEEDS)
    assert first.report.passed, first.report.describe_failures()
    assert len(first.report.outcomes) == len(drops) * sum(map(len, SUITES.values()))
    assert first.validated_now == {drop.sha256 for drop in drops}
    again = validate_drops(drops, cache, SEEDS)
    assert again.validated_now == frozenset()
    assert again.report == first.report


def test_only_what_is_new_or_read_otherwise_is_validated(
    written: Callable[[str], list[DropToValidate]], cache: DropValidationCache
) -> None:
    *known, new = written("select 1")
    validate_drops(known, cache, SEEDS)
    assert validate_drops([*known, new], cache, SEEDS).validated_now == {new.sha256}
    read_otherwise = replace(known[0], reading="read otherwise")
    assert validate_drops([read_otherwise, *known[1:], new], cache, SEEDS).validated_now == {known[0].sha256}


def test_other_rules_or_reviewed_measures_judge_every_drop_again(
    written: Callable[[str], list[DropToValidate]], cache: DropValidationCache, tmp_path: Path
) -> None:
    drops = written("select 1")[:2]
    validate_drops(drops, cache, SEEDS)
    fewer = {**SUITES, "observations": SUITES["observations"][:-1]}
    assert len(validate_drops(drops, cache, SEEDS, suites=fewer).validated_now) == 2
    seeds = Path(shutil.copytree(SEEDS, tmp_path / "seeds"))
    with (seeds / "measure_aliases.csv").open("a", encoding="utf-8") as aliases:
        aliases.write("annual,Count_Another,count_recovery,2024-25,,\n")
    assert len(validate_drops(drops, cache, seeds, suites=fewer).validated_now) == 2


def test_a_broken_rule_is_told_of_its_drop_by_place_and_never_by_figure(
    written: Callable[[str], list[DropToValidate]], cache: DropValidationCache, capfd: pytest.CaptureFixture[str]
) -> None:
    result = validate_drops(
        written(f"update rows set value = {CANARY_VALUE}, value_as_published = '{CANARY_VALUE}' where {A_COUNT}"),
        cache,
        SEEDS,
    )
    label = f"monthly.csv ({rows.compute_sha256('monthly.csv')[:12]})"
    assert broken(result.report.outcomes) == {(label, UNROUNDED): "failed"}
    assert not result.report.passed
    [outcome] = [found for found in result.report.outcomes if found.result == "failed"]
    assert outcome.violations == 1
    [example] = outcome.examples
    with duckdb.connect() as connection:
        rows.create_rows(connection)
        [(row,)] = connection.execute(f"select source_row from rows where {A_COUNT}").fetchall()
    assert example == {
        "source_member": "monthly.csv",
        "source_row": str(row),
        "source_column": "MEASURE_VALUE_SUPPRESSED",
    }
    records = "".join(path.read_text("utf-8") for path in cache.folder.iterdir())
    output = capfd.readouterr()
    for text in (records, result.report.to_json(), result.report.describe_failures(), output.out, output.err):
        assert str(CANARY_VALUE) not in text
    # What is stored says the same.
    assert validate_drops([validation.drop for validation in result.validations], cache, SEEDS).report == result.report


def test_a_warning_is_told_and_stops_nothing(
    written: Callable[[str], list[DropToValidate]], cache: DropValidationCache
) -> None:
    change = "update rows set value = 1357.6, value_as_published = '1357.6' where value = 15.2"
    result = validate_drops(written(change), cache, SEEDS)
    assert {rule for _, rule in broken(result.report.outcomes)} == {LIKELY}
    assert result.report.passed


def test_a_check_of_drops_that_breaks_is_an_error_and_is_tried_again(
    written: Callable[[str], list[DropToValidate]], cache: DropValidationCache
) -> None:
    rule = Rule(
        name="rule_that_cannot_run",
        table="observations",
        description="This rule reads a column that is not there. Source: a test.",
        query="select drop_number, cell_number from {batch} where no_such_column = 1",
        severity="warning",
        layer="drops",
        remedy="Nothing.",
    )
    drops = written("select 1")[:1]
    suites = {"observations": (*SUITES["observations"], rule)}
    for _ in range(2):
        result = validate_drops(drops, cache, SEEDS, suites=suites)
        assert broken(result.report.outcomes) == {(drops[0].label, rule.name): "error"}
        assert not result.report.passed
        assert result.validated_now == {drops[0].sha256}
    assert not cache.folder.exists()


def test_observations_that_cannot_be_read_are_an_error_of_every_rule(
    written: Callable[[str], list[DropToValidate]], cache: DropValidationCache
) -> None:
    drops = written("select 1")[:2]
    drops[1].observations.write_bytes(b"no Parquet")
    result = validate_drops(drops, cache, SEEDS)
    assert {outcome.result for outcome in result.report.outcomes} == {"error"}
    assert not result.report.passed


# --- marts


@pytest.fixture(scope="module")
def warehouse(released_home: BuiltHome, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built warehouse under its own name, which its views know it by."""
    folder = tmp_path_factory.mktemp("warehouse")
    return Path(shutil.copyfile(released_home.home.warehouse, folder / released_home.home.warehouse.name))


@pytest.fixture
def changed_warehouse(warehouse: Path, tmp_path: Path) -> Callable[[str], Path]:
    def change(sql: str) -> Path:
        copy = Path(shutil.copyfile(warehouse, tmp_path / warehouse.name))
        with duckdb.connect(copy) as connection:
            connection.execute(sql)
        return copy

    return change


def test_built_marts_pass_every_rule_and_are_left_as_they_were(warehouse: Path) -> None:
    before = warehouse.read_bytes()
    outcomes = validate_marts(warehouse).outcomes
    assert broken(outcomes) == {}
    assert len(outcomes) == sum(map(len, MART_SUITES.values()))
    assert warehouse.read_bytes() == before
    assert [path.name for path in warehouse.parent.iterdir()] == [warehouse.name]


def test_a_figure_a_mart_has_changed_is_told_by_its_keys(changed_warehouse: Callable[[str], Path]) -> None:
    path = changed_warehouse(
        f"""
        update marts.fct_monthly set value = {CANARY_VALUE}
        where rowid = (
            select min(rowid) from marts.fct_monthly
            where statistic = 'count' and value_status = 'published' and org_level = 'provider'
        )
        """
    )
    outcomes = validate_marts(path, suites={"fct_monthly": MART_SUITES["fct_monthly"]}).outcomes
    assert broken(outcomes) == {
        ("marts.fct_monthly", UNROUNDED): "failed",
        ("marts.fct_monthly", "values_are_as_published"): "failed",
    }
    for outcome in outcomes:
        assert str(CANARY_VALUE) not in str(outcome)
        assert all("period" in example and "value" not in example for example in outcome.examples)


def test_a_mart_that_is_not_there_is_no_pass(changed_warehouse: Callable[[str], Path]) -> None:
    path = changed_warehouse("drop table marts.fct_quarterly")
    with pytest.raises(Exception, match="fct_quarterly"):
        validate_marts(path, suites={"fct_quarterly": MART_SUITES["fct_quarterly"]})


def test_drops_and_marts_agree_on_the_measure_and_kind_of_every_figure(released_home: BuiltHome) -> None:
    home = released_home.home
    landed = json.loads(home.landed.read_text("utf-8"))["drops"]
    with duckdb.connect() as connection:
        files = [home.observations / f"{sha256}.parquet" for sha256 in landed]
        observations.load(connection, files, SEEDS)
        query = "select distinct series, measure_name, measure, statistic from {} where series <> 'data_quality'"
        published = set(connection.execute(query.format("published_measures")).fetchall())
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        built = set(connection.execute(query.format("intermediate.int_observations_with_measures")).fetchall())
    assert published == built
    assert len(built) > 200


# --- a refresh


def test_every_drop_of_a_release_has_its_validation(released_home: BuiltHome) -> None:
    home = released_home.home
    landed = json.loads(home.landed.read_text("utf-8"))["drops"]
    assert {path.stem for path in home.drop_validations.iterdir()} == set(landed)
    page = home.figures_page.read_text("utf-8")
    assert all(rule.name in page for of_table in (*SUITES.values(), *MART_SUITES.values()) for rule in of_table)
    assert str(home.root) not in page


@pytest.fixture
def revealing_drop(demonstration_drops: Path, tmp_path: Path) -> Path:
    """A folder with one month of the demonstration in which one count below England stands as 3."""
    [month] = (demonstration_drops / "monthly" / "2022-06").glob("*.csv")
    lines = month.read_text("utf-8").splitlines(keepends=True)
    row = next(row for row, line in enumerate(lines) if ",Provider," in line and ",M001," in line and "*" not in line)
    lines[row] = lines[row].rpartition(",")[0] + ",3\n"
    folder = tmp_path / "revealing"
    folder.mkdir()
    (folder / month.name).write_text("".join(lines), "utf-8")
    (folder / "provenance.json").write_text(json.dumps({"data_origin": "synthetic", "files": {}}), "utf-8")
    return folder


def test_a_count_below_five_stops_the_release_and_taking_the_drop_out_mends_it(
    copied_home: Workspace, revealing_drop: Path, demonstration_drops: Path
) -> None:
    [file] = revealing_drop.glob("*.csv")
    before = copied_home.latest.readlink()
    validations = {path.name for path in copied_home.drop_validations.iterdir()}
    staged = copied_home.staged.read_bytes()
    outcome = refresh(copied_home, revealing_drop)
    assert outcome.released is None
    assert outcome.exit_status == 1
    assert outcome.failure is not None
    assert "FAILED counts_below_england_are_at_least_five" in outcome.failure
    assert f"in {file.name} (" in outcome.failure
    assert "source_row" in outcome.failure
    assert copied_home.latest.readlink() == before
    assert copied_home.staged.read_bytes() == staged, "nothing was staged"
    [new] = {path.name for path in copied_home.drop_validations.iterdir()} - validations
    assert "counts_below_england_are_at_least_five" in (copied_home.drop_validations / new).read_text("utf-8")

    shutil.rmtree(copied_home.drops / new.removesuffix(".json"))
    shutil.copyfile(demonstration_drops / "monthly" / "2022-06" / file.name, file)
    page = copied_home.figures_page.stat().st_mtime_ns
    mended = refresh(copied_home, revealing_drop)
    assert mended.failure is None
    assert copied_home.figures_page.stat().st_mtime_ns == page, "nothing is new, so nothing is validated"
    assert copied_home.latest.readlink() == before
