"""One refresh in this process: the same Dagster job as the schedule, the sensor and the UI, and what came of it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from orchestration import dbt_process
from orchestration.drops.intake import Progress, no_progress
from orchestration.drops.refusals import DropRefused
from orchestration.exclusive import alone_in
from orchestration.home import PROJECT_ROOT, Home


@dataclass(frozen=True)
class RefreshOutcome:
    """What a refresh did. `released` is the release that is `latest` afterwards and was made from these drops."""

    released: str | None
    is_new: bool
    drops_read: int = 0
    drops_known: int = 0
    refused: list[dict[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    failure: str | None = None
    log: Path | None = None

    @property
    def exit_status(self) -> int:
        """0 released or nothing new; 1 nothing released; 3 released, but some drops were refused."""
        if self.released is None:
            return 1
        return 3 if self.refused else 0


def refresh(
    home: Home, drops: Path, *, profile: str = "", rebuild: bool = False, progress: Progress = no_progress
) -> RefreshOutcome:
    """Run the refresh job on a folder of drops in a home, saying in full what the tools say into a log file.

    `profile` is one of the disclosure policy; empty means its default. In a restricted home nothing that is written can
    be read by anyone but its owner.
    Raises HomeIsBusy where another refresh is running.
    """
    with _readable_by_the_owner_only(home) if home.is_restricted else contextlib.nullcontext():
        return _refresh(home, drops, profile, rebuild, progress)


@contextlib.contextmanager
def _readable_by_the_owner_only(home: Home) -> Generator[None]:
    """Let nothing be made that others can read; what was copied with the permissions it had loses them."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)
        for path in home.root.rglob("*"):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & 0o700)


def _refresh(home: Home, drops: Path, profile: str, rebuild: bool, progress: Progress) -> RefreshOutcome:
    home.logs.mkdir(parents=True, exist_ok=True)
    started = datetime.now(UTC)
    log = home.logs / f"refresh-{started:%Y%m%dT%H%M%SZ}.log"
    with alone_in(home), log.open("a", encoding="utf-8") as stream:
        outcome = replace(_run(home, drops, profile, rebuild, progress, stream), log=log)
    record = {
        "started": started.isoformat(timespec="seconds"),
        "released": outcome.released,
        "is_new": outcome.is_new,
        "drops_read": outcome.drops_read,
        "drops_known": outcome.drops_known,
        "refused": outcome.refused,
        "warnings": outcome.warnings,
        "notices": outcome.notices,
        "failure": outcome.failure,
        "log": log.name,
    }
    (home.root / "last_refresh.json").write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return outcome


def prepare_dagster_home(home: Home) -> None:
    """Give the home its Dagster folder, with the project's settings in it."""
    home.dagster.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(PROJECT_ROOT / "dagster.yaml", home.dagster / "dagster.yaml")


def _run(home: Home, drops: Path, profile: str, rebuild: bool, progress: Progress, stream: TextIO) -> RefreshOutcome:
    prepare_dagster_home(home)
    for name in ("reading.json", "intake.json"):
        (home.root / name).unlink(missing_ok=True)
    os.environ["DAGSTER_HOME"] = str(home.dagster)
    os.environ.setdefault("DO_NOT_TRACK", "1")
    dbt_process.warm_up()
    with _said_into(stream):
        # Imported late: a usage error should not wait for Dagster.
        from orchestration.definitions import build_definitions
        from orchestration.event_log import instance_writing_here
        from orchestration.progress import ProgressReporter
        from orchestration.resources import PipelineHome

        progress("preparing", 0, 0)
        definitions = build_definitions(PipelineHome(root=str(home.root)), ProgressReporter(progress))
        job = definitions.resolve_job_def("refresh")
        config = {"config": {"drops": str(drops), "profile": profile, "rebuild": rebuild}}
        with instance_writing_here(home.dagster) as instance:
            result = job.execute_in_process(
                run_config={
                    "ops": {"kept_drops": config, "landing": config},
                    "loggers": {"console": {"config": {"log_level": "INFO"}}},
                },
                instance=instance,
                raise_on_error=False,
            )
            return _outcome(home, result)


def _outcome(home: Home, result: Any) -> RefreshOutcome:
    from orchestration.assets.checks import evaluations_in, warnings_of
    from orchestration.assets.drops import EVERY_DROP_IS_READ

    intake, reading = _record(home, "intake.json"), _record(home, "reading.json")
    refused = reading.get("refused") or [refusal for _, refusal in intake.get("refused", [])]
    outcome = RefreshOutcome(
        released=None,
        is_new=False,
        drops_read=reading.get("read", 0),
        drops_known=reading.get("known", 0),
        refused=refused,
        notices=reading.get("notices", []),
        warnings=warnings_of(evaluations_in(result.all_events), told_apart={EVERY_DROP_IS_READ}),
    )
    if not result.success:
        return replace(outcome, failure=_failure_of(result))
    published = [
        event.step_materialization_data.materialization.metadata
        for event in result.all_events
        if event.is_step_materialization and event.asset_key and event.asset_key.path == ["release"]
    ]
    manifest = _record(home, "latest/manifest.json")
    is_new = bool(published and published[0]["is new"].value)
    return replace(outcome, released=manifest.get("release_id"), is_new=is_new)


def _record(home: Home, name: str) -> dict[str, Any]:
    path = home.root / name
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def _failure_of(result: Any) -> str:
    """The reason a person should read: the message of our own failure, else of the innermost error; not the stack."""
    for event in result.all_events:
        if event.is_step_failure:
            data = event.step_failure_data
            if data.user_failure_data is not None and data.user_failure_data.description:
                return str(data.user_failure_data.description)
            error = data.error
            while error is not None and error.cause is not None:
                error = error.cause
            message = error.message.strip() if error is not None else "no reason was given"
            return f"step {event.step_key} failed: {message}"
    return "the job failed before its first step"


@contextlib.contextmanager
def _said_into(stream: TextIO) -> Generator[None]:
    """Send what the tools print, also from processes they start, into a file for as long as this lasts."""
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        yield


def describe_refusal(refusal: dict[str, str]) -> str:
    """A refusal record as a paragraph."""
    return str(DropRefused(**refusal))
