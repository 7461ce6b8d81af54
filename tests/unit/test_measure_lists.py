"""What the reviewed lists say of measures beside their names: how to add them, which way is better, their standards."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest

SEEDS = Path(__file__).resolve().parents[2] / "dbt_project" / "seeds"

# How the periods of a series are written.
PERIODS = {
    "annual": r"20\d\d-\d\d",
    "quarterly": r"20\d\d-\d\d Q[1-4]",
    "timeseries": r"20\d\d-(0[1-9]|1[0-2])",
    "monthly": r"20\d\d-(0[1-9]|1[0-2])",
}


def read(seed: str) -> list[dict[str, str]]:
    with (SEEDS / f"{seed}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def year_after(financial_year: str) -> str:
    first = int(financial_year[:4]) + 1
    return f"{first}-{(first + 1) % 100:02d}"


@pytest.fixture(scope="module")
def measures() -> dict[str, dict[str, str]]:
    return {row["measure"]: row for row in read("measures")}


@pytest.fixture(scope="module")
def standards() -> list[dict[str, str]]:
    return read("standards")


# what a measure says


def test_every_measure_says_what_it_is_and_how_it_may_be_read(measures: dict[str, dict[str, str]]) -> None:
    for slug, row in measures.items():
        assert row["is_additive"] in {"true", "false"}, slug
        assert row["better_direction"] in {"higher", "lower", "neither"}, slug
        assert re.fullmatch(r"[A-Z][^\n]{25,}\.", row["definition"]), slug


def test_no_two_measures_are_defined_alike(measures: dict[str, dict[str, str]]) -> None:
    """Two measures that read the same would be one measure, or one of them described wrongly."""
    slugs = defaultdict(set)
    for slug, row in measures.items():
        slugs[row["definition"]].add(slug)
    assert [same for same in slugs.values() if len(same) > 1] == []


def test_only_counts_are_additive_and_counts_of_records_are_not(measures: dict[str, dict[str, str]]) -> None:
    for slug, row in measures.items():
        expected = row["statistic"] == "count" and row["unit"] != "records"
        assert row["is_additive"] == str(expected).lower(), slug


def test_a_count_has_no_better_direction_and_neither_has_an_extreme(measures: dict[str, dict[str, str]]) -> None:
    for slug, row in measures.items():
        if row["statistic"] not in {"percentage", "mean", "median"}:
            assert row["better_direction"] == "neither", slug


@pytest.mark.parametrize(
    ("measure", "direction"),
    [
        ("percentage_recovery", "higher"),
        ("percentage_reliable_recovery", "higher"),
        ("percentage_reliable_recovery_ethnic_group_mixed", "higher"),
        ("percentage_reliable_improvement", "higher"),
        ("percentage_reliable_deterioration", "lower"),
        ("percentage_accessing_services_6_weeks_finished_course_treatment", "higher"),
        ("percentage_first_to_second_treatment_over_90_days", "lower"),
        ("percentage_access_attrition", "lower"),
        ("mean_wait_accessing_services", "lower"),
        ("median_wait_finished_course_treatment", "lower"),
        ("mean_first_wsas_w", "neither"),
        ("mean_last_wsas_w", "lower"),
        ("mean_appts_finished_course_treatment", "neither"),
        ("percentage_not_at_caseness", "neither"),
    ],
)
def test_a_measure_is_better_in_the_direction_agreed(
    measure: str, direction: str, measures: dict[str, dict[str, str]]
) -> None:
    assert measures[measure]["better_direction"] == direction


def test_every_wait_is_better_short(measures: dict[str, dict[str, str]]) -> None:
    waits = [row for slug, row in measures.items() if re.match(r"(mean|median)_wait_", slug)]
    assert waits
    assert {row["better_direction"] for row in waits} == {"lower"}


# names of columns


def test_a_column_without_an_id_says_in_which_periods_it_was_used() -> None:
    for row in read("measure_aliases"):
        for period in (row["first_period"], row["last_period"] or row["first_period"]):
            assert re.fullmatch(PERIODS[row["series"]], period), row
        assert row["first_period"] <= (row["last_period"] or "9999"), row


def test_of_the_annual_columns_of_a_measure_one_is_in_use_at_a_time() -> None:
    """Where uses overlap, the note says in which year a column was not there."""
    columns = defaultdict(list)
    for row in read("measure_aliases"):
        if row["series"] == "annual":
            columns[row["measure"]].append(row)
    for measure, rows in columns.items():
        for earlier, later in pairwise(sorted(rows, key=lambda row: row["first_period"])):
            apart = earlier["last_period"] and earlier["last_period"] < later["first_period"]
            assert apart or "Not in" in earlier["note"] + later["note"], measure


# standards


def test_a_standard_is_of_a_known_percentage_and_whole(
    standards: list[dict[str, str]], measures: dict[str, dict[str, str]]
) -> None:
    for row in standards:
        assert measures[row["measure"]]["statistic"] == "percentage", row
        assert re.fullmatch(r"\d\d?|100", row["threshold"]), row
        assert row["comparison"] in {"at_least", "below"}, row
        assert row["certainty"] in {"stated", "secondary", "background"}, row
        assert row["label"], row
        assert row["source"], row


def test_a_standard_asks_for_the_direction_that_is_better(
    standards: list[dict[str, str]], measures: dict[str, dict[str, str]]
) -> None:
    for row in standards:
        better = "higher" if row["comparison"] == "at_least" else "lower"
        assert measures[row["measure"]]["better_direction"] == better, row


def test_years_of_a_standard_are_financial_years_in_order(standards: list[dict[str, str]]) -> None:
    for row in standards:
        for year in (row["first_financial_year"], row["last_financial_year"] or row["first_financial_year"]):
            assert re.fullmatch(r"20\d\d-\d\d", year), row
            assert year_after(year)[:4] == f"20{year[5:]}", row
        assert row["first_financial_year"] <= (row["last_financial_year"] or "9999"), row


def test_one_standard_of_a_measure_holds_at_a_time(standards: list[dict[str, str]]) -> None:
    of_measure = defaultdict(list)
    for row in standards:
        of_measure[row["measure"]].append(row)
    for measure, rows in of_measure.items():
        for earlier, later in pairwise(sorted(rows, key=lambda row: row["first_financial_year"])):
            assert earlier["last_financial_year"], measure
            assert year_after(earlier["last_financial_year"]) <= later["first_financial_year"], measure


@pytest.mark.parametrize(
    ("measure", "threshold"),
    [
        ("percentage_recovery", "50"),
        ("percentage_accessing_services_6_weeks_finished_course_treatment", "75"),
        ("percentage_accessing_services_18_weeks_finished_course_treatment", "95"),
    ],
)
def test_the_stated_standards_are_open_and_as_agreed(
    measure: str, threshold: str, standards: list[dict[str, str]]
) -> None:
    found = [row for row in standards if row["measure"] == measure]
    assert [(row["threshold"], row["certainty"], row["last_financial_year"]) for row in found] == [
        (threshold, "stated", "")
    ]
