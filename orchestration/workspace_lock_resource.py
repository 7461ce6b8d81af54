"""The lock of a workspace as a Dagster resource: a run holds it, leaves its record, and ends what was killed."""

import logging
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from filelock import FileLock

from iapt.leftovers import remove_leftovers, use_temporary_folder
from iapt.workspace import Workspace
from iapt.workspace_lock import WorkspaceLockedError, is_held, lock_workspace
from orchestration import warm_dbt
from orchestration.resources import WorkspaceResource
from orchestration.run_record import begin_record, end_record

ABANDONED = "Its process ended without a word: nobody works on it any more."

#: Whoever asks whether a run is alive holds its lock for an instant.
SECONDS_TO_MARK_ALIVE = 10
#: By run id; held until this process ends, however it ends: by it others see that the run is alive, if only waiting.
_ALIVE_LOCKS: dict[str, FileLock] = {}


def mark_alive(workspace: Workspace, run_id: str) -> None:
    """Let others see that a run is alive, for as long as this process is."""
    path = _alive_file(workspace, run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    lock.acquire(timeout=SECONDS_TO_MARK_ALIVE)
    _ALIVE_LOCKS[run_id] = lock


def is_alive(workspace: Workspace, run_id: str) -> bool:
    """Whether the process of a run that has started is still there."""
    path = _alive_file(workspace, run_id)
    return run_id in _ALIVE_LOCKS or (path.exists() and is_held(FileLock(path)))


def _alive_file(workspace: Workspace, run_id: str) -> Path:
    return workspace.dagster / "alive" / f"{run_id}.lock"


def end_abandoned_runs(workspace: Workspace, instance: dg.DagsterInstance, job: str) -> list[str]:
    """Fail the runs of a job that nobody works on any more, and free what they held; their ids.

    A run of the job that has started, and whose process is gone, was killed. Dagster would wait for the places in its
    pools forever.
    """
    started = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    ended = []
    for run in instance.get_runs(dg.RunsFilter(job_name=job, statuses=started)):
        if not is_alive(workspace, run.run_id):
            instance.report_run_failed(run, ABANDONED)
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
            ended.append(run.run_id)
    _remove_marks_of_ended_runs(workspace, instance)
    return ended


def _remove_marks_of_ended_runs(workspace: Workspace, instance: dg.DagsterInstance) -> None:
    for path in (workspace.dagster / "alive").glob("*.lock"):
        run = instance.get_run_by_id(path.stem)
        if run is None or run.is_finished:
            path.unlink(missing_ok=True)


@contextmanager
def _working_in_home(workspace: Workspace, log: logging.Logger) -> Generator[None]:
    """Remove what killed runs left, and put aside in the home what this run puts aside."""
    for kind, count in remove_leftovers(workspace, log.warning).items():
        log.info(f"of runs that were killed, removed: {kind} ({count:,})")
    for folder in warm_dbt.list_abandoned_folders(workspace.root):
        shutil.rmtree(folder, ignore_errors=True)
    with use_temporary_folder(workspace):
        yield


class WorkspaceLockResource(dg.ConfigurableResource[None]):
    """For a run of the refresh, from its first step to its last. Another one at work is waited for."""

    workspace: WorkspaceResource
    job: str

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Generator[None]:
        """Hold the lock, and leave the record of the run; raises dg.Failure where another does not end in time."""
        paths, log = self.workspace.paths, context.log or dg.get_dagster_logger()
        instance, run = context.instance, context.run
        is_refresh = instance is not None and run is not None and run.job_name == self.job
        if run is not None:
            mark_alive(paths, run.run_id)
        try:
            with lock_workspace(paths, self.workspace.wait_seconds, log.warning), _working_in_home(paths, log):
                if instance is not None:
                    for run_id in end_abandoned_runs(paths, instance, self.job):
                        log.warning(f"run {run_id} was abandoned: {ABANDONED}")
                if not is_refresh or instance is None or run is None:
                    yield
                    return
                begin_record(paths, run)
                try:
                    yield
                finally:
                    try:
                        end_record(paths, instance, run)
                    except OSError as error:
                        log.warning(f"{error.filename}: {error.strerror}; what came of the run stands in its log alone")
        except WorkspaceLockedError as error:
            raise dg.Failure(f"Nothing was changed: {error}.") from error
