"""What the command imports before it knows what it is asked: by what is loaded in a process of its own, not by time."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

#: What takes longer to import than a person waits for a list of options.
HEAVY = ("dagster", "dagster_dbt", "dbt", "duckdb", "great_expectations", "httpx", "numpy", "pandas")
PROBE = """
import json, sys
sys.argv = ["iapt", *sys.argv[1:]]
from orchestration.cli import app
try:
    app()
except SystemExit as end:
    status = end.code
print("\\n" + json.dumps([status, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def list_imported(*arguments: str) -> tuple[int, set[str]]:
    """Run the command in a process of its own; return its exit status and the top packages that it imported."""
    done = subprocess.run([sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, check=True)
    status, packages = json.loads(done.stdout.splitlines()[-1])
    return status or 0, set(packages)


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("--help",), 0),
        (("--version",), 0),
        (("refresh", "--help"), 0),
        (("pull", "--help"), 0),
        (("discover", "--help"), 0),
        (("no-such-command",), 2),
        (("refresh", "--no-such-option"), 2),
        (("report", "no/such/folder"), 2),
    ],
)
def test_help_and_usage_import_nothing_that_takes_long(arguments: tuple[str, ...], status: int) -> None:
    ended, packages = list_imported(*arguments)
    assert (ended, packages.intersection(HEAVY)) == (status, set())


def test_a_status_imports_neither_dagster_nor_what_builds(tmp_path: object) -> None:
    ended, packages = list_imported("status", "--home", str(tmp_path))
    assert ended == 0
    assert not packages.intersection({"dagster", "dagster_dbt", "dbt", "great_expectations", "pandas"})
