"""Sensors: a refresh once the drop folder has changed, and has come to rest, until a run has taken it in."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Self

import dagster as dg

from iapt.sources.folder_fingerprint import EMPTY, compute_folder_fingerprint
from iapt.workspace import Workspace
from iapt.workspace_state import read_ingested_fingerprint
from orchestration.jobs import refresh
from orchestration.resources import RefreshConfig, WorkspaceResource
from orchestration.workspace_lock_resource import is_alive

#: Between two looks. A file that is being copied grows, or changes its time, in less.
SECONDS_BETWEEN_LOOKS = 60
#: How long the sensor waits at most before it asks again for a folder that a run has failed to take in.
LONGEST_SECONDS_BETWEEN_ASKS = 3600
#: A run that Dagster has not started after so long never will: the process that was to start it is gone.
SECONDS_TO_START = 900
#: A run that has started shows that it is alive after so long, or was killed.
SECONDS_TO_SHOW_LIFE = 120
#: The tag of a run: the state of the folder it is asked to take in.
FOLDER_TAG = "iapt/folder"


@dataclass(frozen=True)
class SensorCursor:
    """What the sensor remembers: the folder at its last look, and the state it last asked a run to take in.

    `asks` counts all runs asked for, `attempts` those for this state, and `asked_at` is when, in seconds of the epoch.
    """

    seen: str = ""
    asked_for: str = ""
    asks: int = 0
    attempts: int = 0
    asked_at: float = 0

    @classmethod
    def from_cursor(cls, cursor: str | None) -> Self:
        """What a cursor says. One from before looks were compared is the bare fingerprint that was asked for."""
        if cursor is None:
            return cls()
        if re.fullmatch("[0-9a-f]{64}", cursor):
            return cls(seen=cursor, asked_for=cursor)
        return cls(**json.loads(cursor))

    def to_cursor(self) -> str:
        """The same as text to keep, for people to read too."""
        return json.dumps(asdict(self))

    def seconds_to_wait(self, now: str, at: float) -> float:
        """How long to wait before a run is asked to take in a state: longer each time one has failed to."""
        if now != self.asked_for or not self.attempts:
            return 0
        pause = min(SECONDS_BETWEEN_LOOKS * 2**self.attempts, LONGEST_SECONDS_BETWEEN_ASKS)
        return max(0.0, self.asked_at + pause - at)


@dg.sensor(
    job=refresh,
    minimum_interval_seconds=SECONDS_BETWEEN_LOOKS,
    description=(
        "Refresh when drops have appeared in the drop folder, and none of them is still being copied; again until a "
        "run has taken each of them in, or refused it with a reason."
    ),
)
def drop_folder_sensor(
    context: dg.SensorEvaluationContext, workspace: WorkspaceResource
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Ask for a refresh when no run has taken in the drop folder as it is, and it was the same at two looks.

    A file that is still being copied is a file like any other, and the first half of a CSV can be read and released.
    """
    home = workspace.paths
    folder = RefreshConfig().folder(home)
    if not folder.is_dir():
        yield dg.SkipReason(f"there is no drop folder named {folder.name} yet")
        return
    before, now, at = SensorCursor.from_cursor(context.cursor), compute_folder_fingerprint(folder), time.time()
    context.update_cursor(replace(before, seen=now).to_cursor())
    if now == EMPTY:
        yield dg.SkipReason("the drop folder is empty")
    elif now == read_ingested_fingerprint(home, folder):
        yield dg.SkipReason("nothing has changed in the drop folder since a run took it in")
    elif now != before.seen:
        yield dg.SkipReason(
            "the drop folder has changed, and files may still be on their way into it; a refresh is asked for when "
            "names, sizes and times are the same at the next look"
        )
    elif pending := _run_on_its_way(context.instance, home, now, at):
        yield dg.SkipReason(f"run {pending}, which is to take the drop folder in, is waiting or at work")
    elif wait := before.seconds_to_wait(now, at):
        yield dg.SkipReason(
            "the last run has not taken the drop folder in, see why in `iapt status`; another is asked for in "
            f"{wait:.0f} s"
        )
    else:
        attempts = before.attempts + 1 if now == before.asked_for else 1
        asked = SensorCursor(now, now, before.asks + 1, attempts, at)
        context.update_cursor(asked.to_cursor())
        # Dagster does not run one key twice, and this folder may have to be asked for again.
        yield dg.RunRequest(run_key=f"{now[:16]}-{asked.asks}", tags={FOLDER_TAG: now})


def _run_on_its_way(instance: dg.DagsterInstance, home: Workspace, fingerprint: str, at: float) -> str | None:
    """The id of a run that was asked to take in this state and may still do so."""
    waiting = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING]
    at_work = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    filters = dg.RunsFilter(job_name=refresh.name, tags={FOLDER_TAG: fingerprint}, statuses=[*waiting, *at_work])
    for record in instance.get_run_records(filters):
        run = record.dagster_run
        seconds = at - record.update_timestamp.timestamp()
        if run.status in at_work:
            is_pending = is_alive(home, run.run_id) or seconds < SECONDS_TO_SHOW_LIFE
        else:
            is_pending = run.status == dg.DagsterRunStatus.QUEUED or seconds < SECONDS_TO_START
        if is_pending:
            return run.run_id
    return None
