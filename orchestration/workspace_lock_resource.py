"""A run of the refresh is alone in its home, leaves its record there, and ends what a killed one left behind."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from filelock import FileLock, Timeout

from iapt.workspace import Workspace
from iapt.workspace_lock import WorkspaceLockedError, lock_workspace
from orchestration.resources import WorkspaceResource
from orchestration.run_record import begin_record, end_record

ABANDONED = "Its process ended without a word: nobody works on it any more."

#: Whoever looks for signs of life holds one for an instant.
SECONDS_TO_SHOW_LIFE = 10
#: Held until this process ends, however it ends: by it others see that the run is alive, though it may only wait.
_SIGNS_OF_LIFE: dict[str, FileLock] = {}


def show_alive(home: Workspace, run_id: str) -> None:
    """Let others see that a run is alive, for as long as this process is."""
    path = _sign_of(home, run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    lock.acquire(timeout=SECONDS_TO_SHOW_LIFE)
    _SIGNS_OF_LIFE[run_id] = lock


def is_alive(home: Workspace, run_id: str) -> bool:
    """Whether the process of a run that has started is still there."""
    path = _sign_of(home, run_id)
    if run_id in _SIGNS_OF_LIFE:
        return True
    if not path.exists():
        return False
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def _sign_of(home: Workspace, run_id: str) -> Path:
    return home.dagster / "alive" / f"{run_id}.lock"


def end_abandoned_runs(home: Workspace, instance: dg.DagsterInstance, job: str) -> list[str]:
    """Fail the runs of a job that nobody works on any more, and free what they held; their ids.

    A run of the job that has started, and whose process is gone, was killed. Dagster would wait for the places in its
    pools forever.
    """
    started = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    ended = []
    for run in instance.get_runs(dg.RunsFilter(job_name=job, statuses=started)):
        if not is_alive(home, run.run_id):
            instance.report_run_failed(run, ABANDONED)
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
            ended.append(run.run_id)
    _forget_signs_of_ended_runs(home, instance)
    return ended


def _forget_signs_of_ended_runs(home: Workspace, instance: dg.DagsterInstance) -> None:
    for path in (home.dagster / "alive").glob("*.lock"):
        run = instance.get_run_by_id(path.stem)
        if run is None or run.is_finished:
            path.unlink(missing_ok=True)


class WorkspaceLockResource(dg.ConfigurableResource[None]):
    """For a run of the refresh, from its first step to its last. Another one at work is waited for."""

    workspace: WorkspaceResource
    job: str

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Generator[None]:
        """Hold the home, and leave the record of the run in it; raises dg.Failure where another refresh holds on."""
        home, log = self.workspace.paths, context.log or dg.get_dagster_logger()
        instance, run = context.instance, context.run
        is_refresh = instance is not None and run is not None and run.job_name == self.job
        if run is not None:
            show_alive(home, run.run_id)
        try:
            with lock_workspace(home, self.workspace.wait_seconds, log.warning):
                if instance is not None:
                    for run_id in end_abandoned_runs(home, instance, self.job):
                        log.warning(f"run {run_id} was abandoned: {ABANDONED}")
                if not is_refresh or instance is None or run is None:
                    yield
                    return
                begin_record(home, run)
                try:
                    yield
                finally:
                    try:
                        end_record(home, instance, run)
                    except OSError as error:
                        log.warning(f"{error.filename}: {error.strerror}; what came of the run stands in its log alone")
        except WorkspaceLockedError as error:
            raise dg.Failure(f"Nothing was changed: {error}.") from error
