"""How the results of Great Expectations are read, in both shapes it gives an error. It is not run here."""

from types import SimpleNamespace
from typing import Any

import pytest

from expectations.engine import findings_in
from expectations.suites import SUITES

RULE = SUITES["dim_measure"][0]
CLEAN = {"raised_exception": False, "exception_message": None, "exception_traceback": None}
BINDER = "(_duckdb.BinderException) Binder Error: no such column"
RAISED = {"raised_exception": True, "exception_message": BINDER, "exception_traceback": "Traceback ..."}
SECRET = "Conversion Error: Could not convert string '7654321' to INT32"


def result(exception_info: Any, *, success: Any, rule: str = RULE.name) -> SimpleNamespace:
    config = SimpleNamespace(meta={"rule": rule})
    return SimpleNamespace(expectation_config=config, success=success, exception_info=exception_info)


def answers(*results: SimpleNamespace) -> list[tuple[str, str]]:
    return [(finding.answer, finding.error) for finding in findings_in(results, [RULE])]


def test_a_success_is_a_rule_that_is_kept() -> None:
    assert answers(result(CLEAN, success=True)) == [("kept", "")]


def test_no_success_without_an_error_is_a_rule_that_is_broken() -> None:
    assert answers(result(CLEAN, success=False)) == [("broken", "")]


@pytest.mark.parametrize("success", [False, True, None])
@pytest.mark.parametrize("exception_info", [RAISED, {"metric": RAISED}, {"fine": CLEAN, "metric": {"inner": RAISED}}])
def test_an_error_in_any_shape_is_neither_kept_nor_broken(exception_info: Any, success: Any) -> None:
    assert answers(result(exception_info, success=success)) == [("error", "BinderException")]


def test_several_errors_are_each_named_once() -> None:
    other = {**RAISED, "exception_message": "KeyError: 'x'"}
    [(answer, error)] = answers(result({"a": RAISED, "b": other, "c": RAISED}, success=False))
    assert (answer, error) == ("error", "BinderException, KeyError")


def test_an_error_is_told_by_its_kind_and_not_by_its_text() -> None:
    raised = {**RAISED, "exception_message": f"(_duckdb.ConversionException) {SECRET}"}
    assert answers(result({"metric": raised}, success=False)) == [("error", "ConversionException")]
    raised = {**RAISED, "exception_message": "7654321", "exception_traceback": None}
    assert answers(result(raised, success=False)) == [("error", "an error of unknown kind")]


@pytest.mark.parametrize("success", [None, "yes", 1])
def test_only_true_is_a_success(success: Any) -> None:
    assert answers(result(CLEAN, success=success)) == [("broken", "")]


def test_a_rule_without_a_result_is_an_error() -> None:
    assert answers() == [("error", "0 results instead of one")]
    assert answers(result(CLEAN, success=True, rule="another_rule")) == [("error", "0 results instead of one")]


def test_a_rule_with_two_results_is_an_error() -> None:
    twice = result(CLEAN, success=True)
    assert answers(twice, twice) == [("error", "2 results instead of one")]
