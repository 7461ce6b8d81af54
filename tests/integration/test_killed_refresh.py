"""A refresh that is killed leaves the newest release whole, no process and no rubbish; the next one completes it."""

from __future__ import annotations

import re
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from iapt.leftovers import list_leftovers
from iapt.workspace import Workspace
from orchestration import warm_dbt
from orchestration.refresh import refresh
from tests.factories.disk_calls import record_disk_calls
from tests.factories.drops import FINISHED, make_monthly_csv, make_row
from tests.factories.killed_refreshes import (
    RefreshProcesses,
    find_faults_of_latest,
    list_differing_tables,
    start_worker,
)

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
SECONDS_TO_END = 30.0


def write_drop(folder: Path, month: int) -> None:
    start, end = f"01/{month:02}/2026", f"30/{month:02}/2026"
    names = {4: "apr", 6: "jun"}
    rows = [make_row("25", start=start, end=end), make_row("*", measure=FINISHED, start=start, end=end)]
    (folder / f"iapt_month_{names[month]}_2026_activity.csv").write_bytes(make_monthly_csv(*rows))


@pytest.fixture(scope="module")
def processes() -> Iterator[RefreshProcesses]:
    with start_worker() as processes:
        yield processes


def list_files(home: Workspace) -> set[str]:
    """What lies in a home, but for what each run adds. Of the releases, what is in the newest; digests as `#`."""
    of_runs = {home.logs, home.dagster, home.releases}
    kept = (path for path in home.root.rglob("*") if path.is_file() and of_runs.isdisjoint(path.parents))
    names = [path.relative_to(home.root) for path in kept]
    names += [path.relative_to(home.latest.resolve()) for path in home.latest.resolve().rglob("*") if path.is_file()]
    return {re.sub("[0-9a-f]{16,}", "#", name.as_posix()) for name in names}


def test_a_refresh_killed_at_any_step_leaves_a_whole_release_and_the_next_one_goes_on(
    processes: RefreshProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drops, home, undisturbed = tmp_path / "drops", Workspace(tmp_path / "home"), Workspace(tmp_path / "undisturbed")
    drops.mkdir()
    write_drop(drops, 4)
    assert processes.refresh(home, drops) == 0
    shutil.copytree(home.root, undisturbed.root, symlinks=True)
    before = home.latest.readlink()
    write_drop(drops, 6)
    with monkeypatch.context() as patch:
        calls = record_disk_calls(undisturbed.root, patch)
        assert refresh(undisturbed, drops).exit_status == 0
    assert calls.list_faults() == []
    assert {"drops", "observations", "staging", "releases", "latest", "released.json", "built.json"} <= {
        name.partition("/")[0] for name in calls.renamed
    }
    assert list_leftovers(undisturbed) == {}
    for moment in MOMENTS:
        assert processes.refresh(home, drops, moment) == -signal.SIGKILL, moment
        wait_until_all_have_ended(processes, moment)
        assert find_faults_of_latest(home) == [], moment
        assert (home.latest.readlink() == before) == (moment != MOMENTS[-1]), moment
    assert processes.refresh(home, drops) == 0
    assert find_faults_of_latest(home) == []
    assert list_differing_tables(home.latest, undisturbed.latest) == []
    assert list_leftovers(home) == {}
    assert warm_dbt.list_abandoned_folders(home.root) == []
    assert list_files(home) == list_files(undisturbed)


def wait_until_all_have_ended(processes: RefreshProcesses, moment: str) -> None:
    deadline = time.monotonic() + SECONDS_TO_END
    while remaining := processes.list_remaining():
        assert time.monotonic() < deadline, f"{moment}: {remaining}"
        time.sleep(0.05)
