"""dbt in a fork of a process that was warmed up says and does what dbt in a process of its own does."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from iapt.workspace import DBT_PROJECT, PROJECT_ROOT
from orchestration import dbt_process
from orchestration.assets.marts import prepared_manifest

LIST_SEEDS = ("--quiet", "list", "--resource-type", "seed")


def run_dbt(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    settings = {
        "IAPT_WAREHOUSE": str(folder / "warehouse.duckdb"),
        "DBT_PROFILES_DIR": str(DBT_PROJECT),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder),
    }
    return subprocess.run(
        [sys.executable, "-m", dbt_process.MODULE, *arguments],
        cwd=DBT_PROJECT,
        env={**os.environ, **settings, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def warm() -> None:
    """The process that was warmed up for these tests, or for others before them."""
    prepared_manifest()
    dbt_process.warm_up()


@pytest.fixture(scope="module")
def cold(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """What dbt answers where the process that was warmed up is gone."""
    prepared_manifest()
    folder = tmp_path_factory.mktemp("cold")
    return run_dbt(*LIST_SEEDS, folder=folder, **{dbt_process.WARM: str(folder / "nobody")})


def test_without_the_warm_process_dbt_still_runs(cold: subprocess.CompletedProcess[str]) -> None:
    assert cold.returncode == 0, cold.stdout
    assert "iapt.measures" in cold.stdout.splitlines()


@pytest.mark.usefixtures("warm")
def test_a_fork_answers_as_a_process_of_its_own_does(tmp_path: Path, cold: subprocess.CompletedProcess[str]) -> None:
    warm = run_dbt(*LIST_SEEDS, folder=tmp_path)
    assert (warm.returncode, warm.stdout) == (cold.returncode, cold.stdout)


@pytest.mark.usefixtures("warm")
def test_a_fork_that_fails_says_so(tmp_path: Path) -> None:
    usage = run_dbt("no-such-command", folder=tmp_path)
    assert usage.returncode == 2
    assert "no-such-command" in usage.stderr
    failed = run_dbt("build", "--select", "stg_drops", folder=tmp_path)
    assert failed.returncode == 1
    assert "stg_drops" in failed.stdout


@pytest.mark.usefixtures("warm")
def test_a_fork_leaves_all_of_the_warehouse_in_its_file(tmp_path: Path) -> None:
    """Else everyone who opens the warehouse does again what its log says."""
    seeded = run_dbt("seed", "--select", "measures", folder=tmp_path)
    assert seeded.returncode == 0, seeded.stdout
    assert [path.name for path in tmp_path.glob("warehouse.*")] == ["warehouse.duckdb"]


def test_the_warm_process_ends_with_the_one_that_started_it() -> None:
    start = f"from {dbt_process.MODULE} import warm_up; import os; warm_up(); print(os.environ['{dbt_process.WARM}'])"
    done = subprocess.run(
        [sys.executable, "-c", start],
        cwd=DBT_PROJECT,
        env={**os.environ, dbt_process.WARM: ""},
        capture_output=True,
        text=True,
        check=True,
    )
    folder = Path(done.stdout.strip()).parent
    for _ in range(300):
        if not folder.exists():
            return
        time.sleep(0.1)
    pytest.fail(f"{folder} is still there")


def test_dagster_knows_every_asset_without_importing_dbt() -> None:
    """It takes seconds, in every process that has the definitions; dbt works in processes of its own."""
    load = "import sys, orchestration.definitions; print('dbt' in sys.modules); import dbt; print('dbt' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", load], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
