"""Failures and warnings of dbt's own tests: why they matter, what to do, and a few of the rows."""

from __future__ import annotations

import itertools
import json
import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from iapt.duckdb_connections import open_duckdb
from iapt.run_warnings import RunWarning, fill_template
from iapt.workspace import DBT_PROJECT
from iapt.yaml_files import read_yaml

#: The texts of each test that warns.
WARNINGS = DBT_PROJECT / "tests" / "warnings.yml"
#: Of a test that fails, how many rows are shown.
ROWS_SHOWN = 3
#: Of a test that warns, how many rows are read: more cases are not listed.
ROWS_READ = 10_000


def describe_failed_tests(target: Path, warehouse: Path) -> str:
    """Return the failed tests of dbt's last run in a target folder, a paragraph each; empty where none failed.

    The rows are queried again, in the warehouse as the run left it. They hold keys, words, file names and numbers of
    cells, never a figure: `dbt_project/tests/` keeps to that, and no generic test is about a column of figures.
    """
    if not (target / "run_results.json").is_file():
        return ""
    tests = [
        record
        for record in _read_results(target)
        if record["status"] == "fail" and record["unique_id"].startswith("test.")
    ]
    if not tests:
        return ""
    with open_duckdb(warehouse, read_only=True, preserve_insertion_order=True) as connection:
        return "\n\n".join(
            _describe_failed_test(connection, record["unique_id"], record["compiled_code"]) for record in tests
        )


def read_statuses(target: Path) -> dict[str, str]:
    """Return what came of each node in dbt's last run in a target folder, by what dbt calls it."""
    return {record["unique_id"]: record["status"] for record in _read_results(target)}


def _read_results(target: Path) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = json.loads((target / "run_results.json").read_text("utf-8"))["results"]
    return results


def _get_test_name(unique_id: str) -> str:
    """`test.<project>.<name>`, and of a generic test a digest after it."""
    return unique_id.split(".")[2]


def _describe_failed_test(connection: duckdb.DuckDBPyConnection, unique_id: str, compiled_sql: str) -> str:
    comment = itertools.takewhile(lambda line: line.startswith("--"), compiled_sql.strip().splitlines())
    lines = [f"{_get_test_name(unique_id)} failed.", *(line.removeprefix("--").strip() for line in comment)]
    result = connection.execute(compiled_sql)
    columns = [column[0] for column in result.description or ()]
    rows = result.fetchmany(ROWS_SHOWN + 1)
    lines += ["- " + ", ".join(f"{k}: {v}" for k, v in zip(columns, row, strict=True)) for row in rows[:ROWS_SHOWN]]
    if len(rows) > ROWS_SHOWN:
        lines.append("- and more.")
    return "\n".join(lines)


def make_test_warnings(
    target: Path, warehouse: Path, tests: Mapping[str, str], texts: Path = WARNINGS
) -> dict[str, RunWarning]:
    """Return the warning of each of these tests of dbt's last run, by the test's unique id.

    `tests` are unique ids, each with the asset it is about. The rows are queried again, in the warehouse as the run
    left it. Which columns name them and what to do is read from `texts`, and not from what dbt parsed: dbt forgets the
    properties of a singular test when it parses the test again and not the file of its properties.
    """
    compiled_sql = {record["unique_id"]: record["compiled_code"] for record in _read_results(target)}
    entries = {entry["name"]: entry["config"]["meta"]["warning"] for entry in read_yaml(texts)["data_tests"]}
    with open_duckdb(warehouse, read_only=True, preserve_insertion_order=True) as connection:
        return {
            test: _make_warning(connection, _get_test_name(test), asset, compiled_sql[test], entries)
            for test, asset in tests.items()
        }


def _make_warning(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    asset: str,
    compiled_sql: str,
    entries: Mapping[str, Mapping[str, str]],
) -> RunWarning:
    if name not in entries:
        remedy = f"Run the test's SQL in DuckDB to see them, and write in {WARNINGS.name} what names one."
        return RunWarning(name, asset, "rows were found, which nothing names", (), 0, remedy)
    entry = entries[name]
    result = connection.execute(compiled_sql)
    columns = [column[0] for column in result.description or ()]
    rows = result.fetchmany(ROWS_READ)
    subjects = sorted(fill_template(entry["each"], dict(zip(columns, row, strict=True))) for row in rows)
    return RunWarning.of(name, asset, entry["found"], subjects, " ".join(entry["remedy"].split()))


def list_template_columns(template: str) -> set[str]:
    """Return the columns that a template names."""
    return {field for _, field, _, _ in string.Formatter().parse(template) if field}
