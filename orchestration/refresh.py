"""One refresh in this process: the same Dagster job as the schedule, the sensor and the UI, and what came of it."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from iapt.machine_errors import translate_machine_errors
from iapt.workspace import PROJECT_ROOT, Workspace
from iapt.workspace_lock import lock_workspace
from iapt.workspace_state import RefreshRecord
from orchestration import warm_dbt
from orchestration.dbt_command import MODULE, ignore_surroundings
from orchestration.last_refresh import LOG_TAG, read_record
from orchestration.progress import ProgressReporter

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
    """Run the refresh job on a folder of drops, with all that the tools print in a log file; return what came of it.

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
            run_id = _run_job(workspace, config, wait_seconds, progress, log.name)
        record = read_record(workspace)
    if record is None or record.run_id != run_id:
        return RefreshRecord(state="failed", failure="the job failed before its first step", log=log.name)
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
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & 0o700)


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
    warm_dbt.start(MODULE, workspace.root)
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
