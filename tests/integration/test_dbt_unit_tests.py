"""The tests of dbt that a refresh leaves out, of code and seeds, on a built warehouse."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from iapt.workspace import DBT_PROJECT, Workspace
from orchestration import dbt_command
from orchestration.assets.marts import TESTS_OF_CODE, prepare_manifest


def test_the_unit_tests_and_the_tests_of_the_seeds_pass(copied_home: Workspace, tmp_path: Path) -> None:
    # The project as it was parsed already; of what dbt would write beside its answer nothing is read.
    prepare_manifest()
    said_alone = ("--no-use-colors", "--no-write-json", "--log-level-file", "none")
    settings = {
        "IAPT_WAREHOUSE": str(copied_home.warehouse),
        "DBT_PROFILES_DIR": str(DBT_PROJECT),
        "DBT_TARGET_PATH": str(tmp_path / "target"),
        "DBT_LOG_PATH": str(tmp_path),
    }
    result = subprocess.run(
        [
            sys.executable,
            "-m",
            dbt_command.MODULE,
            *said_alone,
            "test",
            "--threads",
            "1",
            "--select",
            *TESTS_OF_CODE.split(),
        ],
        cwd=DBT_PROJECT,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-4000:]
    assert " PASS=" in result.stdout
    assert " PASS=0 " not in result.stdout
