"""Runs of the refresh that are waiting or at work: whoever would request another asks for them first."""

from collections.abc import Mapping
from typing import Final

import dagster as dg

from iapt.workspace import Workspace
from orchestration.jobs import refresh
from orchestration.workspace_lock_resource import is_alive

#: A run that Dagster has not started after so long never will: the process that was to start it is gone.
SECONDS_TO_START: Final = 900
#: A run that has started marks itself as alive after so long, or was killed.
SECONDS_TO_MARK_ALIVE: Final = 120


def find_pending_run(
    instance: dg.DagsterInstance, workspace: Workspace, now: float, tags: Mapping[str, str]
) -> str | None:
    """Return the id of a run with some tags that is waiting or at work. `now` is in seconds of the epoch."""
    waiting = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING]
    at_work = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    filters = dg.RunsFilter(job_name=refresh.name, tags=dict(tags), statuses=[*waiting, *at_work])
    for record in instance.get_run_records(filters):
        run = record.dagster_run
        seconds = now - record.update_timestamp.timestamp()
        if run.status in at_work:
            is_pending = is_alive(workspace, run.run_id) or seconds < SECONDS_TO_MARK_ALIVE
        else:
            is_pending = run.status == dg.DagsterRunStatus.QUEUED or seconds < SECONDS_TO_START
        if is_pending:
            return run.run_id
    return None
