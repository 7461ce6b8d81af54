"""The validation of a release, by Great Expectations: what passes, what is refused, and that nothing leaks."""

import datetime as dt
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from expectations import engine
from expectations.release_validation import BYTES_RULE, FILES_RULE, validate_release
from expectations.rules import Rule
from expectations.suites import SUITES
from expectations.suites.common_rules import COLUMNS_RULE
from iapt.contract import CONTRACTS, EXTRACT_GRAINS, KEYS, parquet_name
from iapt.release.publish import NotPublishableError, publish
from iapt.validation import RuleOutcome, ValidationReport
from iapt.workspace import Workspace
from tests.case_files import CANARY_VALUE, Mutant, load_mutants
from tests.factories.candidates import make_candidate
from tests.factories.staged_release import build_staged_release, mutate

MUTANTS = load_mutants("staged_mutants.yml")
PAGES = {"index.html", "data_docs.css", *(f"{table}.html" for table in CONTRACTS)}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_staged_release(tmp_path_factory.mktemp("sound") / "staged")


@pytest.fixture
def staged(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "staged"))


@pytest.fixture(scope="module")
def passed(sound: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[ValidationReport, Path]:
    site = tmp_path_factory.mktemp("docs") / "site"
    return validate_release(sound, site), site


def outcomes(report: ValidationReport, rule: str, file: str | None = None) -> list[RuleOutcome]:
    return [found for found in report.outcomes if found.rule == rule and file in (None, found.file)]


def text_of(site: Path) -> str:
    return "\n".join(page.read_text(encoding="utf-8") for page in sorted(site.iterdir()))


# --- what passes


def test_a_sound_release_passes_every_rule(passed: tuple[ValidationReport, Path]) -> None:
    report, _ = passed
    assert report.passed, report.describe_failures()
    assert {found.result for found in report.outcomes} == {"passed"}
    validated = {(found.table, found.rule) for found in report.outcomes}
    assert validated >= {(table, rule.name) for table, rules in SUITES.items() for rule in rules}


def test_a_report_names_the_bytes_it_is_about(passed: tuple[ValidationReport, Path], sound: Path) -> None:
    report, _ = passed
    assert report.files.keys() == {parquet_name(table) for table in CONTRACTS}
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in report.files.values())
    assert outcomes(report, BYTES_RULE, "dim_measure.parquet")[0].result == "passed"


def test_data_docs_name_every_rule_and_nothing_of_the_machine_or_the_hour(
    passed: tuple[ValidationReport, Path],
) -> None:
    _, site = passed
    assert {page.name for page in site.iterdir()} == PAGES
    for table, rules in SUITES.items():
        page = (site / f"{table}.html").read_text(encoding="utf-8")
        assert [rule.name for rule in rules if f"{rule.name}: " not in page] == []
        assert '<strong class="failed">' not in page
    text = text_of(site)
    assert "http" not in text  # no request leaves, and no link
    assert "<script" not in text
    assert not re.search(r"/(tmp|home|usr|work|var|Users)/|[A-Z]:\\", text)
    assert not re.search(r"\d{8}T\d{6}|\d{2}:\d{2}:\d{2}", text)


def test_the_same_bytes_validated_again_give_the_same_report_and_site(
    passed: tuple[ValidationReport, Path], staged: Path, tmp_path: Path
) -> None:
    report, site = passed
    assert validate_release(staged, tmp_path / "site").to_json() == report.to_json()
    for page in site.iterdir():
        assert (tmp_path / "site" / page.name).read_bytes() == page.read_bytes()


def test_a_folder_may_have_any_name(sound: Path, tmp_path: Path) -> None:
    odd = tmp_path / "it's [a] 100% odd *?; folder" / "year=2021"
    shutil.copytree(sound, odd)
    assert validate_release(odd).passed


def test_a_warning_does_not_stop_a_release(staged: Path) -> None:
    rule = replace(_rule("dim_organisation", "required_columns_are_filled"), severity="warning", remedy="Nothing.")
    mutate(staged, "update dim_organisation set org_name = null")
    report = validate_release(staged, suites={"dim_organisation": (rule,)})
    assert report.passed
    assert outcomes(report, rule.name)[0].violations == 6


# --- what is refused


def _rule(table: str, name: str) -> Rule:
    return next(rule for rule in SUITES[table] if rule.name == name)


def _one_mutant_of_each_rule() -> list[Mutant]:
    """One mutant of every rule, tables that share it taking turns: the unit tests run the SQL of all of them."""
    tables = list(EXTRACT_GRAINS)
    chosen: dict[tuple[str, str], Mutant] = {}
    for mutant in MUTANTS:
        kind = "extract" if mutant.table in EXTRACT_GRAINS else "another table"
        turn = tables[len({rule for kind_, rule in chosen if kind_ == "extract"} - {mutant.rule}) % len(tables)]
        if kind != "extract" or mutant.table == turn or (kind, mutant.rule) not in chosen:
            chosen.setdefault((kind, mutant.rule), mutant)
    return list(chosen.values())


@pytest.mark.parametrize("mutant", _one_mutant_of_each_rule(), ids=lambda mutant: mutant.id)
def test_a_release_with_one_violation_is_refused_by_its_rule(staged: Path, mutant: Mutant, tmp_path: Path) -> None:
    mutate(staged, mutant.sql)
    rule = _rule(mutant.table, mutant.rule)
    report = validate_release(staged, suites={mutant.table: (rule,)})
    [found] = outcomes(report, mutant.rule)
    assert not report.passed
    assert (found.result, found.file) == ("failed", parquet_name(mutant.table))
    assert found.violations
    assert 1 <= len(found.examples) <= 3
    if mutant.rule != COLUMNS_RULE:
        assert all(tuple(example) == KEYS[mutant.table] for example in found.examples)
    with pytest.raises(NotPublishableError) as refused:
        publish(make_candidate(staged, report), Workspace(tmp_path), dt.date(2026, 1, 1))
    text = str(refused.value)
    assert f"FAILED {mutant.rule} in {parquet_name(mutant.table)}" in text
    assert f"expected: {rule.description}" in text
    assert "for example: " in text
    assert not (tmp_path / "latest").exists()


WITH_A_CANARY = [mutant for mutant in MUTANTS if str(CANARY_VALUE) in mutant.sql and "annual" in mutant.table]


@pytest.mark.parametrize("mutant", WITH_A_CANARY, ids=lambda mutant: mutant.id)
def test_no_figure_leaks_from_a_refusal(
    staged: Path,
    tmp_path: Path,
    mutant: Mutant,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    mutate(staged, mutant.sql)
    with caplog.at_level("DEBUG"):
        report = validate_release(staged, tmp_path / "site", suites={mutant.table: SUITES[mutant.table]})
    assert outcomes(report, mutant.rule, parquet_name(mutant.table))[0].result == "failed"
    output = capfd.readouterr()
    for text in (
        report.to_json(),
        report.describe_failures(),
        text_of(tmp_path / "site"),
        output.out,
        output.err,
        caplog.text,
    ):
        assert str(CANARY_VALUE) not in text
        assert f"{CANARY_VALUE:,}" not in text
        assert f"{CANARY_VALUE:e}"[:6] not in text


def test_a_wrong_schema_is_refused_before_any_row_is_checked(staged: Path, tmp_path: Path) -> None:
    mutate(
        staged,
        f"alter table extract_annual add column true_value integer default {CANARY_VALUE}",
    )
    report = validate_release(staged, tmp_path / "site")
    assert not report.passed
    [columns] = outcomes(report, COLUMNS_RULE, "extract_annual.parquet")
    assert columns.result == "failed"
    assert columns.examples == (
        {
            "position": str(len(CONTRACTS["extract_monthly"]) + 1),
            "expected_column": None,
            "expected_type": None,
            "found_column": "true_value",
            "found_type": "INTEGER",
        },
    )
    results = {(found.table, found.rule): found.result for found in report.outcomes}
    for table, rules in SUITES.items():
        for rule in rules:
            if rule.name != COLUMNS_RULE and "extract_annual" in rule.tables:
                assert results[table, rule.name] == "skipped"
            elif table != "extract_annual":
                assert results[table, rule.name] == "passed"
    page = (tmp_path / "site" / "extract_annual.html").read_text(encoding="utf-8")
    assert page.count('<strong class="skipped">') == len(SUITES["extract_annual"]) - 1


def test_rules_that_read_a_table_of_wrong_schema_are_skipped(staged: Path) -> None:
    mutate(staged, "alter table dim_measure drop numerator")
    report = validate_release(staged)
    [hidden] = outcomes(report, "percentages_are_suppressed_with_their_numerator", "extract_annual.parquet")
    assert hidden.result == "skipped"
    assert hidden.message == "dim_measure.parquet: its columns are not those of the contract"
    assert outcomes(report, "keys_are_unique", "extract_annual.parquet")[0].result == "passed"
    assert not report.passed


# --- files that are not what they should be


def _cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def _emptied(file: Path) -> None:
    file.write_bytes(b"")


def _a_page_instead(file: Path) -> None:
    file.write_text("<html>404 Not Found</html>", encoding="utf-8")


def _scrambled_inside(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[4:400] = bytes(byte ^ 0xFF for byte in content[4:400])
    file.write_bytes(content)


def _a_folder_instead(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    "damage", [Path.unlink, _cut_short, _emptied, _a_page_instead, _scrambled_inside, _a_folder_instead]
)
def test_a_missing_or_unreadable_file_is_refused(staged: Path, tmp_path: Path, damage: Callable[[Path], None]) -> None:
    damage(staged / "extract_monthly.parquet")
    tables = ("extract_monthly", "dim_measure")
    report = validate_release(staged, tmp_path / "site", suites={table: SUITES[table] for table in tables})
    assert not report.passed
    assert outcomes(report, FILES_RULE, "extract_monthly.parquet")[0].result == "failed"
    of_monthly = [found for found in report.outcomes if found.table == "extract_monthly"]
    assert {found.result for found in of_monthly if found.rule not in (FILES_RULE, BYTES_RULE)} == {"skipped"}
    assert outcomes(report, "keys_are_unique", "dim_measure.parquet")[0].result == "passed"
    assert {page.name for page in (tmp_path / "site").iterdir()} == PAGES
    assert f"FAILED {FILES_RULE} in extract_monthly.parquet" in report.describe_failures()
    assert str(staged) not in report.to_json()


@pytest.mark.parametrize("name", ["notes.txt", "extract_monthly.csv", ".hidden", "fct_monthly.parquet"])
def test_a_file_too_many_is_refused(staged: Path, name: str) -> None:
    shutil.copyfile(staged / "dim_measure.parquet", staged / name)
    report = validate_release(staged, suites={})
    assert not report.passed
    assert outcomes(report, FILES_RULE, name)[0].result == "failed"
    assert name in report.files


def test_a_folder_that_is_not_there_is_the_callers_mistake(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        validate_release(tmp_path / "nowhere")


# --- bytes that change, and checks that break


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda staged: mutate(staged, "update dim_measure set unit = 'x'"), "changed"),
        (lambda staged: (staged / "dim_measure.parquet").unlink(), "vanished"),
        (lambda staged: (staged / "late.parquet").write_bytes(b"late"), "appeared"),
    ],
    ids=["changed", "vanished", "appeared"],
)
def test_bytes_that_change_during_validation_are_an_error(
    staged: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], object], word: str
) -> None:
    run = engine.run

    def run_and_change(
        database: Path, suites: Mapping[str, Sequence[Rule]], **settings: Any
    ) -> dict[str, engine.TableRun]:
        if "dim_measure" in suites:  # of the tables as a whole
            change(staged)
        return run(database, suites, **settings)

    monkeypatch.setattr(engine, "run", run_and_change)
    report = validate_release(staged, suites={"dim_measure": SUITES["dim_measure"]})
    errors = [found for found in report.outcomes if found.result == "error"]
    assert [(found.rule, word in found.message) for found in errors] == [(BYTES_RULE, True)]
    assert not report.passed


def test_a_check_that_breaks_is_an_error_and_no_pass(staged: Path, tmp_path: Path) -> None:
    broken = Rule(
        name="rule_that_cannot_run",
        table="dim_measure",
        description="This rule reads a column that is not there. Source: a test.",
        query="select measure from {batch} where no_such_column = 1",
    )
    report = validate_release(staged, tmp_path / "site", suites={"dim_measure": (*SUITES["dim_measure"], broken)})
    [found] = outcomes(report, broken.name)
    assert (found.result, found.violations, found.examples) == ("error", None, ())
    assert "BinderException" in found.message
    assert not report.passed
    assert {other.result for other in report.outcomes if other != found} == {"passed"}
    page = (tmp_path / "site" / "dim_measure.html").read_text(encoding="utf-8")
    assert '<strong class="error">error</strong>' in page
    assert "Traceback" not in page
    assert "site-packages" not in page


def test_the_error_of_a_check_does_not_quote_the_value_that_caused_it(staged: Path, tmp_path: Path) -> None:
    mutate(staged, f"update extract_annual set value = {CANARY_VALUE}")
    stumbling = Rule(
        name="rule_that_stumbles",
        table="extract_annual",
        description="This rule reads text as a number. Source: a test.",
        query="select period from {batch} where cast(cast(value as varchar) || 'x' as integer) = 1",
    )
    report = validate_release(staged, tmp_path / "site", suites={"extract_annual": (stumbling,)})
    [found] = outcomes(report, stumbling.name)
    assert found.result == "error"
    assert "ConversionException" in found.message
    assert str(CANARY_VALUE) not in report.to_json() + text_of(tmp_path / "site")


def test_a_failed_rule_is_run_once(staged: Path) -> None:
    """How many rows violate it, and the keys of the first, come from the query that found it to have failed."""
    mutate(staged, "insert into dim_measure from dim_measure limit 1")
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        report = validate_release(staged, suites={"dim_measure": (_rule("dim_measure", "keys_are_unique"),)})
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    [found] = outcomes(report, "keys_are_unique")
    assert (found.result, found.violations, len(found.examples)) == ("failed", 1, 1)
    assert sum("key_hash" in statement for statement in statements) == 1
