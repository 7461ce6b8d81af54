"""The tests of dbt that a refresh leaves out, of code and seeds and what suites and gate ask, on a built warehouse."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from orchestration.assets.marts import ASKED_BY_SUITES, TESTS_OF_CODE
from orchestration.home import DBT_PROJECT, Home


def test_every_rule_of_the_marts_and_seeds_keeps_its_test(copied_home: Home, tmp_path: Path) -> None:
    selected = [*TESTS_OF_CODE.split(), *ASKED_BY_SUITES.split()]
    dbt = Path(sys.executable).with_name("dbt")
    result = subprocess.run(
        [dbt, "--no-use-colors", "test", "--select", *selected, "--target-path", tmp_path / "target"],
        cwd=DBT_PROJECT,
        env={**os.environ, "IAPT_WAREHOUSE": str(copied_home.warehouse), "DBT_PROFILES_DIR": str(DBT_PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-4000:]
    assert "PASS=" in result.stdout
