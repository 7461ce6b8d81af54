"""A refresh whose drops, and the archive of them, lie in a store: released as from folders of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from iapt.sources.object_stores import list_files
from iapt.workspace import Workspace
from iapt.workspace_state import read_manifest
from orchestration.refresh import refresh
from tests.factories.drops import FINISHED, make_monthly_csv, make_row
from tests.factories.stores import S3Server

APRIL = make_monthly_csv(make_row("25"), make_row("*", measure=FINISHED))
NAME = "iapt_month_apr_2026_activity.csv"


def test_a_refresh_takes_drops_from_a_store_and_archives_them_in_another(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IAPT_ARCHIVE", f"{s3.address}/archive")
    s3.put(f"offered/2026/{NAME}", APRIL)
    s3.put("offered/back\\slash.csv", APRIL)
    home = Workspace(tmp_path / "home")
    record = refresh(home, f"{s3.address}/offered")
    assert (record.state, record.failure, record.drops_read) == ("released", None, 1)
    assert [rejection["found"] for rejection in record.rejected] == ["a backslash in it"]
    archived = [file.name.partition("/")[2] for file in list_files(f"{s3.address}/archive")]
    assert archived == [NAME, "provenance.json"]
    assert not home.drops.exists()

    # Another home builds the same from the archive alone, and asks for the bytes of each drop once.
    other = Workspace(tmp_path / "other")
    requests = s3.note_requests()
    assert refresh(other, None).state == "released"
    gets = [request for request in requests if request.startswith("GET") and NAME in request]
    assert len(gets) == 1
    manifests = [read_manifest(workspace.latest) for workspace in (home, other)]
    assert manifests[0] is not None
    assert manifests[1] is not None
    assert manifests[0]["drops"] == manifests[1]["drops"]


def test_a_refresh_whose_store_refuses_is_told_in_a_sentence_and_changes_nothing(s3: S3Server, tmp_path: Path) -> None:
    home = Workspace(tmp_path / "home")
    with s3.refuse_accounts():
        record = refresh(home, f"{s3.address}/offered")
    assert record.state == "failed"
    assert record.failure is not None
    assert record.failure.startswith(f"{s3.address}/offered: expected credentials that the store accepts; found none,")
    assert not home.drops.exists()
    assert not home.latest.exists()
