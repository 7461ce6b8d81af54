"""A warehouse that is not as the last refresh left it is not built upon: the next refresh makes every period again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from iapt.ingest.landing import find_doubt
from iapt.workspace import DBT_PROJECT, PROJECT_ROOT, Workspace
from iapt.workspace_state import BuiltPeriods, RefreshPlan
from orchestration.dbt_command import MODULE
from orchestration.refresh import refresh
from tests.factories.drops import FINISHED, make_monthly_csv, make_row
from tests.oracles.home_contents import list_differences

pytestmark = pytest.mark.integration

#: The months that are offered one after the other, and the last day of each.
MONTHS = {4: ("apr", 30), 5: ("may", 31), 6: ("jun", 30)}


def refresh_with(home: Workspace, folder: Path, month: int) -> RefreshPlan:
    """Offer another month and refresh; return what the refresh planned."""
    folder.mkdir(exist_ok=True)
    name, last = MONTHS[month]
    start, end = f"01/{month:02}/2026", f"{last}/{month:02}/2026"
    rows = [make_row("25", start=start, end=end), make_row("*", measure=FINISHED, start=start, end=end)]
    (folder / f"iapt_month_{name}_2026_activity.csv").write_bytes(make_monthly_csv(*rows))
    record = refresh(home, folder)
    assert record.released, record.failure
    return RefreshPlan.load(home.refresh_plan)


def run_dbt_by_hand(home: Workspace, model: str, target: Path) -> None:
    """Make a model again as a person does who tries something."""
    command = [sys.executable, "-m", MODULE, "run", "--select", model, "--target-path", str(target)]
    environment = {**os.environ, "IAPT_WAREHOUSE": str(home.warehouse), "IAPT_DUCKDB_SPILL": str(home.spill)}
    environment.pop("IAPT_BUILD", None)
    place = ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)]
    subprocess.run([*command, *place], cwd=PROJECT_ROOT, env=environment, check=True, capture_output=True)


def test_what_an_older_copy_or_a_run_by_hand_changed_is_made_again(tmp_path: Path) -> None:
    home, folder, copy = Workspace(tmp_path / "home"), tmp_path / "inbox", tmp_path / "copy.duckdb"
    assert refresh_with(home, folder, 4).is_full
    shutil.copyfile(home.warehouse, copy)
    assert [period.label for period in refresh_with(home, folder, 5).affected] == ["2026-05"]
    shutil.copyfile(copy, home.warehouse)
    plan = refresh_with(home, folder, 6)
    assert plan.is_full
    assert {period.label for period in plan.affected} >= {"2026-04", "2026-05", "2026-06"}
    assert "the warehouse is of another build than the last one" in plan.affected[0].why
    anew = Workspace(tmp_path / "anew")
    shutil.copytree(home.drops, anew.drops)
    assert refresh(anew, folder).released
    assert not list_differences(home, anew)
    builds = BuiltPeriods.load(home.built_periods).builds
    assert not find_doubt(home.warehouse, builds)
    run_dbt_by_hand(home, "fct_monthly", tmp_path / "target")
    assert find_doubt(home.warehouse, builds) == "dbt was run by hand: fct_monthly was made again"
