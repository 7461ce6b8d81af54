"""What dbt's own tests found where one failed: why it matters, what to do, and a few of the rows."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import duckdb

ROWS_SHOWN = 3


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
