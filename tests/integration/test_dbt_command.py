"""dbt on the project as it was parsed once says and does what dbt that parses it does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from iapt.workspace import DBT_PROJECT
from orchestration import dbt_command
from orchestration.assets.marts import prepare_manifest


@pytest.fixture(scope="module", autouse=True)
def parsed_project() -> None:
    """The project, parsed."""
    prepare_manifest()


def run_dbt(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    settings = {
        "IAPT_WAREHOUSE": str(folder / "warehouse.duckdb"),
        "DBT_PROFILES_DIR": str(DBT_PROJECT),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder),
    }
    return subprocess.run(
        [sys.executable, "-m", dbt_command.MODULE, *arguments],
        cwd=DBT_PROJECT,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )


def test_dbt_knows_the_project(tmp_path: Path) -> None:
    listed = run_dbt("--quiet", "list", "--resource-type", "seed", folder=tmp_path)
    assert listed.returncode == 0, listed.stdout
    assert "iapt.measures" in listed.stdout.splitlines()


def test_a_run_that_fails_says_so(tmp_path: Path) -> None:
    usage = run_dbt("no-such-command", folder=tmp_path)
    assert usage.returncode == 2
    assert "no-such-command" in usage.stderr
    failed = run_dbt("build", "--select", "stg_drops", folder=tmp_path)
    assert failed.returncode == 1
    assert "stg_drops" in failed.stdout


def test_a_run_leaves_all_of_the_warehouse_in_its_file(tmp_path: Path) -> None:
    """Else everyone who opens the warehouse does again what its log says."""
    seeded = run_dbt("seed", "--select", "measures", folder=tmp_path)
    assert seeded.returncode == 0, seeded.stdout
    assert [path.name for path in tmp_path.glob("warehouse.*")] == ["warehouse.duckdb"]
