"""When a refresh does nothing: only where all that the last one rests on is as it was, to the time of change."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from iapt.ingest.observation_store import ObservationStore
from iapt.refresh_basis import begin_basis, complete_basis
from iapt.remembered_digests import RememberedDigests
from iapt.workspace import PROJECT_ROOT
from iapt.workspace_state import (
    HoldReason,
    IngestRecord,
    ReadRecord,
    RefreshBasis,
    RefreshRecord,
    Review,
    Reviews,
)
from tests.factories.drop_home import APRIL, MAY
from tests.factories.refreshed_home import RELEASE, RefreshedHome, make_refreshed_home

APRIL_FILE = "iapt_month_apr_2026_activity.csv"
MAY_FILE = "iapt_month_may_2026_activity.csv"
BROKEN_FILE = "broken.csv"


@pytest.fixture
def home(tmp_path: Path) -> RefreshedHome:
    """A home with the figures of two months, and a drop that was rejected."""
    return make_refreshed_home(tmp_path, {APRIL_FILE: APRIL, MAY_FILE: MAY, BROKEN_FILE: b"a,b\n1,2\n"})


def change_a_byte_and_set_the_time_back(path: Path) -> None:
    before = path.stat()
    content = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])
    path.chmod(before.st_mode)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def get_usable(home: RefreshedHome) -> str:
    return ReadRecord.load(home.workspace.read_record).usable[0]


def get_release_file(home: RefreshedHome) -> Path:
    return home.workspace.releases / RELEASE / "dim_period.parquet"


def get_archived_file(home: RefreshedHome) -> Path:
    return next((home.workspace.drops / get_usable(home)).glob("*.csv"))


def delete_summary(home: RefreshedHome) -> None:
    (home.workspace.observations / f"{get_usable(home)}.json").unlink()


def hold_a_drop(home: RefreshedHome) -> None:
    reason = HoldReason(rule="shrank", text="it shrank")
    review = Review(
        publication="monthly/2026-04/1", file="a.csv", state="held", reasons=(reason,), held_at="2026-06-01T00:00:00Z"
    )
    Reviews(reviews={get_usable(home): review}).write(home.workspace.reviews)


def change_latest(home: RefreshedHome) -> None:
    other = home.workspace.releases / "2026.06.2"
    shutil.copytree(home.workspace.releases / RELEASE, other)
    home.workspace.latest.unlink()
    home.workspace.latest.symlink_to(other, target_is_directory=True)


def write_record(home: RefreshedHome, **update: object) -> None:
    path = home.workspace.last_refresh
    RefreshRecord.load(path).model_copy(update=update).write(path)


def test_nothing_is_new_where_nothing_has_changed(home: RefreshedHome) -> None:
    assert home.find_change() is None
    assert home.find_change() is None


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda home: change_a_byte_and_set_the_time_back(home.folder / APRIL_FILE), "the drop folder"),
        (lambda home: (home.folder / MAY_FILE).unlink(), "the drop folder"),
        (lambda home: (home.folder / BROKEN_FILE).unlink(), "the drop folder"),
        (lambda home: (home.folder / "june.csv").write_bytes(MAY), "the drop folder"),
        (lambda home: (home.folder / "provenance.json").write_text("{}"), "the drop folder"),
        (lambda home: (home.folder / MAY_FILE).rename(home.folder / "other.csv"), "the drop folder"),
        (lambda home: shutil.rmtree(home.folder), "the drop folder"),
        (lambda home: shutil.rmtree(home.workspace.drops / get_usable(home)), "the archive of drops"),
        (lambda home: change_a_byte_and_set_the_time_back(get_archived_file(home)), "the archive of drops"),
        (lambda home: get_archived_file(home).unlink(), "the archive of drops"),
        (delete_summary, "the observations"),
        (
            lambda home: ObservationStore(home.workspace.observations).observations_path(get_usable(home)).unlink(),
            "the observations",
        ),
        (lambda home: shutil.rmtree(home.workspace.observations), "the observations"),
        (hold_a_drop, "what the home knows of publications"),
        (lambda home: home.workspace.found_publications.write_text("[]"), "what the home knows of publications"),
        (lambda home: get_release_file(home).unlink(), "the newest release"),
        (lambda home: change_a_byte_and_set_the_time_back(get_release_file(home)), "the newest release"),
        (lambda home: (home.workspace.releases / RELEASE / "manifest.json").unlink(), "the newest release"),
        (lambda home: (home.workspace.releases / RELEASE / "more.csv").touch(), "the newest release"),
        (lambda home: home.workspace.latest.unlink(), "the newest release"),
        (change_latest, "the newest release"),
        (lambda home: write_record(home, state="running"), "the last refresh"),
        (lambda home: write_record(home, state="failed", released=None), "the last refresh"),
        (lambda home: write_record(home, released="2026.05.1"), "the newest release"),
        (lambda home: begin_basis(home.workspace, home.root), "the last refresh"),
        (lambda home: home.workspace.refresh_basis.unlink(), "what the last refresh rests on"),
        (lambda home: home.workspace.last_refresh.unlink(), "what the last refresh rests on"),
        (lambda home: home.workspace.ingest_record.write_text("{"), "what the last refresh rests on"),
        (lambda home: home.workspace.released.unlink(), "what the newest release is made from"),
    ],
)
def test_what_has_changed_leads_to_a_run(
    home: RefreshedHome, change: Callable[[RefreshedHome], object], named: str
) -> None:
    change(home)
    found = home.find_change()
    assert found is not None
    assert found.startswith(named)


def test_another_profile_leads_to_a_run(home: RefreshedHome) -> None:
    assert home.find_change(profile="stricter") is not None


def test_a_day_that_makes_a_publication_late_leads_to_a_run(home: RefreshedHome) -> None:
    days = [home.day + dt.timedelta(days=number) for number in range(40)]
    changes = [home.find_change(day=day) for day in days]
    assert changes[0] is None
    assert set(changes) == {None, "which publications are due or late"}
    first = changes.index("which publications are due or late")
    assert None not in changes[first:]


def test_a_folder_in_a_store_is_asked_by_a_run(home: RefreshedHome) -> None:
    assert home.find_change(drops="s3://bucket/drops") == "what lies in a store, which has to be asked"


def test_an_archive_elsewhere_is_asked_by_a_run(home: RefreshedHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IAPT_ARCHIVE", "s3://bucket/archive")
    assert home.find_change() is not None


def test_what_opens_a_rejected_drop_from_now_on_leads_to_a_run(
    home: RefreshedHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iapt.ingest.containers.describe_openable", lambda file: f"one kind more, of {file}")
    assert home.find_change() == "the drops in use"


def test_drops_of_the_publisher_are_asked_for_again_by_a_run(home: RefreshedHome) -> None:
    path = home.workspace.ingest_record
    IngestRecord.load(path).model_copy(update={"folder_fingerprint": ""}).write(path)
    complete_basis(home.workspace, home.catalogue, home.day)
    assert not RefreshBasis.load(home.workspace.refresh_basis).is_complete
    assert home.find_change() is not None


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what of the project a refresh rests on."""
    root = tmp_path_factory.mktemp("project")
    for name in ("catalogue", "dbt_project", "expectations", "iapt", "orchestration"):
        shutil.copytree(PROJECT_ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "target"))
    shutil.copyfile(PROJECT_ROOT / "requirements.lock", root / "requirements.lock")
    return root


@pytest.mark.parametrize(
    "changed",
    [
        "catalogue/withdrawn.yml",
        "catalogue/gaps.yml",
        "catalogue/layouts/monthly_long.yml",
        "dbt_project/seeds/measures.csv",
        "dbt_project/models/marts/fct_monthly.sql",
        "expectations/rules.py",
        "iapt/sources/folder.py",
        "orchestration/assets/drops.py",
        "requirements.lock",
    ],
)
def test_a_changed_file_of_the_project_leads_to_a_run(tmp_path: Path, project: Path, changed: str) -> None:
    home = make_refreshed_home(tmp_path, {APRIL_FILE: APRIL}, project)
    assert home.find_change() is None
    before = (project / changed).read_bytes()
    (project / changed).write_bytes(before + b"\n")
    try:
        assert home.find_change() == "the code or the catalogue"
    finally:
        (project / changed).write_bytes(before)
    assert home.find_change() is None


def test_what_changes_while_a_run_is_at_work_is_new_to_the_next(tmp_path: Path, project: Path) -> None:
    """A file that arrives after the folder was ingested, and code that changes after the run began with it."""
    home = make_refreshed_home(tmp_path, {APRIL_FILE: APRIL}, project)
    begin_basis(home.workspace, home.root)
    (home.folder / MAY_FILE).write_bytes(MAY)
    complete_basis(home.workspace, home.catalogue, home.day)
    assert home.find_change() == "the drop folder"
    (home.folder / MAY_FILE).unlink()
    begin_basis(home.workspace, home.root)
    (project / "iapt" / "more.py").touch()
    try:
        complete_basis(home.workspace, home.catalogue, home.day)
        assert home.find_change() == "the code or the catalogue"
    finally:
        (project / "iapt" / "more.py").unlink()


@pytest.mark.parametrize(
    ("change", "is_certain"),
    [
        (lambda home: None, False),
        (lambda home: (home.folder / "june.csv").write_bytes(MAY + b" "), True),
        (lambda home: (home.folder / "copy.csv").write_bytes(MAY), False),
        (lambda home: (home.folder / MAY_FILE).unlink(), False),
        (lambda home: (home.folder / "notes.txt").write_text("of another size"), False),
        (lambda home: home.workspace.latest.unlink(), True),
        (lambda home: shutil.rmtree(home.folder), False),
        (delete_summary, False),
        (lambda home: home.workspace.ingest_record.write_text("{"), False),
        (lambda home: home.workspace.found_publications.write_text("not yaml: ["), False),
        (lambda home: home.workspace.released.unlink(), True),
    ],
)
def test_dbt_is_prepared_at_once_only_where_it_is_certain_to_be_needed(
    home: RefreshedHome, change: Callable[[RefreshedHome], object], is_certain: bool
) -> None:
    change(home)
    assert home.is_build_certain() is is_certain


def test_a_file_that_was_hashed_and_not_archived_makes_no_build_certain(
    home: RefreshedHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one that the publisher has withdrawn, which lies in the folder for good."""
    monkeypatch.setattr("iapt.remembered_digests.SECONDS_AT_REST", 0)
    (home.folder / "withdrawn.csv").write_bytes(MAY + b" ")
    digests = RememberedDigests(home.workspace.offered_digests)
    digests.compute_sha256(home.folder / "withdrawn.csv")
    digests.write()
    assert not home.is_build_certain()
    (home.folder / "withdrawn.csv").write_bytes(MAY + b"  ")
    assert home.is_build_certain()
