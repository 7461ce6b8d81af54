"""Sensors: a refresh once the drop folder has changed, and has come to rest, until a run has ingested it."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Self

import dagster as dg

from iapt.sources.folder_fingerprint import EMPTY, compute_folder_fingerprint
from iapt.sources.store_addresses import hide_credentials, is_elsewhere
from iapt.workspace_state import read_ingested_fingerprint
from orchestration.jobs import refresh
from orchestration.pending_runs import find_pending_run
from orchestration.resources import RefreshConfig, WorkspaceResource

#: Between two evaluations. A file that is being copied grows, or changes its time, in less.
SECONDS_BETWEEN_CHECKS = 60
#: How long the sensor waits at most before it requests another run for a folder that a run has failed to ingest.
MAX_SECONDS_BETWEEN_REQUESTS = 3600
#: The tag of a run: the fingerprint of the folder it is requested to ingest.
FOLDER_TAG = "iapt/folder"


@dataclass(frozen=True)
class SensorCursor:
    """What the sensor remembers: the folder at its last evaluation, and the state it last requested a run for.

    Both are fingerprints. `requests` counts all runs requested, `attempts` those for this state, and `requested_at` is
    when, in seconds of the epoch.
    """

    last_seen: str = ""
    last_requested: str = ""
    requests: int = 0
    attempts: int = 0
    requested_at: float = 0

    @classmethod
    def from_cursor(cls, cursor: str | None) -> Self:
        """Return what a cursor says, also one of an earlier version: under other keys, or a bare fingerprint."""
        if cursor is None:
            return cls()
        if re.fullmatch("[0-9a-f]{64}", cursor):
            return cls(last_seen=cursor, last_requested=cursor)
        return cls(**{_EARLIER_KEYS.get(key, key): value for key, value in json.loads(cursor).items()})

    def to_cursor(self) -> str:
        """Return the same as text that people can read too."""
        return json.dumps(asdict(self))

    def compute_wait_seconds(self, fingerprint: str, now: float) -> float:
        """Return how long to wait before a run is requested for a state: longer each time one has failed.

        `now` is in seconds of the epoch.
        """
        if fingerprint != self.last_requested or not self.attempts:
            return 0
        pause = min(SECONDS_BETWEEN_CHECKS * 2**self.attempts, MAX_SECONDS_BETWEEN_REQUESTS)
        return max(0.0, self.requested_at + pause - now)


_EARLIER_KEYS = {
    "seen": "last_seen",
    "asked_for": "last_requested",
    "asks": "requests",
    "asked_at": "requested_at",
}


@dg.sensor(
    job=refresh,
    minimum_interval_seconds=SECONDS_BETWEEN_CHECKS,
    description=(
        "Refresh when drops have appeared in the drop folder, and none of them is still being copied; again until a "
        "run has archived each of them, or rejected it with a reason."
    ),
)
def drop_folder_sensor(
    context: dg.SensorEvaluationContext, workspace: WorkspaceResource
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Request a refresh when no run has ingested the drop folder as it is, and it was the same at two evaluations.

    A file that is still being copied is a file like any other, and the first half of a CSV can be read and released.
    """
    paths = workspace.paths
    config = RefreshConfig()
    if config.find_source(paths) == "publisher":
        yield dg.SkipReason(
            "drops come from the publisher: what is got by hand is taken by its schedule and by `iapt pull`"
        )
        return
    if is_elsewhere(location := config.location(paths)):
        yield dg.SkipReason(
            f"the drop folder is {hide_credentials(location)}, which the schedule asks; the sensor looks at folders of "
            "this machine"
        )
        return
    folder = config.folder(paths)
    if not folder.is_dir():
        yield dg.SkipReason(f"there is no drop folder named {folder.name} yet")
        return
    cursor = SensorCursor.from_cursor(context.cursor)
    fingerprint, now = compute_folder_fingerprint(folder), time.time()
    context.update_cursor(replace(cursor, last_seen=fingerprint).to_cursor())
    if fingerprint == EMPTY:
        yield dg.SkipReason("the drop folder is empty")
    elif fingerprint == read_ingested_fingerprint(paths, folder):
        yield dg.SkipReason("nothing has changed in the drop folder since a run ingested it")
    elif fingerprint != cursor.last_seen:
        yield dg.SkipReason(
            "the drop folder has changed, and files may still be on their way into it; a refresh is requested when "
            "names, sizes and times are the same at the next evaluation"
        )
    elif pending := find_pending_run(context.instance, paths, now, {FOLDER_TAG: fingerprint}):
        yield dg.SkipReason(f"run {pending}, which is to ingest the drop folder, is waiting or at work")
    elif wait_seconds := cursor.compute_wait_seconds(fingerprint, now):
        yield dg.SkipReason(
            "the last run has not ingested the drop folder, see why in `iapt status`; another is requested in "
            f"{wait_seconds:.0f} s"
        )
    else:
        attempts = cursor.attempts + 1 if fingerprint == cursor.last_requested else 1
        requested = SensorCursor(fingerprint, fingerprint, cursor.requests + 1, attempts, now)
        context.update_cursor(requested.to_cursor())
        # Dagster does not run one key twice, and this folder may have to be requested again.
        yield dg.RunRequest(run_key=f"{fingerprint[:16]}-{requested.requests}", tags={FOLDER_TAG: fingerprint})
