"""The freshness policies follow the publisher's calendar: fresh by the last day on which nothing is late yet."""

from __future__ import annotations

import datetime as dt
from itertools import islice, pairwise
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.freshness import CronFreshnessPolicy
from dagster._utils.schedules import get_latest_completed_cron_tick

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.publisher import PublishedSeries
from iapt.ingest.due_publications import iterate_expected
from iapt.workspace import CATALOGUE
from orchestration.assets.drops import DROPS_BY_GRAIN
from orchestration.assets.freshness import compute_freshness_policy, make_freshness_policy
from orchestration.definitions import build_definitions

PUBLISHER = Catalogue(CATALOGUE).publisher


def make_policy(series: PublishedSeries) -> CronFreshnessPolicy:
    policy = compute_freshness_policy(series)
    assert isinstance(policy, CronFreshnessPolicy)
    return policy


@pytest.mark.parametrize(
    ("series", "deadline", "days"),
    [
        ("monthly", "59 23 28 1,2,3,4,5,6,7,8,9,10,11,12 *", 21),
        ("quarterly", "59 23 28 2,5,8,11 *", 21),
        ("annual", "59 23 21 4 *", 98),
    ],
)
def test_deadlines_are_those_of_the_calendar(series: str, deadline: str, days: int) -> None:
    policy = make_policy(PUBLISHER.series[series])
    assert policy.deadline_cron == deadline
    assert policy.lower_bound_delta == dt.timedelta(days=days)
    assert policy.timezone == "Europe/London"


@pytest.mark.parametrize("name", ["monthly", "quarterly", "annual"])
def test_what_came_on_its_day_is_fresh_at_its_deadline_and_what_came_for_the_period_before_is_not(name: str) -> None:
    series = PUBLISHER.series[name]
    policy = make_policy(series)
    expected = list(islice(iterate_expected(name, series), 60))
    for before, one in pairwise(expected):
        following = dt.datetime.combine(one.late_after + dt.timedelta(days=8), dt.time(), dt.UTC)
        deadline = get_latest_completed_cron_tick(policy.deadline_cron, following, policy.timezone)
        opens = (deadline - policy.lower_bound_delta).date()
        assert before.expected_on < opens
        assert opens <= one.expected_on
        assert one.late_after <= deadline.date() <= one.late_after + dt.timedelta(days=7)


def test_a_deadline_after_the_28th_is_on_the_first_of_the_month_after() -> None:
    changed: dict[str, Any] = {"tolerance_days": 10}  # of the third Thursday of January: the 31st at most
    policy = make_policy(PUBLISHER.series["annual"].model_copy(update=changed))
    assert policy.deadline_cron == "59 23 1 2 *"


def test_the_drops_of_each_grain_have_a_policy() -> None:
    graph = build_definitions().get_repository_def().asset_graph
    for grain, key in DROPS_BY_GRAIN.items():
        assert graph.get(key).freshness_policy == make_freshness_policy(grain)
    assert graph.get(dg.AssetKey("publications")).freshness_policy is None
