"""What a home remembers between runs: its state files, each with a model, read and written here alone.

A home of an earlier version stays usable: its keys and file names are read too, and the next refresh writes today's.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, Self, TypeAlias

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from iapt.file_states import read_file_state
from iapt.files import write_json_atomically
from iapt.period_inputs import AffectedPeriod, PeriodInputs
from iapt.workspace import Workspace

#: In a release folder: what the release says of itself.
MANIFEST: Final = "manifest.json"

RefreshState: TypeAlias = Literal["running", "released", "unchanged", "nothing_to_do", "failed"]
#: A rejected drop as plain data: file, where in it, expected, found, remedy.
Rejection: TypeAlias = dict[str, str]

_FINGERPRINT: Final = AliasChoices("input_fingerprint", "recipe")
_REJECTED: Final = AliasChoices("rejected", "refused")


class DamagedStateError(OSError):
    """Raised where a state file cannot be read as what it is: which, what was found, and what to do about it."""


class StateFile(BaseModel):
    """A state file: frozen, and tolerant of keys that another version has written.

    `remedy` is what a person does about one that is damaged.
    """

    remedy: ClassVar[str] = "Take the file away: the next refresh writes it again."
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return what a file holds. Raises FileNotFoundError, and DamagedStateError where it is malformed."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"]))
            found = f"{place}: {first['msg']}" if place else first["msg"]
            raise DamagedStateError(f"{path}: expected what iapt wrote there; found {found}. {cls.remedy}") from error

    @classmethod
    def load_if_present(cls, path: Path) -> Self | None:
        """Return what a file holds; None where there is none."""
        return cls.load(path) if path.is_file() else None

    def write(self, path: Path) -> None:
        """Replace the file."""
        write_json_atomically(path, self.model_dump(mode="json"))


class PulledDrop(StateFile):
    """What came of one publication in a pull. `sha256` is empty and `bytes` 0 where nothing was got.

    `comparison` says how the figures differ from those of the issue before, empty where there is none; `detail` why it
    is held or was not got.
    """

    publication: str
    series: str
    period: str
    revision: int
    outcome: str
    address: str
    sha256: str = ""
    bytes: int = 0
    bytes_received: int = 0
    http_status: int | None = None
    comparison: str = ""
    detail: str = ""


class IngestRecord(StateFile):
    """`ingest.json`: what the drop folder, or the publisher, offered to the current run.

    `pulled` are the publications that were got from the publisher, or could not be. `offered` are sha256 of the drops;
    `other_names` pairs the sha256 of bytes that are archived under one name with another name they are offered under;
    `rejected` pairs a path with the reason. Without a folder its `folder_fingerprint` is empty.
    """

    origin: str
    offered: tuple[str, ...]
    rejected: tuple[tuple[str, Rejection], ...] = Field(validation_alias=_REJECTED)
    ignored: tuple[str, ...] = ()
    other_names: tuple[tuple[str, str], ...] = ()
    folder_fingerprint: str
    pulled: tuple[PulledDrop, ...] = ()


class ReadRecord(StateFile):
    """`reading.json`: what came of reading the archived drops in the current run.

    `read` and `known` are numbers of drops: read now, and read before. `usable` are sha256 in the order of the store.
    """

    read: int
    known: int
    usable: tuple[str, ...]
    rejected: tuple[Rejection, ...]
    notices: tuple[str, ...]


class BuildInputs(StateFile):
    """`landed.json`, `built.json`, `staged.json`: what the tables of that step are made from.

    `drops` are sha256; `disclosure` is the disclosure policy as a manifest states it, empty in a home of a version that
    did not say.
    """

    input_fingerprint: str = Field("", validation_alias=_FINGERPRINT)
    origin: str = "published"
    drops: tuple[str, ...]
    rejected: tuple[Rejection, ...] = Field((), validation_alias=_REJECTED)
    disclosure: dict[str, Any] = {}


class BuiltPeriods(StateFile):
    """`built_periods.json`, `landed_periods.json`: what the figures of each period in the warehouse rest on.

    `foundation` are digests of what every period rests on, by name; empty where no build of all periods was finished.
    `unfinished` are the periods that a build has begun with and not finished. Keys are `month 2026-01`. `builds` are
    the last finished build and those begun since: a warehouse that another one landed in last is not meant here.
    `warehouse` is the state of its file when the last build was finished; empty where one was begun since.
    """

    remedy: ClassVar[str] = "Take the file away: the next refresh builds every period again."
    foundation: dict[str, str] = {}
    periods: dict[str, PeriodInputs] = {}
    unfinished: tuple[str, ...] = ()
    builds: tuple[str, ...] = ()
    warehouse: str = ""

    def begin(self, affected: Iterable[AffectedPeriod], *, is_full: bool, build: str = "") -> Self:
        """Return the same with the periods that a build is about to make again as not finished.

        Of a full build nothing is left to stand on until it is finished: tables of two versions of the models may lie
        beside each other, also after the models are again what they were.
        """
        keys = {*self.unfinished, *(f"{period.grain} {period.label}" for period in affected)}
        foundation: dict[str, str] = {} if is_full else self.foundation
        return self.model_copy(
            update={
                "unfinished": tuple(sorted(keys)),
                "foundation": foundation,
                "builds": tuple(dict.fromkeys((*self.builds, build))),
                "warehouse": "",
            }
        )


class PassedTest(BaseModel):
    """A test of the dbt project that passed, and in which build. Where Dagster shows it, `check` of `asset` is it."""

    model_config = ConfigDict(frozen=True)

    build: str
    asset: tuple[str, ...] = ()
    check: str = ""


class BuiltTables(StateFile):
    """`built_tables.json`: what the tables of the warehouse rest on, those by period apart, since they were made last.

    `warehouse` is the state of its file when the pipeline last wrote it: once anything else has, nothing is known of
    its tables. `project` is a digest of the dbt project without its seeds. `inputs` are digests of the seeds and of the
    landing tables, and `passed` the tests that passed on what rests on them, by what dbt calls each.
    """

    remedy: ClassVar[str] = "Take the file away: the next refresh makes every table again."
    warehouse: str = ""
    project: str
    inputs: dict[str, str] = {}
    passed: dict[str, PassedTest] = {}

    @classmethod
    def load_if_current(cls, workspace: Workspace) -> Self | None:
        """Return what is known of the tables; None where nothing is, or something else has written the warehouse."""
        built = cls.load_if_present(workspace.built_tables)
        # What a writer that was killed had committed lies beside the file, which then is as it was.
        is_open = workspace.warehouse.with_name(f"{workspace.warehouse.name}.wal").exists()
        if built is None or is_open or not workspace.warehouse.is_file():
            return None
        return built if read_file_state(workspace.warehouse) == built.warehouse else None

    def write_for(self, workspace: Workspace) -> None:
        """Replace the file, for the warehouse as it is now."""
        state = read_file_state(workspace.warehouse)
        self.model_copy(update={"warehouse": state}).write(workspace.built_tables)


class PulledFile(StateFile):
    """What is known of the file at one address. `checked_at` is when the server was last asked, ISO 8601 in UTC.

    `etag` and `last_modified` are as the server wrote them, empty where it wrote none; `outcome` is what came of the
    last time that bytes arrived.
    """

    publication: str
    sha256: str
    bytes: int
    checked_at: str
    http_status: int | None = None
    etag: str = ""
    last_modified: str = ""
    outcome: str = ""

    @field_validator("checked_at")
    @classmethod
    def _is_a_time(cls, text: str) -> str:
        if datetime.fromisoformat(text).tzinfo is None:
            raise ValueError("expected a time with its offset from UTC")
        return text


class PulledFiles(StateFile):
    """`pulled.json`: what is known of each address that was fetched."""

    remedy: ClassVar[str] = "Take the file away: the next pull asks for every file once more. What is archived stays."
    files: dict[str, PulledFile] = {}


class HoldReason(StateFile):
    """Why a drop is held: the rule, and a sentence's end for a person, such as `it shrank: ...`."""

    rule: Literal[
        "pending",
        "unreadable",
        "other_sha256",
        "other_series",
        "other_period",
        "missing_members",
        "shrank",
        "lost_organisations",
        "lost_measures",
    ]
    text: str


class FailedPull(StateFile):
    """A listed file that could not be got: why (`detail`), since when, and when it was last asked for."""

    publication: str
    outcome: str
    detail: str
    first_failed_on: dt.date
    last_tried_on: dt.date


class FailedPulls(StateFile):
    """`failed_pulls.json`: the listed files that the last refreshes could not get, by address."""

    files: dict[str, FailedPull] = {}


class Review(StateFile):
    """A drop that is held, and what a person decided of it. Times are ISO 8601 in UTC.

    While it has only the reason `pending`, its comparison with what was there is not done.
    """

    publication: str
    file: str
    state: Literal["held", "accepted", "rejected"]
    reasons: tuple[HoldReason, ...]
    held_at: str
    decided_at: str | None = None
    note: str = ""


class Reviews(StateFile):
    """`reviews.json`: the drops that arrived and were held, by sha256."""

    remedy: ClassVar[str] = (
        "Correct it, or put a copy back. Without the file nothing is held or rejected any more, so that a refresh "
        "would use every archived drop."
    )
    reviews: dict[str, Review] = {}

    @property
    def unused(self) -> frozenset[str]:
        """The sha256 of the drops that no release may be built from: those held, and those rejected."""
        return frozenset(sha256 for sha256, review in self.reviews.items() if review.state != "accepted")


class RefreshPlan(StateFile):
    """`refresh_plan.json`: what the current run is going to do.

    `action` is `build`; `keep_release` where the newest release was made from the same inputs; `nothing_to_do` where
    there is no drop and no release, for the `reason`. `inputs` are those of a build, `affected` the periods that it
    makes again and `periods` what they then rest on; `is_full` where all rest on something else; `build` is what it is
    called in the warehouse.
    """

    action: Literal["build", "keep_release", "nothing_to_do"]
    inputs: BuildInputs
    reason: str | None = None
    affected: tuple[AffectedPeriod, ...] = ()
    periods: BuiltPeriods = BuiltPeriods()
    is_full: bool = True
    build: str = ""


def begin_build(workspace: Workspace, plan: RefreshPlan) -> None:
    """Write down which periods of the warehouse are about to be made again, and what they rest on when that is done."""
    built = BuiltPeriods.load_if_present(workspace.built_periods) or BuiltPeriods()
    built.begin(plan.affected, is_full=plan.is_full, build=plan.build).write(workspace.built_periods)
    plan.periods.model_copy(update={"builds": (plan.build,)}).write(workspace.landed_periods)


def finish_build(workspace: Workspace) -> None:
    """Write down that every period of the warehouse is made from what was landed last, and how its file now is."""
    landed = BuiltPeriods.load(workspace.landed_periods)
    landed.model_copy(update={"warehouse": read_warehouse_state(workspace.warehouse)}).write(workspace.built_periods)


def read_warehouse_state(warehouse: Path) -> str:
    """Return what changes when a database is written to, and not when it is read or copied; empty where there is none.

    DuckDB leaves its file as it was where nothing was changed. Who sets times by hand is not found out.
    """
    if not warehouse.is_file():
        return ""
    state = warehouse.stat()
    return f"{state.st_size} {state.st_mtime_ns}"


class LastRelease(StateFile):
    """`released.json`: the newest release, the inputs that last gave it, and the run whose checks were made on it.

    `input_fingerprint` and `run_id` are None where the file is of an older release than `latest`.
    """

    release_id: str
    input_fingerprint: str | None = Field(None, validation_alias=_FINGERPRINT)
    run_id: str | None = None
    data_origin: str = ""


class RefreshRecord(StateFile):
    """`last_refresh.json`: what came of the last refresh. Times are ISO 8601 in UTC.

    `released` is the release that is `latest` afterwards and holds what the drops give; `log` is the name of a file in
    `logs/`; `nothing_to_do` and `failure` say why where the state is that.
    """

    run_id: str = ""
    started_by: str = Field("", validation_alias=AliasChoices("started_by", "by"))
    started: str = ""
    ended: str | None = None
    state: RefreshState
    released: str | None = None
    drops_read: int = 0
    drops_known: int = 0
    rejected: list[Rejection] = Field(default_factory=list, validation_alias=_REJECTED)
    warnings: list[str] = []
    notices: list[str] = []
    failure: str | None = None
    nothing_to_do: str | None = None
    log: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _add_state(cls, record: dict[str, Any]) -> dict[str, Any]:
        """Give a record of an earlier version, which has no state, its own."""
        return {"state": "failed" if record.get("failure") else "released"} | record

    @property
    def is_new(self) -> bool:
        """Whether the refresh made a release."""
        return self.state == "released"

    @property
    def exit_status(self) -> int:
        """0 released, nothing new or nothing to do; 1 nothing released; 3 released, but some drops were rejected."""
        if self.nothing_to_do is not None:
            return 0
        if self.released is None:
            return 1
        return 3 if self.rejected else 0


class RefreshBasis(StateFile):
    """`refresh_basis.json`: what the last refresh rests on that ended with a release, new or not, by name a digest.

    `code` is of the code that the newest run began with, `release` the state of the files of the release when they were
    last known to be those of its manifest. `is_complete` is False while a run is at work, and after one that failed.
    """

    code: str = ""
    release: str = ""
    digests: dict[str, str] = {}
    is_complete: bool = False


def read_last_release(workspace: Workspace) -> LastRelease | None:
    """Return the newest release; None where `latest` leads to none.

    Which release it is, and of which origin, its own manifest says.
    """
    manifest = read_manifest(workspace.latest)
    if manifest is None:
        return None
    release = LastRelease(release_id=manifest["release_id"], data_origin=manifest["data_origin"])
    record = LastRelease.load_if_present(workspace.released)
    if record is None or record.release_id != release.release_id:
        return release
    run_id = record.run_id
    earlier = workspace.root / "released_by.json"  # of earlier versions
    if run_id is None and earlier.is_file():
        run_id = json.loads(earlier.read_text("utf-8"))["run_id"]
    return release.model_copy(update={"input_fingerprint": record.input_fingerprint, "run_id": run_id})


def read_manifest(release: Path) -> dict[str, Any] | None:
    """Return the manifest of a release folder; None where there is none."""
    path = release / MANIFEST
    return json.loads(path.read_text("utf-8")) if path.is_file() else None


def record_ingested_fingerprint(workspace: Workspace, folder: Path, fingerprint: str) -> None:
    """Write down that a run has ingested a folder in this state: each file is archived and read, or rejected."""
    write_json_atomically(workspace.ingested_folder, _read_ingested(workspace) | {str(folder.absolute()): fingerprint})


def read_ingested_fingerprint(workspace: Workspace, folder: Path) -> str | None:
    """Return the state in which a folder was last ingested; None where no run has."""
    return _read_ingested(workspace).get(str(folder.absolute()))


def _read_ingested(workspace: Workspace) -> dict[str, str]:
    for path in (workspace.ingested_folder, workspace.root / "taken_in.json"):  # the second of earlier versions
        if path.is_file():
            return TypeAdapter(dict[str, str]).validate_json(path.read_text("utf-8"))
    return {}
