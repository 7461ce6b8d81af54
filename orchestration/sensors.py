"""Sensors: a refresh once the drop folder has changed, and has come to rest."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import dagster as dg

from orchestration.drops.sources import look_into
from orchestration.jobs import refresh
from orchestration.resources import PipelineHome, RefreshConfig

#: Between two looks. A file that is being copied grows, or changes its time, in less.
SECONDS_BETWEEN_LOOKS = 60


def folder_fingerprint(folder: Path) -> str:
    """A digest of the names, sizes and times of the drops in a folder; no file is opened."""
    whole = hashlib.sha256()
    for found in look_into(folder).files:
        state = found.path.stat()
        whole.update(f"{found.relative_path}\0{state.st_size}\0{state.st_mtime_ns}\n".encode())
    return whole.hexdigest()


@dataclass(frozen=True)
class Looks:
    """What the sensor remembers, as fingerprints of the folder: at its last look, and when it last asked for a run."""

    seen: str = ""
    asked_for: str = ""

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


@dg.sensor(
    job=refresh,
    minimum_interval_seconds=SECONDS_BETWEEN_LOOKS,
    description="Refresh when drops have appeared in the drop folder, and none of them is still being copied.",
)
def drop_folder_sensor(
    context: dg.SensorEvaluationContext, pipeline: PipelineHome
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Ask for a refresh when the drop folder is not as it was at the last one, and twice in a row the same.

    A file that is still being copied is a file like any other, and the first half of a CSV can be read and released.
    """
    folder = RefreshConfig().folder(pipeline.home)
    if not folder.is_dir():
        yield dg.SkipReason(f"there is no drop folder named {folder.name} yet")
        return
    before, now = Looks.from_cursor(context.cursor), folder_fingerprint(folder)
    if now == before.asked_for:
        context.update_cursor(Looks(now, before.asked_for).to_cursor())
        yield dg.SkipReason("nothing has changed in the drop folder")
    elif now != before.seen:
        context.update_cursor(Looks(now, before.asked_for).to_cursor())
        yield dg.SkipReason(
            "the drop folder has changed, and files may still be on their way into it; a refresh is asked for when "
            "names, sizes and times are the same at the next look"
        )
    else:
        context.update_cursor(Looks(now, now).to_cursor())
        yield dg.RunRequest(run_key=now)
