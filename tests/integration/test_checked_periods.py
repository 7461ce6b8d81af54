"""Periods that passed the gate are not validated again, and nothing else is taken for one of them."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from expectations import period_validation
from expectations.period_validation import PeriodValidator
from expectations.release_validation import READ_CHECK, ReleaseMemory, Suites, validate_release
from expectations.rules import Rule
from expectations.suites import SUITES
from iapt.checked_periods import PeriodMemory
from iapt.contract import parquet_name
from iapt.files import compute_sha256
from iapt.release.parquet_joining import join_parquet_files
from iapt.release.parts import TABLES_IN_PARTS, StagedParts, find_part
from iapt.validation import RuleOutcome, ValidationReport
from iapt.workspace import Workspace
from tests.case_files import Mutant, load_mutants
from tests.factories.staged_parts import split_into_parts, write_part
from tests.factories.staged_release import build_staged_release, mutate

#: Two months, three quarters and two years: so many periods the small release has.
PERIODS = 7
#: Suites of few rules, quick to ask, that read every table that rules decided by period read.
FEW = (
    *("keys_are_unique", "organisations_are_in_dim_organisation", "statistic_agrees_with_dim_measure"),
    *("unpublished_periods_hold_no_figures", "figures_are_the_extracts_or_their_sums"),
)
FEW_RULES: Suites = {table: tuple(rule for rule in SUITES[table] if rule.name in FEW) for table in TABLES_IN_PARTS}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in parts whose periods all passed."""
    home = Workspace(tmp_path_factory.mktemp("sound") / "home")
    build_staged_release(home.staging)
    split_into_parts(home)
    report = validate(home)
    assert report.passed, report.describe_failures()
    assert (report.periods_validated, report.periods_remembered) == (PERIODS, 0)
    return home.root


@pytest.fixture
def home(sound: Path, tmp_path: Path) -> Workspace:
    return Workspace(Path(shutil.copytree(sound, tmp_path / "home")))


def validate(
    home: Workspace, suites: Suites = FEW_RULES, basis: str = "a policy", data_docs: Path | None = None
) -> ValidationReport:
    parts = StagedParts.load(home.staged_parts)
    memory = ReleaseMemory(parts, home.parts, PeriodMemory(home.checked_parts, basis), home.spill)
    return validate_release(home.staging, data_docs, suites=suites, memory=memory)


def change(home: Workspace, sql: str) -> None:
    """Change the staged tables by SQL, and stage what they hold in parts."""
    mutate(home.staging, sql)
    split_into_parts(home)


def find_failed(report: ValidationReport) -> list[RuleOutcome]:
    return [outcome for outcome in report.outcomes if outcome.result != "passed"]


# --- what is remembered


def test_what_passed_is_not_validated_again_and_the_report_is_the_same(home: Workspace, tmp_path: Path) -> None:
    remembered = validate(home, data_docs=tmp_path / "remembered")
    assert (remembered.periods_validated, remembered.periods_remembered) == (0, PERIODS)
    shutil.rmtree(home.checked_parts)
    anew = validate(home, data_docs=tmp_path / "anew")
    assert (anew.periods_validated, anew.periods_remembered) == (PERIODS, 0)
    assert anew.outcomes == remembered.outcomes
    assert anew.files == remembered.files
    for page in (tmp_path / "anew").iterdir():
        assert (tmp_path / "remembered" / page.name).read_bytes() == page.read_bytes()


def test_records_are_for_their_owner_only_and_hold_no_figure(home: Workspace) -> None:
    assert stat.S_IMODE(home.checked_parts.stat().st_mode) == 0o700
    files = list(home.checked_parts.iterdir())
    assert {path.name for path in files} == {"rules_of_release.json", f"{READ_CHECK}.json"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    for passed in json.loads((home.checked_parts / "rules_of_release.json").read_text("utf-8"))["periods"].values():
        assert passed.keys() == {"key", "looked_up", "references"}


def test_a_period_that_was_added_is_validated_alone(home: Workspace) -> None:
    sql = """
    insert into {table} select * replace (
        '2021-02' as period, date '2021-02-01' as period_start, date '2021-02-28' as period_end
    ) from {table} where period = '2021-01';
    """
    tables = ("extract_monthly", "extract_monthly_current_boundaries")
    change(
        home,
        "".join(sql.format(table=table) for table in tables)
        + "update dim_period set publication_status = 'published', reason = null where period = '2021-02'",
    )
    report = validate(home)
    assert report.passed, report.describe_failures()
    assert (report.periods_validated, report.periods_remembered) == (1, PERIODS)


def test_what_no_row_of_a_period_looks_up_changes_nothing(home: Workspace) -> None:
    change(
        home,
        """
        insert into dim_organisation select * replace ('RZ99' as org_code) from dim_organisation
        where org_level = 'provider';
        insert into dim_measure select * replace ('count_new' as measure) from dim_measure limit 1;
        update dim_organisation set last_period_start = date '2030-01-01', org_name = 'Renamed'
        """,
    )
    report = validate(home)
    assert (report.periods_validated, report.periods_remembered) == (0, PERIODS)


# --- what is planted after everything was remembered


def choose_mutants() -> list[Mutant]:
    """One mutant of every rule that is decided by period, tables taking turns."""
    rules = {(rule.table, rule.name): rule for rules in SUITES.values() for rule in rules}
    chosen: dict[tuple[str, str], Mutant] = {}
    for mutant in load_mutants("staged_mutants.yml"):
        kind = mutant.table.removeprefix("extract_").partition("_")[2]
        if rules[mutant.table, mutant.rule].is_decided_by_period:
            turn = list(TABLES_IN_PARTS)[len(chosen) % 3]
            if (kind, mutant.rule) not in chosen or mutant.table == turn:
                chosen.setdefault((kind, mutant.rule), mutant)
    return list(chosen.values())


@pytest.mark.parametrize("mutant", choose_mutants(), ids=lambda mutant: mutant.id)
def test_a_mutant_in_a_remembered_release_is_refused(home: Workspace, mutant: Mutant) -> None:
    rule = next(rule for rule in SUITES[mutant.table] if rule.name == mutant.rule)
    suites = {mutant.table: (rule,)}
    assert validate(home, suites).passed
    mutate(home.staging, mutant.sql)
    if any(f" {table} " in f" {mutant.sql} " for table in TABLES_IN_PARTS):
        split_into_parts(home)
    report = validate(home, suites)
    assert [outcome.rule for outcome in find_failed(report)] == [mutant.rule]
    assert report.periods_validated >= 1


def test_what_failed_is_not_remembered(home: Workspace) -> None:
    change(home, "insert into extract_annual from extract_annual where period = '2020-21' limit 1")
    first, second = validate(home), validate(home)
    assert find_failed(first) == find_failed(second)
    assert first.periods_validated == second.periods_validated == 1


def test_an_organisation_that_left_the_list_fails_the_periods_that_name_it(home: Workspace) -> None:
    change(home, "delete from dim_organisation where org_level = 'provider'")
    report = validate(home)
    assert {outcome.rule for outcome in find_failed(report)} == {"organisations_are_in_dim_organisation"}
    assert report.periods_remembered == 0


def test_a_figure_changed_in_one_period_fails_though_the_others_are_remembered(home: Workspace) -> None:
    change(home, "insert into extract_annual from extract_annual where period = '2020-21' limit 1")
    report = validate(home)
    assert "keys_are_unique" in {outcome.rule for outcome in find_failed(report)}
    assert (report.periods_validated, report.periods_remembered) == (1, PERIODS - 1)


# --- what is not taken for a period that passed


def _with_another_policy(home: Workspace, _: pytest.MonkeyPatch) -> ValidationReport:
    return validate(home, basis="another policy")


def _with_another_rule(home: Workspace, _: pytest.MonkeyPatch) -> ValidationReport:
    def reword(rule: Rule) -> Rule:
        return replace(rule, query=f"{rule.query} ") if rule.name == "keys_are_unique" else rule

    return validate(home, {table: tuple(map(reword, rules)) for table, rules in FEW_RULES.items()})


def _with_other_code(home: Workspace, patch: pytest.MonkeyPatch) -> ValidationReport:
    patch.setattr(period_validation, "_digest_code", lambda: "other code")
    return validate(home)


def _with_a_record_that_was_edited(home: Workspace, _: pytest.MonkeyPatch) -> ValidationReport:
    path = home.checked_parts / "rules_of_release.json"
    record = json.loads(path.read_text("utf-8"))
    record["periods"]["month 2021-01"]["looked_up"] = {}
    path.write_text(json.dumps(record), encoding="utf-8")
    return validate(home)


def _with_a_record_that_is_no_json(home: Workspace, _: pytest.MonkeyPatch) -> ValidationReport:
    (home.checked_parts / "rules_of_release.json").write_text("{", encoding="utf-8")
    return validate(home)


def _with_the_record_of_another_check(home: Workspace, _: pytest.MonkeyPatch) -> ValidationReport:
    shutil.copyfile(home.checked_parts / f"{READ_CHECK}.json", home.checked_parts / "rules_of_release.json")
    return validate(home)


@pytest.mark.parametrize(
    "validate_otherwise",
    [
        _with_another_policy,
        _with_another_rule,
        _with_other_code,
        _with_a_record_that_was_edited,
        _with_a_record_that_is_no_json,
        _with_the_record_of_another_check,
    ],
)
def test_what_passed_under_something_else_is_validated_again(
    home: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    validate_otherwise: Callable[[Workspace, pytest.MonkeyPatch], ValidationReport],
) -> None:
    report = validate_otherwise(home, monkeypatch)
    assert report.passed, report.describe_failures()
    assert (report.periods_validated, report.periods_remembered) == (PERIODS, 0)


def _lose_a_part(home: Workspace) -> None:
    find_part(home.parts, StagedParts.load(home.staged_parts).of_table("extract_annual")[0]).unlink()


def _change_a_part(home: Workspace) -> None:
    part = find_part(home.parts, StagedParts.load(home.staged_parts).of_table("extract_annual")[0])
    part.write_bytes(part.read_bytes() + b"x")


def _change_the_file(home: Workspace) -> None:
    """The list and the parts are as they were, and the file is not made of them any more."""
    mutate(home.staging, "delete from extract_annual where period = '2020-21'")


def _list_them_in_another_order(home: Workspace) -> None:
    staged = StagedParts.load(home.staged_parts)
    parts = tuple(
        part.model_copy(update={"period_start": str(3000 - int(part.period_start[:4]))})
        if part.table == "extract_annual"
        else part
        for part in staged.parts
    )
    StagedParts(parts=parts).write(home.staged_parts)


def _list_a_part_twice(home: Workspace) -> None:
    staged = StagedParts.load(home.staged_parts)
    again = [part for part in staged.parts if part.table == "extract_annual"]
    StagedParts(parts=(*staged.parts, *again)).write(home.staged_parts)


@pytest.mark.parametrize(
    "damage", [_lose_a_part, _change_a_part, _change_the_file, _list_them_in_another_order, _list_a_part_twice]
)
def test_parts_that_are_not_those_of_the_file_are_not_relied_on(
    home: Workspace, damage: Callable[[Workspace], None]
) -> None:
    """The table is then validated as one file, in full, each time."""
    damage(home)
    for _ in range(2):
        report = validate(home)
        assert report.periods_validated == 2  # the years
        assert report.files["extract_annual.parquet"] == compute_sha256(home.staging / "extract_annual.parquet")


@pytest.mark.parametrize(
    ("columns", "rule"), [("*", "keys_are_unique"), ("* replace (null as period)", "required_columns_are_filled")]
)
def test_a_row_in_the_part_of_another_period_is_found(home: Workspace, columns: str, rule: str) -> None:
    """A row twice, once in the part of each year: the part of neither holds a key twice. Or a row of no period."""
    staged = StagedParts.load(home.staged_parts)
    first, second = staged.of_table("extract_annual")
    file = home.parts / "another.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"create table rows as from '{find_part(home.parts, second)}'")
        connection.execute(f"insert into rows select {columns} from '{find_part(home.parts, first)}' limit 1")
        write_part(connection, "true", file)
    forged = second.model_copy(update={"sha256": compute_sha256(file), "rows": second.rows + 1})
    file.rename(find_part(home.parts, forged))
    parts = tuple(forged if part == second else part for part in staged.parts)
    StagedParts(parts=parts).write(home.staged_parts)
    join_parquet_files(
        [find_part(home.parts, part) for part in (first, forged)], home.staging / parquet_name("extract_annual")
    )
    report = validate(home, {**FEW_RULES, "extract_annual": SUITES["extract_annual"]})
    assert rule in {outcome.rule for outcome in find_failed(report)}


def test_periods_are_not_remembered_of_a_run_that_skips_a_rule(home: Workspace) -> None:
    shutil.rmtree(home.checked_parts)
    mutate(home.staging, "alter table dim_measure drop numerator")
    assert not validate(home).passed
    assert not (home.checked_parts / "rules_of_release.json").exists()


def test_small_batches_find_what_one_batch_finds(home: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(home.checked_parts)
    change(home, "insert into extract_monthly from extract_monthly")
    in_one_batch = validate(home)
    monkeypatch.setattr(period_validation, "MAX_ROWS_IN_BATCH", 1)
    batches: list[object] = []
    create = PeriodValidator.create_tables
    monkeypatch.setattr(
        PeriodValidator, "create_tables", lambda *arguments: batches.append(arguments) or create(*arguments)
    )
    in_many = validate(home)
    assert len(batches) == PERIODS
    assert find_failed(in_many) == find_failed(in_one_batch)
    assert {outcome.rule for outcome in find_failed(in_many)} == {
        "keys_are_unique",
        "figures_are_the_extracts_or_their_sums",
    }
