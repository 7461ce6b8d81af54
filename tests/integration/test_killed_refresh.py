"""A refresh that is killed leaves the newest release whole, no process and no rubbish; the next one completes it."""

from __future__ import annotations

import re
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from iapt.leftovers import list_leftovers
from iapt.workspace import Workspace
from orchestration import warm_dbt
from orchestration.refresh import refresh
from tests.factories.disk_calls import DiskCalls, record_disk_calls
from tests.factories.drops import FINISHED, make_monthly_csv, make_row
from tests.factories.refresh_processes import RefreshProcesses, start_worker
from tests.oracles.home_contents import find_faults_of_latest, list_different_released_tables

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


def write_drop(folder: Path, month: int) -> None:
    start, end = f"01/{month:02}/2026", f"30/{month:02}/2026"
    names = {4: "apr", 6: "jun"}
    rows = [make_row("25", start=start, end=end), make_row("*", measure=FINISHED, start=start, end=end)]
    (folder / f"iapt_month_{names[month]}_2026_activity.csv").write_bytes(make_monthly_csv(*rows))


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
