"""Sensors: a refresh as soon as the drop folder changes."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from orchestration.drops.sources import look_into
from orchestration.jobs import refresh
from orchestration.resources import PipelineHome, RefreshConfig


def folder_fingerprint(folder: Path) -> str:
    """A digest of the names, sizes and times of the drops in a folder; no file is opened."""
    whole = hashlib.sha256()
    for found in look_into(folder).files:
        state = found.path.stat()
        whole.update(f"{found.relative_path}\0{state.st_size}\0{state.st_mtime_ns}\n".encode())
    return whole.hexdigest()


@dg.sensor(job=refresh, minimum_interval_seconds=60, description="Refresh when drops appear in the drop folder.")
def drop_folder_sensor(
    context: dg.SensorEvaluationContext, pipeline: PipelineHome
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Ask for a refresh when the drop folder is not as it was at the last one."""
    folder = RefreshConfig().folder(pipeline.home)
    if not folder.is_dir():
        yield dg.SkipReason(f"there is no drop folder named {folder.name} yet")
        return
    fingerprint = folder_fingerprint(folder)
    if fingerprint == context.cursor:
        yield dg.SkipReason("nothing has changed in the drop folder")
        return
    context.update_cursor(fingerprint)
    yield dg.RunRequest(run_key=fingerprint)
