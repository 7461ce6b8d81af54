"""A failed dbt test is told so that a person knows what is wrong, why it matters and what to do."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from orchestration.dbt_failures import describe_failed_tests, make_test_warnings

COMPILED = """-- Detects: two of a kind.
-- Why: one would be a guess.
-- A returned row is such a pair: take one away.
select file, cells from "warehouse"."main"."pairs" order by file
"""


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table pairs as select 'file ' || i as file, i as cells from range(5) as r (i)")
    return path


def ran(folder: Path, *results: tuple[str, str]) -> Path:
    """A target folder after a run with these tests and statuses."""
    records = [{"unique_id": name, "status": status, "compiled_code": COMPILED} for name, status in results]
    (folder / "run_results.json").write_text(json.dumps({"results": records}), "utf-8")
    return folder


def test_a_failed_test_is_told_with_its_reason_and_a_few_rows(tmp_path: Path, warehouse: Path) -> None:
    told = describe_failed_tests(ran(tmp_path, ("test.iapt.assert_no_pairs", "fail")), warehouse)
    assert told.splitlines() == [
        "assert_no_pairs failed.",
        "Detects: two of a kind.",
        "Why: one would be a guess.",
        "A returned row is such a pair: take one away.",
        "- file: file 0, cells: 0",
        "- file: file 1, cells: 1",
        "- file: file 2, cells: 2",
        "- and more.",
    ]


def test_a_failed_generic_test_is_told_by_its_name_and_a_few_rows(tmp_path: Path, warehouse: Path) -> None:
    told = describe_failed_tests(ran(tmp_path, ("test.iapt.unique_pairs_file.0123456789", "fail")), warehouse)
    assert told.startswith("unique_pairs_file failed.\n")
    assert "- file: file 0, cells: 0" in told


@pytest.mark.parametrize(
    "result",
    [
        ("test.iapt.assert_no_pairs", "pass"),
        ("test.iapt.warn_pairs", "warn"),
        ("model.iapt.pairs", "error"),
    ],
    ids=lambda result: result[1],
)
def test_nothing_else_is_told(tmp_path: Path, warehouse: Path, result: tuple[str, str]) -> None:
    assert describe_failed_tests(ran(tmp_path, result), warehouse) == ""


def test_a_test_that_warns_names_its_rows_and_says_what_to_do(tmp_path: Path, warehouse: Path) -> None:
    """Of the columns it returns, those that its entry names: keys, and never the figures beside them."""
    said = {"found": "Files that come twice", "each": "{file}", "remedy": "Take one\naway."}
    entry = {"name": "warn_pairs", "config": {"meta": {"warning": said}}}
    (tmp_path / "warnings.yml").write_text(json.dumps({"data_tests": [entry]}), "utf-8")
    tests = {"test.iapt.warn_pairs": "marts/pairs", "test.iapt.warn_more": "marts/pairs"}
    folder = ran(tmp_path, *((test, "warn") for test in tests))
    warnings = make_test_warnings(folder, warehouse, tests, tmp_path / "warnings.yml")
    assert str(warnings["test.iapt.warn_pairs"]) == (
        "warn_pairs (marts/pairs): Files that come twice: file 0; file 1; file 2; file 3; file 4. Take one away."
    )
    assert "warn_more (marts/pairs): rows were found, which nothing names." in str(warnings["test.iapt.warn_more"])


def test_a_run_that_left_no_results_is_told_by_dbt_itself(tmp_path: Path, warehouse: Path) -> None:
    assert describe_failed_tests(tmp_path, warehouse) == ""
