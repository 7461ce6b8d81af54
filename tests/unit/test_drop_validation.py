"""The stored validations of drops: read back as they were, not used for another reading, described rule by rule."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from expectations import observations
from expectations.drop_validation import SUITES, DropToValidate, DropValidation, DropValidationCache, validate_drops
from expectations.outcomes import make_outcome
from iapt.validation import FILES_SHOWN, RuleOutcome, describe_by_rule
from tests.factories import observations as rows
from tests.factories.seeds import SEEDS

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


@pytest.mark.parametrize(("rows_per_batch", "batches"), [(1, 5), (10**6, 1)])
def test_drops_are_validated_alike_in_batches_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows_per_batch: int, batches: int
) -> None:
    with duckdb.connect() as connection:
        rows.create_rows(connection)
        connection.execute(
            "update rows set value = 3, value_as_published = '3' "
            "where source_file = 'monthly.csv' and org_level = 'provider' and value_status = 'published'"
        )
        files = rows.write_observations(connection, tmp_path)
    loaded: list[int] = []
    load = observations.load

    def load_and_count(connection: duckdb.DuckDBPyConnection, files: list[Path], seeds: Path) -> None:
        loaded.append(len(files))
        load(connection, files, seeds)

    monkeypatch.setattr(observations, "load", load_and_count)
    drops = [
        DropToValidate(f"{number:064}", file, path, "")
        for number, (file, path) in enumerate(zip(rows.DROPS, files, strict=True))
    ]
    cache = DropValidationCache(tmp_path / "validations")
    result = validate_drops(drops, cache, SEEDS, rows_per_batch=rows_per_batch)
    assert (len(loaded), sum(loaded)) == (batches, len(drops))
    assert result.validated_now == {drop.sha256 for drop in drops}
    blamed = {
        (validation.drop.file, outcome.rule)
        for validation in result.validations
        for outcome in validation.outcomes
        if outcome.result == "failed"
    }
    assert ("monthly.csv", "counts_below_england_are_at_least_five") in blamed
    assert {file for file, _ in blamed} == {"monthly.csv"}
    assert validate_drops(drops, cache, SEEDS).validated_now == frozenset()


def test_a_drop_that_cannot_be_read_has_errors_and_holds_up_no_other_batch(tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        rows.create_rows(connection)
        [sound] = rows.write_observations(connection, tmp_path, ["annual.csv"])
    drops = [replace(DROP, observations=tmp_path / "gone.parquet"), replace(DROP, sha256="cd" * 32, observations=sound)]
    result = validate_drops(drops, DropValidationCache(tmp_path / "validations"), SEEDS, rows_per_batch=0)
    results = [{outcome.result for outcome in validation.outcomes} for validation in result.validations]
    assert results == [{"error"}, {"passed"}]
