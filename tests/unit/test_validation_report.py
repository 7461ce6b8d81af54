"""The validation report: what lets a release be published, what it says, and that it cannot be read back as another."""

import json
from typing import Any

import pytest

from iapt.validation import RuleOutcome, ValidationReport

FILES = {"extract_monthly.parquet": "a" * 64}


def outcome(**fields: Any) -> RuleOutcome:
    sound: dict[str, Any] = {
        "rule": "counts_are_rounded",
        "table": "extract_monthly",
        "file": "extract_monthly.parquet",
        "description": "A count is a multiple of 5.",
        "result": "passed",
    }
    return RuleOutcome(**(sound | fields))


PASSED = outcome(violations=0)
FAILED = outcome(
    result="failed",
    violations=12345,
    examples=({"period": "2021-01", "org_code": "RZ90", "variable_a": None, "measure": "count_recovery"},),
)
WARNED = outcome(result="failed", severity="warning", violations=2)
IN_ERROR = outcome(result="error", message="the check itself failed (BinderException)")
SKIPPED = outcome(result="skipped", message="dim_measure.parquet: it is missing")


def test_a_release_is_allowed_when_every_rule_passed() -> None:
    assert ValidationReport.from_outcomes(FILES, [PASSED]).passed


@pytest.mark.parametrize("blocking", [FAILED, IN_ERROR, SKIPPED], ids=lambda outcome: outcome.result)
def test_one_outcome_that_is_not_a_pass_stops_the_release(blocking: RuleOutcome) -> None:
    assert not ValidationReport.from_outcomes(FILES, [PASSED, blocking, PASSED]).passed


def test_a_warning_stops_nothing_and_is_still_told() -> None:
    report = ValidationReport.from_outcomes(FILES, [PASSED, WARNED])
    assert report.passed
    assert "WARNING counts_are_rounded" in report.describe_failures()


@pytest.mark.parametrize("result", ["error", "skipped"])
def test_a_warning_that_could_not_be_checked_stops_the_release(result: str) -> None:
    assert not ValidationReport.from_outcomes(FILES, [PASSED, outcome(result=result, severity="warning")]).passed


def test_nothing_validated_is_no_pass() -> None:
    assert not ValidationReport.from_outcomes(FILES, []).passed


@pytest.mark.parametrize("outcomes", [(), (FAILED,), (PASSED, IN_ERROR)])
def test_a_pass_that_the_outcomes_do_not_bear_out_is_refused(outcomes: tuple[RuleOutcome, ...]) -> None:
    with pytest.raises(ValueError, match="passed=True"):
        ValidationReport(passed=True, files=FILES, outcomes=outcomes)


def test_a_report_survives_json() -> None:
    report = ValidationReport.from_outcomes(FILES, [PASSED, FAILED, WARNED, IN_ERROR, SKIPPED])
    assert ValidationReport.from_json(report.to_json()) == report
    assert ValidationReport.from_json(report.to_json()).to_json() == report.to_json()


def test_a_report_edited_into_a_pass_is_refused() -> None:
    document = json.loads(ValidationReport.from_outcomes(FILES, [PASSED, FAILED]).to_json())
    document["passed"] = True
    with pytest.raises(ValueError, match="passed=True"):
        ValidationReport.from_json(json.dumps(document))


def test_a_failure_names_rule_file_expectation_number_and_keys() -> None:
    text = ValidationReport.from_outcomes(FILES, [PASSED, FAILED]).describe_failures()
    assert "FAILED counts_are_rounded in extract_monthly.parquet" in text
    assert "expected: A count is a multiple of 5." in text
    assert "violating rows: 12,345" in text
    assert "for example: period 2021-01, org_code RZ90, measure count_recovery" in text


def test_an_error_is_distinguished_from_a_failure() -> None:
    text = ValidationReport.from_outcomes(FILES, [IN_ERROR]).describe_failures()
    assert "ERROR counts_are_rounded" in text
    assert "BinderException" in text
    assert "FAILED" not in text


def test_rules_skipped_for_one_reason_are_told_in_one_line() -> None:
    text = ValidationReport.from_outcomes(FILES, [SKIPPED, SKIPPED]).describe_failures()
    assert text.count("SKIPPED") == 1
    assert "SKIPPED in extract_monthly.parquet: 2 rules, for dim_measure.parquet: it is missing" in text


def test_a_pass_says_how_much_was_checked() -> None:
    assert "1 checks of 1 files" in ValidationReport.from_outcomes(FILES, [PASSED]).describe_failures()


@pytest.mark.parametrize(
    "fields",
    [
        {"result": "fine"},
        {"result": "passed", "violations": 1},
        {"result": "failed", "examples": ({"period": "2021-01"},) * 4},
    ],
)
def test_an_outcome_that_contradicts_itself_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="counts_are_rounded"):
        outcome(**fields)
