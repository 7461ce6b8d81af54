"""The record of what came of the last refresh, written by the job itself, whoever started it.

It is written when a run begins (its state is `running`) and again when it ends, also where it fails. A run that was
killed leaves `running` in a workspace where nothing runs: `last_refresh.describe_state` says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import dagster as dg

from iapt.catalogue.catalogue import Catalogue
from iapt.machine_errors import describe_machine_error
from iapt.refresh_basis import begin_basis, complete_basis
from iapt.workspace import CATALOGUE, PROJECT_ROOT, Workspace
from iapt.workspace_state import IngestRecord, ReadRecord, RefreshPlan, RefreshRecord, read_last_release
from orchestration.check_events import EVERY_DROP_IS_READ, collect_warnings, read_check_evaluations, read_run_events
from orchestration.last_refresh import LOG_TAG, read_record

STOPPED: Final = "the run was stopped before it was done"
_INTERRUPTED: Final = "DagsterExecutionInterruptedError"


def begin_record(workspace: Workspace, run: dg.DagsterRun) -> None:
    """Write that a run is at work, and remove the state of the run before."""
    for path in (workspace.ingest_record, workspace.read_record, workspace.refresh_plan):
        path.unlink(missing_ok=True)
    begin_basis(workspace, PROJECT_ROOT)
    RefreshRecord(run_id=run.run_id, started_by=_describe_starter(run.tags), started=_now(), state="running").write(
        workspace.last_refresh
    )


def end_record(workspace: Workspace, instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Write what came of a run, from its events and its state files."""
    begun = read_record(workspace)
    started = begun.started if begun is not None and begun.run_id == run.run_id else _now()
    ingested = IngestRecord.load_if_present(workspace.ingest_record)
    reading = ReadRecord.load_if_present(workspace.read_record)
    if reading is not None:
        rejected = list(reading.rejected)
    else:
        rejected = [rejection for _, rejection in ingested.rejected] if ingested is not None else []
    warnings = collect_warnings(read_check_evaluations(instance, run.run_id), exclude_checks={EVERY_DROP_IS_READ})
    record = RefreshRecord(
        run_id=run.run_id,
        started_by=_describe_starter(run.tags),
        started=started,
        ended=_now(),
        drops_read=reading.read if reading else 0,
        drops_known=reading.known if reading else 0,
        rejected=rejected,
        warnings=warnings,
        notices=list(reading.notices) if reading else [],
        log=run.tags.get(LOG_TAG) or _write_log(workspace, instance, run.run_id, started),
        **_find_result(workspace, instance, run.run_id),
    )
    record.write(workspace.last_refresh)
    if record.released is not None:
        catalogue = Catalogue(CATALOGUE, restricted=workspace.is_restricted)
        complete_basis(workspace, catalogue, datetime.now(UTC).date())


def _find_result(workspace: Workspace, instance: dg.DagsterInstance, run_id: str) -> dict[str, Any]:
    """Return the state of a run that has ended, and its release or its reason."""
    if failure := _describe_failure(instance, run_id):
        return {"state": "failed", "failure": failure}
    for event in read_run_events(instance, run_id, {dg.DagsterEventType.ASSET_MATERIALIZATION}):
        if event.asset_key is not None and event.asset_key.path == ["release"]:
            metadata = event.step_materialization_data.materialization.metadata
            state = "released" if metadata["is new"].value else "unchanged"
            return {"state": state, "released": str(metadata["release"].value)}
    plan = RefreshPlan.load_if_present(workspace.refresh_plan)
    if plan is not None and plan.action == "nothing_to_do":
        return {"state": "nothing_to_do", "nothing_to_do": plan.reason}
    if plan is not None and plan.action == "keep_release" and (release := read_last_release(workspace)) is not None:
        return {"state": "unchanged", "released": release.release_id}
    return {"state": "failed", "failure": STOPPED}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _describe_failure(instance: dg.DagsterInstance, run_id: str) -> str | None:
    """Return why a run failed: the message of our own failure, else of the innermost error; never a stack trace.

    None where no step failed.
    """
    for event in read_run_events(instance, run_id, {dg.DagsterEventType.STEP_FAILURE}):
        data = event.step_failure_data
        if data.user_failure_data is not None and data.user_failure_data.description:
            return str(data.user_failure_data.description)
        error = data.error
        if error is not None and error.cls_name == _INTERRUPTED:
            return STOPPED
        while error is not None and error.cause is not None:
            error = error.cause
        message = error.message.strip() if error is not None else "no reason was given"
        if trouble := describe_machine_error(message):
            return f"step {event.step_key} failed, for {trouble}."
        return f"step {event.step_key} failed: {message}"
    return None


def _describe_starter(tags: Mapping[str, str]) -> str:
    if LOG_TAG in tags:
        return "the command"
    for tag, kind in (("dagster/sensor_name", "the sensor"), ("dagster/schedule_name", "the schedule")):
        if tag in tags:
            return f"{kind} {tags[tag]}"
    return "Dagster's UI"


def _write_log(workspace: Workspace, instance: dg.DagsterInstance, run_id: str, started: str) -> str:
    """Write the events of a run that no command started as text, and return the file's name."""
    workspace.logs.mkdir(parents=True, exist_ok=True)
    name = f"refresh-{datetime.fromisoformat(started):%Y%m%dT%H%M%SZ}-{run_id[:8]}.log"
    with (workspace.logs / name).open("w", encoding="utf-8") as stream:
        for entry in instance.all_logs(run_id):
            when = datetime.fromtimestamp(entry.timestamp, UTC)
            stream.write(f"{when:%Y-%m-%d %H:%M:%S} {entry.step_key or 'run'}: {entry.message}\n")
            if entry.dagster_event is not None and entry.dagster_event.is_step_failure:
                stream.write(f"{entry.dagster_event.step_failure_data.error_display_string}\n")
    return name
