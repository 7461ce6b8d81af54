"""One refresh in this process: the same Dagster job as the schedule, the sensor and the UI, and what came of it."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Generator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from iapt.ingest.drop_reading import Progress, no_progress
from iapt.machine_errors import tell_machine_trouble
from iapt.rejection import DropRejectedError
from iapt.workspace import PROJECT_ROOT, Workspace
from iapt.workspace_lock import lock_workspace, say_nothing
from orchestration import dbt_process
from orchestration.run_record import LOG_TAG, RefreshOutcome, make_outcome, read_record

__all__ = ["RefreshOutcome", "describe_refusal", "prepare_dagster_home", "refresh"]

#: The tag by which Dagster's UI lists a run among those of its job: the repository it finds in workspace.yaml.
_HISTORY_TAGS = {".dagster/repository": "__repository__@iapt"}


def refresh(
    home: Workspace,
    drops: Path,
    *,
    profile: str = "",
    rebuild: bool = False,
    progress: Progress = no_progress,
    wait_seconds: float = 0,
    say: Callable[[str], None] = say_nothing,
) -> RefreshOutcome:
    """Run the refresh job on a folder of drops in a home, saying in full what the tools say into a log file.

    `profile` is one of the disclosure policy; empty means its default. In a restricted home nothing that is written can
    be read by anyone but its owner. `say` is told what is waited for.
    Raises WorkspaceLockedError where another refresh is running, and still is after `wait_seconds`;
    WorkspacePathError where the
    home's path would lead files astray; MachineTroubleError where the disk is full and the like.
    """
    home.refuse_unusable_path()
    owner_only = _readable_by_the_owner_only(home) if home.is_restricted else contextlib.nullcontext()
    with tell_machine_trouble(home), owner_only:
        started = datetime.now(UTC)
        home.logs.mkdir(parents=True, exist_ok=True)
        log = home.logs / f"refresh-{started:%Y%m%dT%H%M%SZ}.log"
        with lock_workspace(home, wait_seconds, say), log.open("a", encoding="utf-8") as stream:
            outcome = _run(home, drops, profile, rebuild, progress, say, wait_seconds, log, stream)
    return replace(outcome, log=log)


@contextlib.contextmanager
def _readable_by_the_owner_only(home: Workspace) -> Generator[None]:
    """Let nothing be made that others can read; what was copied with the permissions it had loses them."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)
        for path in home.root.rglob("*"):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & 0o700)


def prepare_dagster_home(home: Workspace) -> None:
    """Give the home its Dagster folder, with the project's settings where it has none of its own."""
    home.dagster.mkdir(parents=True, exist_ok=True)
    settings = home.dagster / "dagster.yaml"
    if not settings.exists():
        shutil.copyfile(PROJECT_ROOT / "dagster.yaml", settings)


def _run(
    home: Workspace,
    drops: Path,
    profile: str,
    rebuild: bool,
    progress: Progress,
    say: Callable[[str], None],
    wait_seconds: float,
    log: Path,
    stream: TextIO,
) -> RefreshOutcome:
    prepare_dagster_home(home)
    os.environ["DAGSTER_HOME"] = str(home.dagster)
    os.environ.setdefault("DO_NOT_TRACK", "1")
    dbt_process.ignore_surroundings()
    dbt_process.warm_up()
    with _said_into(stream):
        # Imported late: a usage error should not wait for Dagster.
        from orchestration.definitions import build_definitions
        from orchestration.event_log import open_instance
        from orchestration.progress import ProgressReporter
        from orchestration.resources import WorkspaceResource

        progress("preparing", 0, 0)
        pipeline = WorkspaceResource(root=str(home.root), wait_seconds=wait_seconds)
        definitions = build_definitions(pipeline, ProgressReporter(progress, say))
        job = definitions.resolve_job_def("refresh")
        config = {"config": {"drops": str(drops), "profile": profile, "rebuild": rebuild}}
        with open_instance(home.dagster) as instance:
            result = job.execute_in_process(
                run_config={
                    "ops": {"kept_drops": config, "landing": config},
                    "loggers": {"console": {"config": {"log_level": "INFO"}}},
                },
                instance=instance,
                tags={LOG_TAG: log.name, **_HISTORY_TAGS},
                raise_on_error=False,
            )
    record = read_record(home)
    if record.get("run_id") != result.run_id:
        return RefreshOutcome(None, is_new=False, failure="the job failed before its first step")
    return make_outcome(home, record)


@contextlib.contextmanager
def _said_into(stream: TextIO) -> Generator[None]:
    """Send what the tools print, also from processes they start, into a file for as long as this lasts."""
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        yield


def describe_refusal(refusal: dict[str, str]) -> str:
    """A refusal record as a paragraph."""
    return str(DropRejectedError(**refusal))
