"""What a refresh makes again and what it would do now, in words and as `iapt status` tells it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from iapt.ingest.observation_store import ObservationStore
from iapt.period_inputs import AffectedPeriod
from iapt.refresh_planning import RefreshOutlook, describe_affected, find_outlook, plan_build, plan_periods
from iapt.workspace_state import BuiltPeriods, HoldReason, RefreshPlan, Review, Reviews, begin_build, finish_build
from orchestration.status_command import print_status
from tests.factories.drop_home import APRIL, APRIL_REVISED, MAY
from tests.factories.refreshed_home import RefreshedHome, make_refreshed_home

APRIL_FILE = "iapt_month_apr_2026_activity.csv"
MAY_FILE = "iapt_month_may_2026_activity.csv"


def make_affected(label: str, *why: str) -> AffectedPeriod:
    return AffectedPeriod(grain="month", start=f"{label}-01", label=label, cells=1, why=why)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RefreshedHome:
    """A home whose drop folder is the one that it was refreshed from, and which has a warehouse."""
    home = make_refreshed_home(tmp_path, {APRIL_FILE: APRIL, MAY_FILE: MAY})
    monkeypatch.setenv("IAPT_DROPS", str(home.folder))
    home.workspace.warehouse.touch()
    build(home)
    return home


def make_plan(home: RefreshedHome, *, rebuild: str = "") -> RefreshPlan:
    inputs = RefreshPlan.load(home.workspace.refresh_plan).inputs
    return plan_build(inputs, home.workspace, home.catalogue, home.policy, home.list_usable(), rebuild=rebuild)


def build(home: RefreshedHome) -> RefreshPlan:
    """Plan a build, and finish it as far as its records go."""
    plan = make_plan(home)
    plan.write(home.workspace.refresh_plan)
    begin_build(home.workspace, plan)
    finish_build(home.workspace)
    return plan


def tell(home: RefreshedHome, capsys: pytest.CaptureFixture[str]) -> list[str]:
    print_status(home.workspace, home.day)
    return capsys.readouterr().out.splitlines()


def tell_json(home: RefreshedHome, capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, object]]:
    print_status(home.workspace, home.day, as_json=True)
    told: dict[str, dict[str, object]] = json.loads(capsys.readouterr().out)
    return told


@pytest.mark.parametrize(
    ("affected", "is_full", "told"),
    [
        ([], False, "no period again"),
        ([make_affected("2026-01", "added: a.csv")], False, "1 period again: month 2026-01 (added: a.csv)"),
        (
            [make_affected(f"2026-0{month}", "withdrawn: a.csv", "the gap changed") for month in (1, 2)],
            False,
            "2 periods again: month 2026-01 (withdrawn: a.csv; the gap changed); month 2026-02 (withdrawn: a.csv; "
            "the gap changed)",
        ),
        (
            [make_affected(f"2026-0{month}", "added: a.csv") for month in range(1, 6)],
            False,
            "5 periods again: month 2026-01 (added: a.csv); month 2026-02 (added: a.csv); month 2026-03 (added: "
            "a.csv); and 2 more",
        ),
        (
            [make_affected("2026-01", "the models changed")] * 1200,
            True,
            "every period again (1,200 periods): the models changed",
        ),
        (
            [make_affected("2026-01", "added: \x1b[2Ja.csv\nb")],
            False,
            "1 period again: month 2026-01 (added: ?[2Ja.csv b)",
        ),
    ],
)
def test_affected_periods_are_told_by_name_where_they_are_few(
    affected: list[AffectedPeriod], is_full: bool, told: str
) -> None:
    assert describe_affected(affected, is_full=is_full) == told


def test_the_first_build_makes_all_and_the_next_only_what_rests_on_something_else(home: RefreshedHome) -> None:
    first = RefreshPlan.load(home.workspace.refresh_plan)
    assert first.is_full
    assert {period.label for period in first.affected} >= {"2026-04", "2026-05"}
    assert {period.why for period in first.affected} == {("nothing was built before",)}
    again = make_plan(home)
    assert (again.affected, again.is_full) == ((), False)
    assert again.build != first.build
    rebuild = make_plan(home, rebuild="a full rebuild was asked for")
    assert rebuild.is_full
    assert {period.label for period in rebuild.affected} == {period.label for period in first.affected}


def test_without_a_warehouse_all_is_made_again_whatever_is_written_down(home: RefreshedHome) -> None:
    home.workspace.warehouse.unlink()
    assert make_plan(home).is_full


def test_a_build_that_was_not_finished_is_made_again(home: RefreshedHome) -> None:
    home.offer("iapt_month_apr_2026_activity_revised.csv", APRIL_REVISED)
    plan = make_plan(home)
    begin_build(home.workspace, plan)
    assert BuiltPeriods.load(home.workspace.built_periods).unfinished
    after = plan_periods(home.workspace, home.catalogue, home.policy, home.list_usable())[1]
    assert {period.label for period in after} >= {period.label for period in plan.affected}
    assert any("a build of it was not finished" in period.why for period in after)


def test_status_tells_the_plan_and_that_nothing_is_new(home: RefreshedHome, capsys: pytest.CaptureFixture[str]) -> None:
    lines = tell(home, capsys)
    assert any(line.startswith("It planned to make every period again (") for line in lines)
    assert "Nothing is new: a refresh would keep the release." in lines
    told = tell_json(home, capsys)
    assert told["next_refresh"] == {
        "action": "keep_release",
        "drop_folder_has_changed": False,
        "drops_to_read": 0,
        "is_full": False,
        "affected_periods": [],
    }
    assert (told["last_plan"]["action"], told["last_plan"]["is_full"]) == ("build", True)


def test_status_tells_what_would_be_made_again(home: RefreshedHome, capsys: pytest.CaptureFixture[str]) -> None:
    reason = HoldReason(rule="shrank", text="it shrank")
    held = next(drop for drop, _ in home.list_usable() if drop.file == MAY_FILE)
    review = Review(publication="", file=MAY_FILE, state="rejected", reasons=(reason,), held_at="2026-06-01T00:00:00Z")
    Reviews(reviews={held.sha256: review}).write(home.workspace.reviews)
    lines = tell(home, capsys)
    assert f"A refresh now would make 1 period again: month 2026-05 (withdrawn: {MAY_FILE})." in lines
    told = tell_json(home, capsys)["next_refresh"]
    assert told["action"] == "build"
    assert told["affected_periods"] == [
        {
            "grain": "month",
            "start": "2026-05-01",
            "label": "2026-05",
            "cells": 0,
            "why": [f"withdrawn: {MAY_FILE}"],
        }
    ]


def test_status_tells_of_drops_to_be_read_and_of_a_folder_to_be_looked_at(
    home: RefreshedHome, capsys: pytest.CaptureFixture[str]
) -> None:
    april = next(drop for drop, _ in home.list_usable() if drop.file == APRIL_FILE)
    ObservationStore(home.workspace.observations).delete(april.sha256)
    (home.folder / "june.csv").write_bytes(MAY)
    told = "\n".join(tell(home, capsys))
    assert "The drop folder has changed since it was ingested: a refresh looks at it first." in told
    assert "A refresh now would read 1 drop that is archived, and make what they publish again." not in told
    assert "A refresh now would read 1 drop that is archived" in told
    assert tell_json(home, capsys)["next_refresh"]["drops_to_read"] == 1


def test_an_outlook_with_a_folder_in_a_store_says_nothing_of_it() -> None:
    outlook = RefreshOutlook(unread=0, has_folder_changed=None, is_release_current=True, affected=(), is_full=False)
    assert outlook.describe() == "Nothing is new: a refresh would keep the release."


def test_finding_out_what_would_be_done_changes_nothing(home: RefreshedHome) -> None:
    def read() -> dict[Path, tuple[int, int]]:
        return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in home.workspace.root.rglob("*")}

    before = read()
    assert not find_outlook(home.workspace, home.catalogue, home.list_usable(), 0).is_build
    assert read() == before
