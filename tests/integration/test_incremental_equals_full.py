"""After each change of drops, seeds or policy, a home holds what one built anew from the same drops holds.

One sequence with each kind of change; `benchmarks/changing_homes.py` makes long ones at random.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import dagster as dg
import pytest

from iapt.workspace import Workspace
from iapt.workspace_state import RefreshPlan, RefreshRecord
from orchestration.check_events import read_check_evaluations
from orchestration.definitions import build_definitions
from orchestration.event_log import open_instance
from tests.factories.changing_home import (
    ChangingHome,
    change_values,
    lose_an_organisation,
    rename_an_organisation,
    start_changing_home,
)
from tests.oracles.home_contents import (
    list_changed_parts,
    list_differences,
    list_parts_made_again,
    read_parts,
)

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class Step:
    """What was planned after a change, what a home built anew has other than this one, and which parts are others.

    `checks` are those of the refresh, by what Dagster calls each.
    """

    plan: RefreshPlan
    checks: dict[dg.AssetCheckKey, dg.AssetCheckEvaluation]
    differences: list[str]
    changed: set[tuple[str, str]]
    made_again: set[tuple[str, str]]

    @property
    def affected(self) -> set[str]:
        return {period.label for period in self.plan.affected}


def _add_a_month(home: ChangingHome) -> None:
    home.add("monthly", "2025-09")


def _issue_again(home: ChangingHome) -> None:
    """A quarter beyond the gap and a time series are added; of three months, other issues."""
    home.add("quarterly", "2020-21 Q3")
    home.add("timeseries", "2025-09")
    home.revise("2025-07", lose_an_organisation)
    home.revise("2025-08", change_values)
    home.revise("2025-09", rename_an_organisation)


def _rank_again_and_withdraw(home: ChangingHome) -> None:
    home.rank_again("2025-08")
    home.withdraw("quarterly", "2020-21 Q3")


def _change_a_standard_and_the_policy(home: ChangingHome) -> None:
    home.change_standard()
    home.change_profile()


CHANGES: dict[str, Callable[[ChangingHome], None]] = {
    "a month": _add_a_month,
    "issues": _issue_again,
    "a rank and a withdrawal": _rank_again_and_withdraw,
    "labels": ChangingHome.reword_labels,
    "the figures of a seed and the policy": _change_a_standard_and_the_policy,
}


def read_checks(home: Workspace) -> dict[dg.AssetCheckKey, dg.AssetCheckEvaluation]:
    """Return the checks of the last refresh of a home."""
    record = RefreshRecord.load(home.last_refresh)
    with open_instance(home.dagster) as instance:
        evaluations = read_check_evaluations(instance, record.run_id)
    return {evaluation.asset_check_key: evaluation for evaluation in evaluations}


def make_step(home: ChangingHome, change: Callable[[ChangingHome], None]) -> Step:
    before = read_parts(home.home)
    change(home)
    plan = home.refresh()
    after = read_parts(home.home)
    checks = read_checks(home.home)
    differences = list_differences(home.home, home.build_anew())
    return Step(plan, checks, differences, list_changed_parts(before, after), list_parts_made_again(before, after))


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Step]:
    with start_changing_home(tmp_path_factory.mktemp("changing")) as home:
        return {name: make_step(home, change) for name, change in CHANGES.items()}


@pytest.mark.parametrize("name", CHANGES)
def test_a_home_holds_what_one_built_anew_holds(name: str, steps: dict[str, Step]) -> None:
    assert steps[name].differences == []


@pytest.mark.parametrize("name", CHANGES)
def test_a_part_that_changed_was_made_again(name: str, steps: dict[str, Step]) -> None:
    withdrawn = {("extract_quarterly", "2020-21 Q3"), ("extract_quarterly_current_boundaries", "2020-21 Q3")}
    assert steps[name].changed - withdrawn <= steps[name].made_again


def test_a_month_that_is_added_makes_its_own_parts_alone(steps: dict[str, Step]) -> None:
    assert steps["a month"].affected == {"2025-09"}
    tables = ("extract_monthly", "extract_monthly_current_boundaries")
    assert steps["a month"].changed == steps["a month"].made_again == {(table, "2025-09") for table in tables}


def test_a_period_is_affected_by_its_own_drops_and_a_gap_by_those_beside_it(steps: dict[str, Step]) -> None:
    assert steps["issues"].affected == {"2020-21 Q2", "2020-21 Q3", "2025-07", "2025-08", "2025-09"}


def test_a_name_that_changed_is_made_again_in_every_period_that_shows_it(steps: dict[str, Step]) -> None:
    """An organisation is named as its newest drop names it, also in months that no drop of this step is about."""
    assert ("extract_monthly_current_boundaries", "2025-06") in steps["issues"].changed


def test_what_is_withdrawn_or_ranked_anew_is_made_again_alone(steps: dict[str, Step]) -> None:
    assert steps["a rank and a withdrawal"].affected == {"2020-21 Q2", "2020-21 Q3", "2025-08"}
    assert ("extract_quarterly", "2020-21 Q3") in steps["a rank and a withdrawal"].changed
    assert {period for _, period in steps["a rank and a withdrawal"].made_again} <= {"2020-21 Q2", "2025-08"}


def test_labels_of_seeds_make_no_part_again(steps: dict[str, Step]) -> None:
    assert steps["labels"].plan.affected == ()
    assert steps["labels"].made_again == set()


@pytest.mark.parametrize("name", CHANGES)
def test_every_check_that_dagster_shows_has_a_result_also_where_its_table_is_kept(
    name: str, steps: dict[str, Step]
) -> None:
    shown = build_definitions().get_repository_def().asset_graph.asset_check_keys
    assert set(steps[name].checks) == shown
    kept = {key.name for key, check in steps[name].checks.items() if "passed in the build" in check.metadata}
    assert bool(kept) != steps[name].plan.is_full


def test_the_policy_makes_every_part_again(steps: dict[str, Step]) -> None:
    step = steps["the figures of a seed and the policy"]
    assert step.plan.is_full
    assert {period for _, period in step.changed} <= {period for _, period in step.made_again}
    assert {"2025-07", "2025-08", "2025-09", "2020-21 Q1", "2023-24"} <= {period for _, period in step.made_again}
