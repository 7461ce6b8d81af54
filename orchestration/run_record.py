"""The one record of what came of the last refresh, `last_refresh.json`, written by the job itself, whoever ran it.

It is written when a run begins (`state` is `running`) and again when it ends, also where it fails. A run that was
killed leaves `running` in a home where nothing runs: `describe_state` tells that apart.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import dagster as dg

from iapt.files import write_json_atomically
from iapt.machine_errors import describe_trouble
from iapt.workspace import Workspace
from orchestration.check_events import EVERY_DROP_IS_READ, collect_warnings, read_check_evaluations, read_run_events

State: TypeAlias = Literal["running", "released", "unchanged", "nothing_to_do", "failed"]

#: Run tags: the log file that the command writes, and by which Dagster's UI lists a run with those of its job.
LOG_TAG: Final = "iapt/log"
STOPPED: Final = "the run was stopped before it was done"
_INTERRUPTED: Final = "DagsterExecutionInterruptedError"


@dataclass(frozen=True)
class RefreshOutcome:
    """What a refresh did. `released` is the release that is `latest` afterwards and was made from these drops.

    `nothing_to_do` says why there was nothing to read and nothing to release; None where there was.
    """

    released: str | None
    is_new: bool
    drops_read: int = 0
    drops_known: int = 0
    refused: list[dict[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    failure: str | None = None
    nothing_to_do: str | None = None
    log: Path | None = None

    @property
    def exit_status(self) -> int:
        """0 released, nothing new or nothing to do; 1 nothing released; 3 released, but some drops were refused."""
        if self.nothing_to_do is not None:
            return 0
        if self.released is None:
            return 1
        return 3 if self.refused else 0


def begin_record(home: Workspace, run: dg.DagsterRun) -> None:
    """Write that a run is at work, and take away what the last one said of its drops."""
    for name in ("reading.json", "intake.json"):
        (home.root / name).unlink(missing_ok=True)
    started = datetime.now(UTC).isoformat(timespec="seconds")
    _write(home, {"run_id": run.run_id, "by": _started_by(run.tags), "started": started, "state": "running"})


def end_record(home: Workspace, instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Write what came of a run, from its events and what it wrote down in the home."""
    begun = read_record(home)
    started = begun["started"] if begun.get("run_id") == run.run_id else datetime.now(UTC).isoformat(timespec="seconds")
    intake, reading = _json(home.root / "intake.json"), _json(home.root / "reading.json")
    failure = _failure_of(instance, run.run_id)
    release = None if failure else _released(home, instance, run.run_id, reading)
    nothing_to_do = None if failure or release else reading.get("nothing_to_do")
    if failure is None and release is None and nothing_to_do is None:
        failure = STOPPED
    log = run.tags.get(LOG_TAG) or _write_log(home, instance, run.run_id, started)
    state: State = "failed"
    if nothing_to_do is not None:
        state = "nothing_to_do"
    elif release is not None:
        state = "released" if release[1] else "unchanged"
    _write(
        home,
        {
            "run_id": run.run_id,
            "by": _started_by(run.tags),
            "started": started,
            "ended": datetime.now(UTC).isoformat(timespec="seconds"),
            "state": state,
            "released": release[0] if release else None,
            "is_new": bool(release and release[1]),
            "drops_read": reading.get("read", 0),
            "drops_known": reading.get("known", 0),
            "refused": reading.get("refused") or [refusal for _, refusal in intake.get("rejected", [])],
            "warnings": collect_warnings(
                read_check_evaluations(instance, run.run_id), exclude_checks={EVERY_DROP_IS_READ}
            ),
            "notices": reading.get("notices", []),
            "failure": failure,
            "nothing_to_do": nothing_to_do,
            "log": log,
        },
    )


def read_record(home: Workspace) -> dict[str, Any]:
    """Return the record of the last refresh; empty where there was none."""
    return _json(home.root / "last_refresh.json")


def make_outcome(home: Workspace, record: Mapping[str, Any]) -> RefreshOutcome:
    """Return what a finished record says."""
    return RefreshOutcome(
        released=record["released"],
        is_new=record["is_new"],
        drops_read=record["drops_read"],
        drops_known=record["drops_known"],
        refused=record["refused"],
        warnings=record["warnings"],
        notices=record["notices"],
        failure=record["failure"],
        nothing_to_do=record["nothing_to_do"],
        log=home.logs / record["log"],
    )


def describe_state(record: Mapping[str, Any], *, is_running: bool) -> str:
    """Return what came of the refresh of a record, for a person; records of earlier versions have no state."""
    state = record.get("state") or ("failed" if record.get("failure") else "released")
    by = f" (by {record['by']})" if record.get("by") else ""
    if state == "running":
        said = "is at work" if is_running else "ended without a word: its process was killed. Refresh again"
    elif state == "failed":
        said = f"failed; nothing was released: {record['failure']}"
    elif state == "nothing_to_do":
        said = f"had nothing to do: {record['nothing_to_do']}"
    elif state == "unchanged":
        said = f"found nothing new; the release is {record['released']}"
    else:
        said = f"made release {record['released']}"
    return f"The last refresh, {record['started']}{by}, {said}"


def _released(
    home: Workspace, instance: dg.DagsterInstance, run_id: str, reading: Mapping[str, Any]
) -> tuple[str, bool] | None:
    """The release that stands after a run, and whether the run made it; None where the run did not come so far."""
    for event in read_run_events(instance, run_id, {dg.DagsterEventType.ASSET_MATERIALIZATION}):
        if event.asset_key is not None and event.asset_key.path == ["release"]:
            metadata = event.step_materialization_data.materialization.metadata
            return str(metadata["release"].value), bool(metadata["is new"].value)
    if reading.get("is_released"):
        return str(_json(home.latest / "manifest.json")["release_id"]), False
    return None


def _failure_of(instance: dg.DagsterInstance, run_id: str) -> str | None:
    """The reason a person should read: the message of our own failure, else of the innermost error; not the stack."""
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
        if trouble := describe_trouble(message):
            return f"step {event.step_key} failed, for {trouble}."
        return f"step {event.step_key} failed: {message}"
    return None


def _started_by(tags: Mapping[str, str]) -> str:
    if LOG_TAG in tags:
        return "the command"
    for tag, kind in (("dagster/sensor_name", "the sensor"), ("dagster/schedule_name", "the schedule")):
        if tag in tags:
            return f"{kind} {tags[tag]}"
    return "Dagster's UI"


def _write_log(home: Workspace, instance: dg.DagsterInstance, run_id: str, started: str) -> str:
    """Write the events of a run that no command watched as text, and return the file's name."""
    home.logs.mkdir(parents=True, exist_ok=True)
    name = f"refresh-{datetime.fromisoformat(started):%Y%m%dT%H%M%SZ}-{run_id[:8]}.log"
    with (home.logs / name).open("w", encoding="utf-8") as stream:
        for entry in instance.all_logs(run_id):
            when = datetime.fromtimestamp(entry.timestamp, UTC)
            stream.write(f"{when:%Y-%m-%d %H:%M:%S} {entry.step_key or 'run'}: {entry.message}\n")
            if entry.dagster_event is not None and entry.dagster_event.is_step_failure:
                stream.write(f"{entry.dagster_event.step_failure_data.error_display_string}\n")
    return name


def _write(home: Workspace, record: Mapping[str, Any]) -> None:
    """Write the record, whole or not at all: `iapt status` may be reading it."""
    write_json_atomically(home.root / "last_refresh.json", record)


def _json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}
