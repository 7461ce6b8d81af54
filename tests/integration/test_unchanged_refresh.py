"""A refresh with nothing new: it is told as a run would tell it, and neither reads a drop nor starts what builds."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from iapt.workspace import Workspace
from iapt.workspace_state import RefreshPlan, RefreshRecord
from orchestration.definitions import build_definitions
from orchestration.event_log import open_instance
from orchestration.refresh import refresh
from orchestration.resources import WorkspaceResource
from tests.factories.drops import FINISHED, OTHER_PROVIDER, make_monthly_csv, make_row

GOOD = make_monthly_csv(
    make_row("25"),
    make_row("*", measure=FINISHED),
    make_row("30", provider=OTHER_PROVIDER),
    make_row("#N/A", measure=FINISHED, provider=OTHER_PROVIDER),
)
#: Runs the command in a process that writes down which files are opened and which programs are started.
PROBE = """
import json, sys
opened, started = [], []
def listen(event, arguments):
    if event == "open":
        opened.append(str(arguments[0]))
    elif event in ("subprocess.Popen", "os.fork", "os.posix_spawn", "os.system"):
        started.append(event)
sys.addaudithook(listen)
from orchestration.cli import app
try:
    app()
except SystemExit as end:
    status = end.code
packages = sorted({name.partition(".")[0] for name in sys.modules})
print("\\n" + json.dumps([status or 0, opened, started, packages]))
"""


@dataclass(frozen=True)
class Watched:
    """What came of a command, and what its process did for it."""

    exit_status: int
    output: str
    opened: list[str]
    started: list[str]
    packages: set[str]


def watch(*arguments: object) -> Watched:
    command = [sys.executable, "-c", PROBE, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    output, _, last = done.stdout.rstrip().rpartition("\n")
    status, opened, started, packages = json.loads(last)
    return Watched(status, output, opened, started, set(packages))


def run_the_job(home: Workspace, inbox: Path) -> RefreshRecord:
    """Run the job as the daemon does, which always runs it, and return what came of it."""
    job = build_definitions(WorkspaceResource(root=str(home.root))).resolve_job_def("refresh")
    config: dict[str, Any] = {"config": {"drops": str(inbox)}}
    steps = ("archived_drops", "observations", "refresh_plan")
    with open_instance(home.dagster) as instance:
        job.execute_in_process({"ops": dict.fromkeys(steps, config)}, instance=instance, raise_on_error=False)
    return RefreshRecord.load(home.last_refresh)


def count_runs(home: Workspace) -> int:
    with open_instance(home.dagster) as instance:
        return len(instance.get_runs(dg.RunsFilter(job_name="refresh")))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home after one refresh of a folder with a good drop and one that was rejected."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "inbox").mkdir()
    (folder / "inbox" / "iapt_month_apr_2026_activity.csv").write_bytes(GOOD)
    (folder / "inbox" / "odd.csv").write_text("a,b\n1,2\n")
    assert refresh(Workspace(folder / "home"), folder / "inbox").exit_status == 3
    return folder


def test_a_refresh_with_nothing_new_opens_no_drop_and_starts_nothing(place: Path) -> None:
    home, before = Workspace(place / "home"), RefreshRecord.load(place / "home" / "last_refresh.json")
    runs, release = count_runs(home), home.latest.readlink()
    watched = watch("refresh", "--drops", place / "inbox", "--home", home.root)
    assert watched.exit_status == 3, watched.output
    assert "Nothing read: all 2 drops were read before." in watched.output
    assert "odd.csv, row 1: expected the header of a known layout" in watched.output
    assert "Nothing new; the latest release is" in watched.output
    opened = [path for path in watched.opened if path.startswith(str(place))]
    assert opened
    assert not [path for path in opened if path.endswith((".csv", ".parquet", ".duckdb"))]
    assert not watched.started
    assert not watched.packages.intersection(
        {"dagster", "dagster_dbt", "dbt", "duckdb", "great_expectations", "pandas", "numpy"}
    )
    record = RefreshRecord.load(home.last_refresh)
    assert (record.state, record.released, record.started_by) == ("unchanged", release.name, "the command")
    assert (record.warnings, record.notices, record.rejected) == (before.warnings, before.notices, before.rejected)
    assert record.warnings
    assert RefreshPlan.load(home.refresh_plan).action == "keep_release"
    log = (home.logs / str(record.log)).read_text("utf-8")
    assert all(line in log for line in (*record.warnings, *record.notices, "odd.csv, row 1"))
    assert (count_runs(home), home.latest.readlink()) == (runs, release)


def test_what_is_told_is_what_a_run_of_the_job_would_tell(place: Path) -> None:
    home = Workspace(place / "home")
    of_job = run_the_job(home, place / "inbox")
    told = watch("status", "--home", home.root).output
    of_command = refresh(home, place / "inbox")
    assert of_job.run_id
    assert not of_command.run_id
    differing = {"run_id", "started_by", "started", "ended", "log"}
    assert of_command.model_dump(exclude=differing) == of_job.model_dump(exclude=differing)
    assert of_command.state == "unchanged"
    told_now = watch("status", "--home", home.root).output
    lines = [line for line in told.splitlines() if not line.startswith(("The last refresh", "In full"))]
    assert [line for line in told_now.splitlines() if not line.startswith(("The last refresh", "In full"))] == lines


def test_a_job_with_nothing_new_reads_no_drop_and_starts_no_dbt(place: Path) -> None:
    home, release = Workspace(place / "home"), (place / "home" / "latest").readlink()
    run_the_job(home, place / "inbox")
    opened: list[str] = []
    started: list[str] = []
    is_listening = [True]

    def listen(event: str, arguments: tuple[object, ...]) -> None:
        if is_listening and event == "open":
            opened.append(str(arguments[0]))
        elif is_listening and event == "subprocess.Popen":
            started.append(str(arguments[1]))

    sys.addaudithook(listen)
    record = run_the_job(home, place / "inbox")
    is_listening.clear()  # a hook stays for as long as the process
    assert (record.state, record.released) == ("unchanged", release.name)
    ours = [path for path in opened if path.startswith(str(place))]
    assert ours
    assert not [path for path in ours if path.endswith((".csv", ".parquet", ".duckdb"))]
    assert not [command for command in started if "dbt" in command]


def test_a_rebuild_runs_the_job_whatever_is_new(place: Path) -> None:
    home, runs = Workspace(place / "home"), count_runs(Workspace(place / "home"))
    record = refresh(home, place / "inbox", rebuild=True)
    assert record.run_id
    assert count_runs(home) == runs + 1


def test_a_release_that_lost_a_file_is_made_again(place: Path) -> None:
    home, damaged = Workspace(place / "home"), (place / "home" / "latest").readlink()
    (home.latest / "dim_period.parquet").unlink()
    record = refresh(home, place / "inbox")
    assert record.state == "released"
    assert home.latest.readlink() != damaged
    assert (home.latest / "dim_period.parquet").is_file()
