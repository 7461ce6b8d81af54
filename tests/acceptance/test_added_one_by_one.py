"""A month, a quarter and a year of the real drops, added one by one, give what all of them give at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from iapt.workspace import Workspace
from iapt.workspace_state import RefreshPlan
from tests.factories.one_by_one import build_one_by_one, link_drops
from tests.factories.refresh_processes import start_worker
from tests.oracles.home_contents import list_differences

#: A few of the drops, so that it is affordable: `benchmarks/add_one_by_one.py` does the same with all of them.
HELD_BACK = ("monthly/2026-02", "quarterly/2021-22-q3", "annual/2017-18")
OTHERS = ("monthly/2025-12", "monthly/2026-01", "quarterly/2021-22-q2", "timeseries/2025-04_2026-04")


@pytest.fixture(scope="module")
def homes(real_drops: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Workspace, dict[str, int]]:
    """A home to which periods were added, one built at once, and how many periods each refresh made again."""
    folder = tmp_path_factory.mktemp("one_by_one")
    offered = link_drops(real_drops, folder / "drops", [real_drops / period for period in (*HELD_BACK, *OTHERS)])
    added, whole = Workspace(folder / "added"), Workspace(folder / "whole")
    affected = {}
    for name, record in build_one_by_one(offered, [offered / period for period in HELD_BACK], added):
        assert record.failure is None
        affected[name] = len(RefreshPlan.load(added.refresh_plan).affected)
    with start_worker(shares_dbt=True) as processes:
        processes.build_until_staged(added.drops, whole, offered)
    return added, whole, affected


def test_every_row_and_every_part_is_that_of_a_build_of_all(homes: tuple[Workspace, Workspace, dict[str, int]]) -> None:
    added, whole, _ = homes
    assert list_differences(added, whole) == []


def test_only_the_added_period_was_made_again(homes: tuple[Workspace, Workspace, dict[str, int]]) -> None:
    _, _, affected = homes
    assert affected["monthly 2026-02"] == affected["quarterly 2021-22-q3"] == affected["annual 2017-18"] == 1
