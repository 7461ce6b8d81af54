"""One refresh in this process: the same Dagster job as the schedule, the sensor and the UI, and what came of it.

Where nothing is new no job is run, since Dagster takes longer to import than it takes to see that.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TextIO

from iapt.catalogue.catalogue import Catalogue
from iapt.machine_errors import MachineError, translate_machine_errors
from iapt.refresh_basis import find_change, is_build_certain
from iapt.workspace import CATALOGUE, PROJECT_ROOT, Workspace
from iapt.workspace_lock import lock_workspace
from iapt.workspace_state import ReadRecord, RefreshPlan, RefreshRecord
from orchestration import warm_dbt
from orchestration.dbt_command import MODULE, ignore_surroundings
from orchestration.last_refresh import LOG_TAG, read_record
from orchestration.progress import ProgressReporter
from orchestration.result_printing import describe_rejection

KEPT_WITHOUT_A_RUN: Final = "nothing is new since the last refresh, so no run was started; the newest release is kept"
#: The tag by which Dagster's UI lists a run among those of its job: the repository it finds in workspace.yaml.
_HISTORY_TAGS = {".dagster/repository": "__repository__@iapt"}


def refresh(
    workspace: Workspace,
    drops: Path | str | None,
    *,
    profile: str = "",
    rebuild: bool = False,
    wait_seconds: float = 0,
    progress: ProgressReporter | None = None,
) -> RefreshRecord:
    """Refresh from a folder of drops, with all that the tools print in a log file; return what came of it.

    The refresh job is run, unless nothing is new since the last refresh: then that is written down and no more.

    The folder is a path, or an address of a store. Without one it works on what is archived, and on the drop folder of
    the home (IAPT_DROPS, else `inbox`).
    `profile` is one of the disclosure policy, empty for its default; `wait_seconds` is how long to wait for another
    refresh, or for a reader of the warehouse. In a restricted workspace only its owner can read what is written.
    Raises WorkspaceLockedError where another refresh is still running after the time to wait; WorkspacePathError where
    the path of the workspace would lead files astray; MachineError where the disk is full and the like.
    """
    progress = progress or ProgressReporter()
    workspace.refuse_unusable_path()
    owner_only = _readable_by_the_owner_only(workspace) if workspace.is_restricted else contextlib.nullcontext()
    with translate_machine_errors(workspace), owner_only:
        workspace.logs.mkdir(parents=True, exist_ok=True)
        log = workspace.logs / f"refresh-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.log"
        config = {"config": {"source": "folder", "drops": str(drops or ""), "profile": profile, "rebuild": rebuild}}
        with (
            lock_workspace(workspace, wait_seconds, progress.say),
            log.open("a", encoding="utf-8") as stream,
            redirect_output_to(stream),
        ):
            if not rebuild and (kept := _keep_release(workspace, str(drops or ""), profile, stream)) is not None:
                return kept
            run_id = _run_job(workspace, config, wait_seconds, progress, log.name)
        record = read_record(workspace)
    if record is None or record.run_id != run_id:
        return RefreshRecord(state="failed", failure="the job failed before its first step", log=log.name)
    if record.state == "running":
        raise MachineError(
            f"{workspace.last_refresh}: what came of the run could not be written, as where the disk is full. Make "
            f"room, and refresh again. {log} says how far it came, and `iapt status` which release stands."
        )
    return record


@contextlib.contextmanager
def _readable_by_the_owner_only(workspace: Workspace) -> Generator[None]:
    """Let nothing be made that others can read; what was copied with the permissions it had loses them."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)
        for path in workspace.root.rglob("*"):
            if not path.is_symlink() and (mode := path.stat().st_mode) & 0o077:
                path.chmod(mode & 0o700)


def _keep_release(workspace: Workspace, drops: str, profile: str, log: TextIO) -> RefreshRecord | None:
    """Where nothing is new, write down the outcome that a run would have had, and return it; else None.

    `drops` is the drop folder as it was named. Warnings, notices and rejected drops are those of the last refresh.
    """
    started, today = datetime.now(UTC), datetime.now(UTC).date()
    catalogue = Catalogue(CATALOGUE, restricted=workspace.is_restricted)
    change = find_change(workspace, workspace.locate_drops(drops), PROJECT_ROOT, catalogue, profile, today)
    plan = RefreshPlan.load_if_present(workspace.refresh_plan)
    if change is not None or plan is None:
        log.write(f"the job is run, for this changed or could not be compared: {change or 'the last plan'}\n")
        return None
    last, reading = RefreshRecord.load(workspace.last_refresh), ReadRecord.load(workspace.read_record)
    reading = reading.model_copy(update={"read": 0, "known": reading.read + reading.known})
    record = last.model_copy(
        update={
            "run_id": "",
            "started_by": "the command",
            "started": started.isoformat(timespec="seconds"),
            "ended": datetime.now(UTC).isoformat(timespec="seconds"),
            "state": "unchanged",
            "drops_read": 0,
            "drops_known": reading.known,
            "log": Path(log.name).name,
        }
    )
    reading.write(workspace.read_record)
    RefreshPlan(action="keep_release", inputs=plan.inputs, reason=KEPT_WITHOUT_A_RUN).write(workspace.refresh_plan)
    record.write(workspace.last_refresh)
    for line in (KEPT_WITHOUT_A_RUN, *map(describe_rejection, record.rejected), *record.warnings, *record.notices):
        log.write(f"{line}\n")
    return record


def prepare_dagster_home(workspace: Workspace) -> None:
    """Give a workspace its Dagster folder, with the project's settings where it has none of its own."""
    workspace.dagster.mkdir(parents=True, exist_ok=True)
    settings = workspace.dagster / "dagster.yaml"
    if not settings.exists():
        shutil.copyfile(PROJECT_ROOT / "dagster.yaml", settings)


def _run_job(
    workspace: Workspace, config: dict[str, Any], wait_seconds: float, progress: ProgressReporter, log_name: str
) -> str:
    """Run the job in this process and return the id of the run."""
    prepare_dagster_home(workspace)
    os.environ["DAGSTER_HOME"] = str(workspace.dagster)
    os.environ.setdefault("DO_NOT_TRACK", "1")
    ignore_surroundings()
    named, profile = workspace.locate_drops(config["config"]["drops"]), config["config"]["profile"]
    catalogue = Catalogue(CATALOGUE, restricted=workspace.is_restricted)
    if config["config"]["rebuild"] or is_build_certain(workspace, named, PROJECT_ROOT, catalogue, profile):
        warm_dbt.start(MODULE, workspace.root)  # else as soon as a step knows that there is something to build
    # Imported late: a usage error should not wait for Dagster.
    from orchestration.definitions import build_definitions
    from orchestration.event_log import open_instance
    from orchestration.jobs import CONFIGURED_STEPS
    from orchestration.resources import WorkspaceResource

    progress.begin("preparing")
    resource = WorkspaceResource(root=str(workspace.root), wait_seconds=wait_seconds)
    job = build_definitions(resource, progress).resolve_job_def("refresh")
    with open_instance(workspace.dagster) as instance:
        result = job.execute_in_process(
            run_config={
                "ops": dict.fromkeys(CONFIGURED_STEPS, config),
                "loggers": {"console": {"config": {"log_level": "INFO"}}},
            },
            instance=instance,
            tags={LOG_TAG: log_name, **_HISTORY_TAGS},
            raise_on_error=False,
        )
    return result.run_id


@contextlib.contextmanager
def redirect_output_to(stream: TextIO) -> Generator[None]:
    """Send what the tools print, also from processes they start, into a file for as long as this lasts."""
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        yield
