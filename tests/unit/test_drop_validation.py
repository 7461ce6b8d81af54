"""The stored validations of drops: read back as they were, not used for another reading, described rule by rule."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from expectations.drop_validation import SUITES, DropToValidate, DropValidation, DropValidationCache
from expectations.outcomes import make_outcome
from iapt.validation import FILES_SHOWN, RuleOutcome, describe_by_rule

DROP = DropToValidate("ab" * 32, "iapt_month_jun_2022.csv", Path("nowhere.parquet"), "read so")
RULES = [rule for of_table in SUITES.values() for rule in of_table]
PLACE = ({"source_member": "a.csv", "source_row": "17", "source_column": "VALUE"},)


def outcomes(**violations: int) -> tuple[RuleOutcome, ...]:
    """What came of every rule on the drop: those named are violated by so many rows."""
    found = []
    for rule in RULES:
        rows = violations.get(rule.name, 0)
        outcome = make_outcome(rule, "failed" if rows else "passed", violations=rows, examples=PLACE if rows else ())
        found.append(replace(outcome, file=DROP.label))
    return tuple(found)


def test_a_validation_is_read_back_as_it_was_stored(tmp_path: Path) -> None:
    cache = DropValidationCache(tmp_path / "validations")
    validation = DropValidation(DROP, "a key", outcomes(counts_below_england_are_at_least_five=1, waits_are_likely=2))
    cache.store(validation)
    assert cache.load(DROP, "a key", SUITES) == validation


def test_a_drop_that_was_validated_otherwise_has_no_validation(tmp_path: Path) -> None:
    cache = DropValidationCache(tmp_path)
    assert cache.load(DROP, "a key", SUITES) is None
    cache.store(DropValidation(DROP, "a key", outcomes()))
    assert cache.load(DROP, "another key", SUITES) is None


def test_a_stored_validation_holds_rules_places_and_numbers_of_rows_only(tmp_path: Path) -> None:
    DropValidationCache(tmp_path).store(DropValidation(DROP, "a key", outcomes(waits_are_likely=2)))
    [path] = tmp_path.iterdir()
    assert json.loads(path.read_text("utf-8")) == {
        "drop_sha256": DROP.sha256,
        "file": DROP.file,
        "validation_key": "a key",
        "rules": len(RULES),
        "failed": {"waits_are_likely": {"violations": 2, "examples": [dict(PLACE[0])]}},
    }


@pytest.mark.parametrize(("result", "is_final"), [("passed", True), ("failed", True), ("error", False)])
def test_only_what_passed_or_failed_is_final(result: str, is_final: bool) -> None:
    found = replace(outcomes()[0], result=result, violations=None)  # type: ignore[arg-type]
    assert DropValidation(DROP, "a key", (found,)).is_final == is_final


def test_two_drops_of_one_name_are_distinguished() -> None:
    assert DROP.label == "iapt_month_jun_2022.csv (abababababab)"


def test_a_failed_rule_is_described_once_with_the_drops_that_violate_it() -> None:
    [outcome] = [found for found in outcomes(waits_are_likely=2) if found.result == "failed"]
    many = [replace(outcome, file=f"drop {number}", violations=number) for number in range(1, FILES_SHOWN + 3)]
    text = describe_by_rule([*outcomes(), *many])
    assert text.count("WARNING waits_are_likely") == 1
    assert text.count(outcome.description) == 1
    assert f"in drop {FILES_SHOWN + 2}; violating rows: {FILES_SHOWN + 2}" in text
    assert "for example: source_member a.csv, source_row 17, source_column VALUE" in text
    assert "and in 2 more" in text
    assert "in drop 1;" not in text


def test_nothing_is_said_of_rules_that_passed() -> None:
    assert describe_by_rule(outcomes()) == ""
