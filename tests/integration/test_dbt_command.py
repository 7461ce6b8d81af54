"""dbt in a fork of a prepared process says and does what dbt in a process of its own does."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from iapt.workspace import DBT_PROJECT
from orchestration import dbt_command, warm_dbt
from orchestration.assets.marts import prepare_manifest

LIST_SEEDS = ("--quiet", "list", "--resource-type", "seed")


@pytest.fixture(scope="module", autouse=True)
def prepared_process(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The project, parsed, and the process whose forks run dbt."""
    prepare_manifest()
    warm_dbt.start(dbt_command.MODULE, tmp_path_factory.mktemp("home"))


def run_dbt(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    settings = {
        "IAPT_WAREHOUSE": str(folder / "warehouse.duckdb"),
        "DBT_PROFILES_DIR": str(DBT_PROJECT),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder),
    }
    return subprocess.run(
        [sys.executable, "-m", dbt_command.MODULE, *arguments],
        cwd=DBT_PROJECT,
        env={**os.environ, **settings, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_fork_answers_as_a_process_of_its_own_does(tmp_path: Path) -> None:
    own = run_dbt(*LIST_SEEDS, folder=tmp_path, **{warm_dbt.SOCKET_VARIABLE: str(tmp_path / "no such socket")})
    assert own.returncode == 0, own.stdout
    assert "iapt.measures" in own.stdout.splitlines()
    fork = run_dbt(*LIST_SEEDS, folder=tmp_path)
    assert (fork.returncode, fork.stdout) == (own.returncode, own.stdout)


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


def test_the_prepared_process_ends_with_the_one_that_started_it() -> None:
    start = (
        f"import os, pathlib; from orchestration import warm_dbt; "
        f"warm_dbt.start({dbt_command.MODULE!r}, pathlib.Path('home')); "
        "print(os.environ[warm_dbt.SOCKET_VARIABLE])"
    )
    done = subprocess.run(
        [sys.executable, "-c", start],
        cwd=DBT_PROJECT,
        env={**os.environ, warm_dbt.SOCKET_VARIABLE: ""},
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
