"""A build leaves as it is what rests on nothing that changed, and makes everything else again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pytest

from iapt.workspace_state import BuiltTables, PassedTest
from orchestration.unchanged_nodes import digest_project, find_unchanged_nodes

Node = dict[str, Any]


def make_node(kind: str, *parents: str, materialized: str = "table", **config: Any) -> Node:
    return {
        "resource_type": kind,
        "depends_on": {} if kind == "seed" else {"nodes": list(parents)},
        "config": {"materialized": materialized, "meta": {}, **config},
    }


def make_model_by_period(*parents: str, **meta: str) -> Node:
    return make_node("model", *parents, materialized="incremental", incremental_strategy="replace_periods", meta=meta)


NODES = {
    "seed.names": make_node("seed"),
    "seed.numbers": make_node("seed"),
    "model.staging": make_node("model", "source.drops", materialized="view"),
    "model.of_names": make_node("model", "seed.names"),
    "model.names_shown": make_node("model", "model.of_names", materialized="view"),
    "model.of_numbers": make_node("model", "seed.numbers", "source.affected_periods"),
    "model.fct_monthly": make_model_by_period("model.staging", "seed.names", "source.affected_periods", grain="month"),
    "model.fct_quarterly": make_model_by_period("model.staging", "source.affected_periods", grain="quarter"),
    "model.of_all_grains": make_model_by_period("model.fct_monthly", "model.fct_quarterly"),
    "model.dim_organisation": make_node("model", "model.fct_quarterly", "seed.names"),
    "model.labelled": make_model_by_period("model.fct_quarterly", "model.dim_organisation", grain="quarter"),
    "model.dim_population": make_node("model", "seed.names"),
    "model.of_populations": make_model_by_period("model.fct_quarterly", "model.dim_population", grain="quarter"),
    "model.totals": make_node("model", "model.fct_monthly"),
    "test.of_totals": make_node("test", "model.totals", "model.of_numbers"),
    "test.of_numbers": make_node("test", "model.of_numbers"),
}
MANIFEST = {
    "nodes": {name: {"name": name.partition(".")[2], **node} for name, node in NODES.items()},
    "sources": {f"source.{name}": {"identifier": name} for name in ("drops", "affected_periods")},
}
INPUTS = {"seed.names": "1", "seed.numbers": "1", "source.drops": "1"}
TESTS = ("test.of_totals", "test.of_numbers")


def find_made(
    changed: Mapping[str, str], grains: Collection[str] = (), passed: Collection[str] = TESTS, project: str = ""
) -> set[str]:
    built = BuiltTables(
        project=project or digest_project(),
        inputs=INPUTS,
        passed={name: PassedTest(build="the first") for name in passed},
    )
    return NODES.keys() - find_unchanged_nodes(MANIFEST, {**INPUTS, **changed}, built, grains)


def test_where_nothing_changed_nothing_is_made_again() -> None:
    assert find_made({}) == set()


def test_a_month_more_makes_what_rests_on_months_and_no_view() -> None:
    made = find_made({"source.drops": "2"}, ["month"])
    assert made == {"model.fct_monthly", "model.of_all_grains", "model.totals", "test.of_totals"}


def test_a_seed_that_changed_is_loaded_and_what_reads_it_is_made_again_but_periods_that_are_not_affected() -> None:
    made = find_made({"seed.names": "2"})
    assert made == {
        *("seed.names", "model.of_names", "model.names_shown", "model.dim_organisation", "model.dim_population"),
        *("model.labelled", "model.of_populations"),  # their rows may carry a name that the dimension has no more
    }


def test_what_reads_the_plan_alone_is_not_changed_by_it() -> None:
    assert "model.of_numbers" not in find_made({"source.drops": "2"}, ["month", "quarter", "year"])


def test_a_test_is_run_again_until_it_has_passed() -> None:
    assert find_made({}, passed=["test.of_totals"]) == {"test.of_numbers"}


def test_a_landing_table_or_seed_that_was_not_known_counts_as_changed() -> None:
    assert {"seed.new", "source.new"}.isdisjoint(INPUTS)
    built = BuiltTables(project=digest_project(), inputs={}, passed={})
    assert find_unchanged_nodes(MANIFEST, INPUTS, built, ["month", "quarter"]) == {"model.staging"}


def test_another_dbt_project_makes_everything_again() -> None:
    assert find_made({}, project="another") == set(NODES)


@pytest.mark.parametrize("grain", ["month", "quarter"])
def test_a_period_that_is_affected_makes_the_models_of_its_grain(grain: str) -> None:
    of_grain = {"month": "model.fct_monthly", "quarter": "model.fct_quarterly"}
    made = find_made({"source.drops": "2"}, [grain])
    assert {name for name in of_grain.values() if name in made} == {of_grain[grain]}
