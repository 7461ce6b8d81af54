"""What dbt's own tests found where one failed or warned: why it matters, what to do, and a few of the rows."""

from __future__ import annotations

import itertools
import json
import string
from collections.abc import Mapping
from pathlib import Path

import duckdb
import yaml

from iapt.run_warnings import RunWarning, fill_template
from iapt.workspace import DBT_PROJECT

#: What is said of each test that warns.
WARNINGS = DBT_PROJECT / "tests" / "warnings.yml"
ROWS_SHOWN = 3
#: Of a test that warns, how many rows are looked at: so many cases are not told apart any more.
ROWS_COUNTED = 10_000


def describe_failed_tests(target: Path, warehouse: Path) -> str:
    """The failed singular tests of dbt's last run in a target folder, a paragraph each; empty where none failed.

    The rows are asked for again, in the warehouse as the run left it. They hold keys, file names and numbers of cells,
    never a figure: `dbt_project/tests/` keeps to that.
    """
    results = target / "run_results.json"
    if not results.is_file():
        return ""
    records = json.loads(results.read_text("utf-8"))["results"]
    failed = [record for record in records if record["status"] == "fail" and _is_singular(record["unique_id"])]
    if not failed:
        return ""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return "\n\n".join(_described(connection, record["unique_id"], record["compiled_code"]) for record in failed)


def _is_singular(unique_id: str) -> bool:
    """`test.<project>.<name>`; a generic test's has a digest at its end."""
    return unique_id.startswith("test.") and unique_id.count(".") == 2


def _described(connection: duckdb.DuckDBPyConnection, unique_id: str, compiled: str) -> str:
    name = unique_id.rpartition(".")[2]
    comment = itertools.takewhile(lambda line: line.startswith("--"), compiled.strip().splitlines())
    sentences = [line.removeprefix("--").strip() for line in comment]
    found = connection.execute(compiled)
    columns = [column[0] for column in found.description or ()]
    rows = found.fetchmany(ROWS_SHOWN + 1)
    lines = [f"{name} failed.", *sentences]
    lines += ["- " + ", ".join(f"{k}: {v}" for k, v in zip(columns, row, strict=True)) for row in rows[:ROWS_SHOWN]]
    if len(rows) > ROWS_SHOWN:
        lines.append("- and more.")
    return "\n".join(lines)


def describe_warned_tests(
    target: Path, warehouse: Path, tests: Mapping[str, str], said: Path = WARNINGS
) -> dict[str, RunWarning]:
    """Return the warning of each of these tests of dbt's last run, by the test's unique id.

    `tests` are unique ids, each with the asset it is about. The rows are asked for again, in the warehouse as the run
    left it. Which columns name them and what to do is read from `said`, and not from what dbt parsed: dbt forgets the
    properties of a singular test when it parses the test again and not the file of its properties.
    """
    results = json.loads((target / "run_results.json").read_text("utf-8"))["results"]
    compiled = {record["unique_id"]: record["compiled_code"] for record in results}
    entries = {
        entry["name"]: entry["config"]["meta"]["warning"]
        for entry in yaml.safe_load(said.read_text("utf-8"))["data_tests"]
    }
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return {
            test: _warning_of(connection, test.split(".")[2], about, compiled[test], entries)
            for test, about in tests.items()
        }


def _warning_of(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    about: str,
    compiled: str,
    entries: Mapping[str, Mapping[str, str]],
) -> RunWarning:
    if name not in entries:
        remedy = f"Run the test's SQL in DuckDB to see them, and write in {WARNINGS.name} what names one."
        return RunWarning(name, about, "rows were found, which nothing names", (), 0, remedy)
    said = entries[name]
    result = connection.execute(compiled)
    columns = [column[0] for column in result.description or ()]
    rows = result.fetchmany(ROWS_COUNTED)
    subjects = sorted(fill_template(said["each"], dict(zip(columns, row, strict=True))) for row in rows)
    return RunWarning.of(name, about, said["found"], subjects, " ".join(said["remedy"].split()))


def columns_in(template: str) -> set[str]:
    """Return the columns that a template names."""
    return {field for _, field, _, _ in string.Formatter().parse(template) if field}
