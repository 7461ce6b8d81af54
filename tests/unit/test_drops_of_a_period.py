"""Reading one period again: what is said where its drops were not read under today's layouts, or never kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from iapt.ingest.archive import ArchiveStamp
from iapt.sources.folder import OfferedFile
from iapt.workspace import Workspace
from orchestration.assets.drops import drop_assets
from orchestration.definitions import build_resources
from orchestration.resources import WorkspaceResource
from tests.factories import drops
from tests.factories.drops import make_monthly_csv, make_row

FILE = "iapt_month_apr_2026_activity.csv"
OTHER_FILE = "iapt_month_may_2026_activity.csv"


@pytest.fixture
def home(tmp_path: Path) -> Workspace:
    """A home that keeps the drops of two months, both read under today's layouts."""
    keep(tmp_path, FILE, make_monthly_csv(make_row("25")))
    keep(tmp_path, OTHER_FILE, make_monthly_csv(make_row("30", start="01/05/2026", end="31/05/2026")))
    return Workspace(tmp_path)


def keep(root: Path, name: str, content: bytes) -> None:
    """Keep a drop in a home and read it, as a refresh does."""
    read = drops.read(root, name, content)
    offered = root / name
    offered.write_bytes(content)
    store, catalogue = WorkspaceResource(root=str(root)).drop_store, drops.catalogue()
    drop, _ = store.archive(
        OfferedFile(path=offered, relative_path=name, origin="published"),
        ArchiveStamp(store.next_sequence(), batch=1, archived_at="2026-06-01T00:00:00+00:00"),
        precedence=catalogue.precedence,
        limits=catalogue.limits,
        withdrawn=(),
    )
    assert drop.sha256 == read.drop.sha256


def make_stale(home: Workspace, file: str) -> None:
    """Leave the summary of a drop as one that rests on other layouts than today's."""
    for path in home.observations.glob("*.json"):
        summary = json.loads(path.read_text("utf-8"))
        if summary["file"] == file:
            path.write_text(json.dumps(summary | {"digest": "of other layouts"}), encoding="utf-8")


def materialised(home: Workspace, month: str) -> tuple[dict[str, Any], str]:
    """What one partition of the months says: its metadata where it succeeds, else why it failed."""
    asset = next(asset for asset in drop_assets if asset.key == dg.AssetKey("monthly_drops"))
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [asset],
            partition_key=f"{month}-01",
            resources=build_resources(WorkspaceResource(root=str(home.root))),
            instance=instance,
            raise_on_error=False,
        )
    if result.success:
        (made,) = result.asset_materializations_for_node("monthly_drops")
        return {name: value.value for name, value in made.metadata.items()}, ""
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    return {}, str(failure.step_failure_data.user_failure_data.description)  # type: ignore[union-attr]


def test_a_kept_month_is_read_again(home: Workspace) -> None:
    metadata, failure = materialised(home, "2026-04")
    assert failure == ""
    assert metadata["drops"] == FILE
    assert "not read" not in metadata


def test_a_kept_month_that_todays_layouts_did_not_read_is_not_called_missing(home: Workspace) -> None:
    make_stale(home, FILE)
    _, failure = materialised(home, "2026-04")
    assert f"{FILE} has not been read under today's reader and layouts. Refresh first" in failure
    assert "no archived drop publishes it" not in failure


def test_a_month_that_was_read_says_which_drops_were_not(home: Workspace) -> None:
    make_stale(home, OTHER_FILE)
    metadata, failure = materialised(home, "2026-04")
    assert failure == ""
    assert OTHER_FILE in metadata["not read"]


def test_a_month_that_no_drop_publishes_is_to_be_put_in_the_folder(home: Workspace) -> None:
    _, failure = materialised(home, "2026-03")
    assert "2026-03 is not loaded: no archived drop publishes it, and no file listed for it was to be pulled" in failure
    assert "Put its drop in the drop folder and refresh" in failure
