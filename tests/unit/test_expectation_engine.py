"""How the results of Great Expectations are read, in both shapes it gives an error. It is not run here."""

from types import SimpleNamespace
from typing import Any

import pytest

from expectations.engine import CONTRADICTION, Finding, Violations, read_findings
from expectations.suites import SUITES

RULE = SUITES["dim_measure"][0]
CLEAN = {"raised_exception": False, "exception_message": None, "exception_traceback": None}
BINDER = "(_duckdb.BinderException) Binder Error: no such column"
RAISED = {"raised_exception": True, "exception_message": BINDER, "exception_traceback": "Traceback ..."}
VIOLATIONS = Violations(2, ({"measure": "count_recovery"},))
SECRET = "Conversion Error: Could not convert string '7654321' to INT32"


def result(exception_info: Any, *, success: Any, rule: str = RULE.name) -> SimpleNamespace:
    config = SimpleNamespace(meta={"rule": rule})
    return SimpleNamespace(expectation_config=config, success=success, exception_info=exception_info)


def read(*results: SimpleNamespace, violations: Violations = VIOLATIONS) -> list[Finding]:
    return list(read_findings(results, [RULE], {RULE.name: violations}))


def answers(*results: SimpleNamespace) -> list[tuple[str, str]]:
    return [(finding.result, finding.error) for finding in read(*results)]


def test_a_success_without_violations_has_passed() -> None:
    assert read(result(CLEAN, success=True), violations=Violations()) == [Finding(RULE, "passed")]


def test_violations_without_an_error_have_failed() -> None:
    assert read(result(CLEAN, success=False)) == [Finding(RULE, "failed", VIOLATIONS)]


@pytest.mark.parametrize(("success", "violations"), [(True, VIOLATIONS), (False, Violations())])
def test_a_result_that_contradicts_its_violations_is_an_error(success: bool, violations: Violations) -> None:
    [finding] = read(result(CLEAN, success=success), violations=violations)
    assert (finding.result, finding.error) == ("error", CONTRADICTION)


@pytest.mark.parametrize("success", [False, True, None])
@pytest.mark.parametrize("exception_info", [RAISED, {"metric": RAISED}, {"fine": CLEAN, "metric": {"inner": RAISED}}])
def test_an_error_in_any_shape_has_neither_passed_nor_failed(exception_info: Any, success: Any) -> None:
    assert answers(result(exception_info, success=success)) == [("error", "BinderException")]


def test_several_errors_are_each_named_once() -> None:
    other = {**RAISED, "exception_message": "KeyError: 'x'"}
    assert answers(result({"a": RAISED, "b": other, "c": RAISED}, success=False)) == [
        ("error", "BinderException, KeyError")
    ]


def test_an_error_is_told_by_its_kind_and_not_by_its_text() -> None:
    raised = {**RAISED, "exception_message": f"(_duckdb.ConversionException) {SECRET}"}
    assert answers(result({"metric": raised}, success=False)) == [("error", "ConversionException")]
    raised = {**RAISED, "exception_message": "7654321", "exception_traceback": None}
    assert answers(result(raised, success=False)) == [("error", "an error of unknown kind")]


@pytest.mark.parametrize("success", [None, "yes", 1])
def test_only_true_is_a_success(success: Any) -> None:
    assert answers(result(CLEAN, success=success)) == [("failed", "")]
    [finding] = read(result(CLEAN, success=success), violations=Violations())
    assert finding.result == "error"


def test_a_rule_without_a_result_is_an_error() -> None:
    assert answers() == [("error", "0 results instead of one")]
    assert answers(result(CLEAN, success=True, rule="another_rule")) == [("error", "0 results instead of one")]


def test_a_rule_with_two_results_is_an_error() -> None:
    twice = result(CLEAN, success=True)
    assert answers(twice, twice) == [("error", "2 results instead of one")]
