"""The contract that Python reads is the one that dbt's YAML declares, and lacks nothing."""

from __future__ import annotations

import copy
import json
from pathlib import PurePosixPath
from typing import Any, get_args

import pytest

from iapt.contract import (
    CONTRACT_FILE,
    ORGANISATION_LEVELS,
    PAIR_LEVELS,
    SERIES_GRAINS,
    TABLES,
    VALUE_STATUSES,
    Family,
    Grain,
    OrgLevel,
    Series,
    ValueStatus,
)
from iapt.contract_builder import ContractError, build_contract, to_json
from iapt.workspace import DBT_PROJECT
from orchestration.assets.marts import RELEASED_YAML, prepare_manifest

PERIODS = "model.iapt.dim_period"


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(prepare_manifest().read_text("utf-8"))
    return content


def test_the_contract_is_current(manifest: dict[str, Any]) -> None:
    current = to_json(build_contract(manifest, DBT_PROJECT))
    assert CONTRACT_FILE.read_text("utf-8") == current, "iapt/contract.json is out of date: run `make contract`"


def test_types_hold_the_words_of_the_contract() -> None:
    assert get_args(OrgLevel) == (*ORGANISATION_LEVELS, *PAIR_LEVELS)
    assert get_args(ValueStatus) == tuple(VALUE_STATUSES)
    assert get_args(Series) == tuple(SERIES_GRAINS)
    assert {table.grain for table in TABLES.values()} - {None} == set(get_args(Grain))
    assert {table.family for table in TABLES.values()} == set(get_args(Family))


def test_tests_left_to_the_gate_are_of_released_tables_and_of_all_of_them(manifest: dict[str, Any]) -> None:
    files = {
        name: PurePosixPath(manifest["nodes"][f"model.iapt.{name}"]["patch_path"].split("://")[1]) for name in TABLES
    }
    left_to_gate = {name for name, file in files.items() if any(file.match(pattern) for pattern in RELEASED_YAML)}
    assert left_to_gate == {name for name, table in TABLES.items() if table.is_released}


def test_facts_are_never_released() -> None:
    assert all(table.is_released == (table.family != "fact") for table in TABLES.values())


def test_no_figure_names_a_row() -> None:
    for table in TABLES.values():
        assert not set(table.key) & {"value", "lower_bound", "upper_bound", "suppressed_parts"}


def test_every_number_of_a_mart_has_a_unit() -> None:
    columns = [(table, column) for table in TABLES.values() for column in table.columns]
    assert [
        f"{table.name}.{column.name}" for table, column in columns if column.type == "DOUBLE" and not column.unit
    ] == []
    units = {column.name: column.unit for table, column in columns if table.name.startswith("mart_")}
    assert units["count_recovery"] == units["count_recovery_upper"] == "referrals"
    assert units["percentage_recovery"] == units["percentage_recovery_standard"] == "%"
    assert units["mean_wait_accessing_services"] == "days"
    assert units["percentage_recovery_status"] == ""


def test_words_that_tables_share_are_those_of_the_project() -> None:
    words = {column.name: column.values for column in TABLES["fct_monthly"].columns}
    assert (
        words["value_status"] == tuple(VALUE_STATUSES) == ("published", "suppressed", "not_applicable", "not_published")
    )
    assert words["org_level"][-2:] == ("sub_icb_provider", "ccg_provider")
    assert words["statistic"][-1] == "unknown"


LABEL = ("columns", "period_label")


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (("description",), "", "dim_period: expected a description"),
        (("config", "meta", "key"), [], "dim_period: expected a description and meta family and key"),
        (("config", "meta", "key"), ["perod"], "dim_period: expected columns as its key and order; found perod"),
        ((*LABEL, "description"), "", "dim_period.period_label: expected a description"),
        (
            (*LABEL, "data_type"),
            None,
            "dim_period.period_label: expected a description and",
        ),
        (
            (*LABEL, "config", "meta"),
            {"measure": "count_unheard_of"},
            "found {'measure': 'count_unheard_of'}",
        ),
        ((*LABEL, "config", "meta"), {"units": "days"}, "found {'units': 'days'}"),
    ],
)
def test_yaml_that_does_not_say_enough_is_rejected(
    manifest: dict[str, Any], path: tuple[str, ...], value: Any, problem: str
) -> None:
    changed = manifest | {"nodes": manifest["nodes"] | {PERIODS: copy.deepcopy(manifest["nodes"][PERIODS])}}
    place = changed["nodes"][PERIODS]
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(ContractError) as error:
        build_contract(changed, DBT_PROJECT)
    assert problem in str(error.value)
