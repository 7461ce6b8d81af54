"""After a refresh that was killed, met a full disk, or is given another warehouse, the next one makes all whole.

The newest release is whole all the time, and no process and no rubbish is left.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from iapt.ingest.landing import find_doubt
from iapt.leftovers import list_leftovers
from iapt.workspace import DBT_PROJECT, PROJECT_ROOT, Workspace
from iapt.workspace_state import BuiltPeriods, RefreshPlan
from orchestration import warm_dbt
from orchestration.dbt_command import MODULE
from orchestration.event_log import open_instance
from orchestration.refresh import refresh
from orchestration.workspace_lock_resource import ABANDONED
from tests.factories.disk_calls import DiskCalls, record_disk_calls
from tests.factories.drops import FINISHED, make_monthly_csv, make_row
from tests.factories.refresh_processes import RefreshProcesses, start_worker
from tests.oracles.home_contents import find_faults_of_latest, list_differences, list_different_released_tables

pytestmark = pytest.mark.integration

#: When a refresh is killed, in the order of its steps: see `tests.factories.refresh_worker`.
MOMENTS = (
    r"^before observations/.*\.parquet",
    r"^at building the marts: .*fct_monthly$",
    r"^before staging$",
    r"^before releases/[0-9.]*$",
    r"^before latest$",
    r"^after latest$",
)
#: From when on the disk is full. DuckDB meets it by itself, in `tests.unit.test_machine_errors`.
FULL_FROM = (
    r"^before drops/",
    r"^before observations/.*\.parquet",
    r"^at loading the drops",
    r"^before staging$",
    r"^at checking and auditing",
    r"^before releases/.*/report$",
    r"^before latest$",
)
SECONDS_TO_END = 30.0
#: The months that are offered, and the last day of each.
MONTHS = {4: ("apr", 30), 5: ("may", 31), 6: ("jun", 30)}


def write_drop(folder: Path, month: int) -> None:
    name, last = MONTHS[month]
    start, end = f"01/{month:02}/2026", f"{last}/{month:02}/2026"
    rows = [make_row("25", start=start, end=end), make_row("*", measure=FINISHED, start=start, end=end)]
    (folder / f"iapt_month_{name}_2026_activity.csv").write_bytes(make_monthly_csv(*rows))


@dataclass(frozen=True)
class Grown:
    """A home of one drop; the drops with one more; and what an undisturbed refresh makes of them, as it was watched."""

    before: Workspace
    drops: Path
    undisturbed: Workspace
    calls: DiskCalls


@pytest.fixture(scope="module")
def processes() -> Iterator[RefreshProcesses]:
    with start_worker() as processes:
        yield processes


@pytest.fixture(scope="module")
def quick_processes() -> Iterator[RefreshProcesses]:
    """Where it is not asked what becomes of dbt's processes: they are prepared once."""
    with start_worker(shares_dbt=True) as processes:
        yield processes


@pytest.fixture(scope="module")
def grown(quick_processes: RefreshProcesses, tmp_path_factory: pytest.TempPathFactory) -> Grown:
    folder = tmp_path_factory.mktemp("grown")
    before, drops, undisturbed = Workspace(folder / "home"), folder / "drops", Workspace(folder / "undisturbed")
    drops.mkdir()
    write_drop(drops, 4)
    assert quick_processes.refresh(before, drops) == (0, "")
    shutil.copytree(before.root, undisturbed.root, symlinks=True)
    write_drop(drops, 6)
    with pytest.MonkeyPatch.context() as patch:
        calls = record_disk_calls(undisturbed.root, patch)
        assert refresh(undisturbed, drops).exit_status == 0
    return Grown(before, drops, undisturbed, calls)


@pytest.fixture
def home(grown: Grown, tmp_path: Path) -> Workspace:
    """A copy of the home, which is given one drop more."""
    return Workspace(Path(shutil.copytree(grown.before.root, tmp_path / "home", symlinks=True)))


def list_files(home: Workspace) -> set[str]:
    """What lies in a home, but for what each run adds. Of the releases, what is in the newest; digests as `#`."""
    of_runs = {home.logs, home.dagster, home.releases}
    kept = (path for path in home.root.rglob("*") if path.is_file() and of_runs.isdisjoint(path.parents))
    names = [path.relative_to(home.root) for path in kept]
    names += [path.relative_to(home.latest.resolve()) for path in home.latest.resolve().rglob("*") if path.is_file()]
    return {re.sub("[0-9a-f]{16,}", "#", name.as_posix()) for name in names}


def complete(processes: RefreshProcesses, home: Workspace, grown: Grown) -> None:
    """Refresh a home to the end: it is then as if nothing had happened before."""
    assert processes.refresh(home, grown.drops) == (0, "")
    assert find_faults_of_latest(home) == []
    assert list_different_released_tables(home.latest, grown.undisturbed.latest) == []
    assert list_leftovers(home) == {}
    assert warm_dbt.list_abandoned_folders(home.root) == []
    assert list_files(home) == list_files(grown.undisturbed)


def wait_until_all_have_ended(processes: RefreshProcesses, moment: str) -> None:
    deadline = time.monotonic() + SECONDS_TO_END
    while remaining := processes.list_remaining():
        assert time.monotonic() < deadline, f"{moment}: {remaining}"
        time.sleep(0.05)


def test_a_refresh_names_nothing_before_it_is_on_the_disk(grown: Grown) -> None:
    assert grown.calls.list_faults() == []
    assert {"drops", "observations", "staging", "releases", "latest", "released.json", "built_periods.json"} <= {
        name.partition("/")[0] for name in grown.calls.renamed
    }
    assert list_leftovers(grown.undisturbed) == {}


def test_a_refresh_killed_at_any_step_leaves_a_whole_release_and_the_next_one_goes_on(
    processes: RefreshProcesses, grown: Grown, home: Workspace
) -> None:
    before = home.latest.readlink()
    for moment in MOMENTS:
        status, _ = processes.refresh(home, grown.drops, moment)
        assert status == -signal.SIGKILL, moment
        wait_until_all_have_ended(processes, moment)
        assert find_faults_of_latest(home) == [], moment
        assert (home.latest.readlink() == before) == (moment != MOMENTS[-1]), moment
    complete(processes, home, grown)

    # Some were killed in a step that holds a place in a pool: Dagster would not hear of them again.
    with open_instance(home.dagster) as instance:
        statuses = [record.dagster_run.status for record in instance.get_run_records()]
        assert instance.event_log_storage.get_concurrency_run_ids() == set()
    killed = [dg.DagsterRunStatus.FAILURE] * len(MOMENTS)
    assert statuses == [dg.DagsterRunStatus.SUCCESS, *killed, dg.DagsterRunStatus.SUCCESS], "the newest first"
    assert ABANDONED in sorted(home.logs.glob("*.log"))[-1].read_text("utf-8")


def test_a_disk_that_is_full_at_any_step_is_told_in_a_sentence_and_the_next_refresh_goes_on(
    quick_processes: RefreshProcesses, grown: Grown, home: Workspace
) -> None:
    before = home.latest.readlink()
    for moment in FULL_FROM:
        status, said = quick_processes.refresh(home, grown.drops, moment, is_killed=False)
        assert status == 1, moment
        assert re.search("disk is full. Make room, and refresh again", said), (moment, said)
        assert find_faults_of_latest(home) == [], moment
        assert home.latest.readlink() == before, moment
        assert not list(home.releases.glob(".*")), moment
    complete(quick_processes, home, grown)


def run_dbt_by_hand(home: Workspace, model: str, target: Path) -> None:
    """Make a model again as a person does who tries something."""
    command = [sys.executable, "-m", MODULE, "run", "--select", model, "--target-path", str(target)]
    environment = {**os.environ, "IAPT_WAREHOUSE": str(home.warehouse), "IAPT_DUCKDB_SPILL": str(home.spill)}
    environment.pop("IAPT_BUILD", None)
    place = ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)]
    subprocess.run([*command, *place], cwd=PROJECT_ROOT, env=environment, check=True, capture_output=True)


def test_a_warehouse_that_an_older_copy_or_a_run_by_hand_changed_is_made_again(
    quick_processes: RefreshProcesses, grown: Grown, tmp_path: Path
) -> None:
    assert RefreshPlan.load(grown.before.refresh_plan).is_full
    assert [period.label for period in RefreshPlan.load(grown.undisturbed.refresh_plan).affected] == ["2026-06"]
    home = Workspace(Path(shutil.copytree(grown.undisturbed.root, tmp_path / "home", symlinks=True)))
    drops = Path(shutil.copytree(grown.drops, tmp_path / "drops"))
    shutil.copyfile(grown.before.warehouse, home.warehouse)
    write_drop(drops, 5)
    assert quick_processes.refresh(home, drops) == (0, "")
    plan = RefreshPlan.load(home.refresh_plan)
    assert plan.is_full
    assert {period.label for period in plan.affected} >= {"2026-04", "2026-05", "2026-06"}
    assert "the warehouse is of another build than the last one" in plan.affected[0].why
    anew = Workspace(tmp_path / "anew")
    quick_processes.build_until_staged(home.drops, anew, drops)
    assert not list_differences(home, anew)
    builds = BuiltPeriods.load(home.built_periods).builds
    assert not find_doubt(home.warehouse, builds, BuiltPeriods.load(home.built_periods).warehouse)
    run_dbt_by_hand(home, "fct_monthly", tmp_path / "target")
    assert find_doubt(home.warehouse, builds) == "dbt was run by hand: fct_monthly was made again"
