"""The reviewed measures against the publisher's metadata, which stands beside the real drops."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.factories.seeds import read_seed, read_table

# How the publisher begins the name of a statistic.
STATISTIC = {
    "Count": "count",
    "Percentage": "percentage",
    "Mean": "mean",
    "Median": "median",
    "Max": "maximum",
    "Min": "minimum",
    "Sum": "sum",
}
# Retired: the newest metadata has dropped them.
RETIRED = {"M1003", "M279", "M280", "M281", "M282"}
# The columns of an annual file that say whom a figure is of.
KEYS = {"OrgType", "OrgCode", "OrgName", "VariableType", "VariableA", "VariableB"}
# The annual metadata of 2024-25 still names these columns as the files before it did.
NAMED_AS_BEFORE = {"Percentage_FinishedCourseTreatment"}
# Columns of 2024-25 that its metadata does not describe, and one that it names otherwise than the file does.
NOT_IN_THE_METADATA = {
    "Count_ApptsFinishedCourseTreatment",
    "Count_FinishedCourseTreatment_with_EmpSup",
    "Mean_WaitFinishedCourseTreatment",
    "Percentage_Variable_withFCT",
    "Percentage_Variable_withFCTandES",
}
MISNAMED_IN_THE_METADATA = {"Mean_WaitCompletedTreatment"}


@pytest.fixture(scope="module")
def measures() -> dict[str, dict[str, str]]:
    return {row["measure_id"]: row for row in read_seed("measures") if row["measure_id"]}


@pytest.fixture(scope="module")
def published(reference: Callable[[str], Path]) -> dict[str, dict[str, str]]:
    """The publisher's measures with an id; its variables, V..., are no measures."""
    path = reference("metadata_measures_monthly.csv")
    return {row["measure_id"]: row for row in read_table(path) if not row["measure_id"].startswith("V")}


@pytest.fixture(scope="module")
def annual_fields(reference: Callable[[str], Path]) -> set[str]:
    """The measures that the publisher describes in the annual file of 2024-25."""
    path = reference("metadata_measures_annual.csv")
    return {row["field_name"] for row in read_table(path) if row["dataset_name"] == "measures_annual"} - KEYS


def test_every_id_that_the_publisher_describes_is_reviewed_and_no_other_but_the_retired(
    published: dict[str, dict[str, str]], measures: dict[str, dict[str, str]]
) -> None:
    assert set(measures) - set(published) == RETIRED
    assert set(published) - set(measures) == set()


def test_the_reviewed_name_is_the_publishers(
    published: dict[str, dict[str, str]], measures: dict[str, dict[str, str]]
) -> None:
    """Its metadata prints a space in the name of M078 that its files do not."""
    differing = {
        measure_id: (row["measure_name"], measures[measure_id]["name"])
        for measure_id, row in published.items()
        if row["measure_name"].replace(" ", "") != measures[measure_id]["name"]
    }
    assert differing == {}


def test_the_statistic_is_the_one_the_publishers_name_begins_with(
    published: dict[str, dict[str, str]], measures: dict[str, dict[str, str]]
) -> None:
    for measure_id, row in published.items():
        assert measures[measure_id]["statistic"] == STATISTIC[row["measure_name"].split("_")[0]], measure_id


def test_the_group_is_the_publishers(published: dict[str, dict[str, str]], measures: dict[str, dict[str, str]]) -> None:
    group = {"Core": "core", "EA": "employment_advisers", "LTC": "long_term_conditions"}
    for measure_id, row in published.items():
        assert measures[measure_id]["measure_group"] == group[row["measure_type"]], measure_id


def test_the_names_of_the_annual_file_lead_to_measures(annual_fields: set[str]) -> None:
    in_use = {
        row["name_as_published"]
        for row in read_seed("measure_aliases")
        if row["series"] == "annual" and not row["last_period"]
    }
    assert annual_fields - in_use == NAMED_AS_BEFORE | MISNAMED_IN_THE_METADATA
    assert in_use - annual_fields == NOT_IN_THE_METADATA


def test_no_definition_is_the_publishers_own_sentence(
    published: dict[str, dict[str, str]], measures: dict[str, dict[str, str]]
) -> None:
    for measure_id, row in published.items():
        ours, theirs = (
            text.strip(" .").casefold() for text in (measures[measure_id]["definition"], row["description"])
        )
        assert ours != theirs, measure_id
