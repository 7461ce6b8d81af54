"""Periods that are copies of each other: the warning's own SQL, over small tables of totals of England."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb
import jinja2
import pytest

from tests.factories.drops import ROOT

TEST = ROOT / "dbt_project" / "tests" / "warn_repeated_periods.sql"
#: The fewest counts that the warning judges by.
LEAST = {"fct_monthly": 20, "fct_quarterly": 5, "int_annual_figures": 5}
SQL = jinja2.Template(TEST.read_text(encoding="utf-8")).render(ref=lambda name: name, config=lambda **_: "")

Totals = Mapping[str, list[int]]


def warned(fact: str, totals: Totals, **changed: str) -> list[tuple[Any, ...]]:
    """The pairs that are told of where one fact has these counts of each month; `changed` columns hold other text."""
    columns = {
        "series": "'monthly'",
        "period": "strftime(start, '%Y-%m')",
        "period_start": "start",
        "org_level": "'england'",
        "variable_type": "'Total'",
        "measure": "measure",
        "statistic": "'count'",
        "value": "value::double",
        "value_status": "'published'",
    } | changed
    with duckdb.connect() as warehouse:
        warehouse.execute("create table totals (start date, measure varchar, value integer)")
        for start, counts in totals.items():
            for number, count in enumerate(counts):
                warehouse.execute("insert into totals values (?, ?, ?)", [f"{start}-01", f"count_{number}", count])
        selected = ", ".join(f"{sql} as {name}" for name, sql in columns.items())
        for other in LEAST:
            rows = "" if other == fact else "where false"
            warehouse.execute(f"create table {other} as select {selected} from totals {rows}")
        return warehouse.execute(SQL).fetchall()


def counts(how_many: int, first: int = 1000) -> list[int]:
    """So many different counts."""
    return list(range(first, first + how_many))


@pytest.mark.parametrize(("fact", "least"), LEAST.items())
def test_a_period_that_repeats_another_is_told_with_it_and_how_many_counts_agree(fact: str, least: int) -> None:
    totals = {"2022-07": counts(least), "2022-08": counts(least), "2022-09": counts(least, 5000)}
    assert warned(fact, totals) == [("monthly", "2022-07", "2022-08", least)]


@pytest.mark.parametrize(("fact", "least"), LEAST.items())
def test_too_few_counts_are_not_compared(fact: str, least: int) -> None:
    assert warned(fact, {"2022-07": counts(least - 1), "2022-08": counts(least - 1)}) == []


def test_one_count_that_differs_makes_another_period() -> None:
    assert warned("fct_monthly", {"2022-07": counts(40), "2022-08": [*counts(39), 7]}) != []  # below 100: not compared
    assert warned("fct_monthly", {"2022-07": counts(40), "2022-08": [*counts(39), 700]}) == []


def test_counts_that_only_one_of_them_has_do_not_hide_a_copy() -> None:
    totals = {"2022-07": counts(25), "2022-08": counts(22)}
    assert warned("fct_monthly", totals) == [("monthly", "2022-07", "2022-08", 22)]


def test_small_counts_agree_by_chance_and_are_not_compared() -> None:
    assert warned("fct_monthly", {"2022-07": [99] * 30, "2022-08": [99] * 30}) == []
    assert warned("fct_monthly", {"2022-07": [100] * 30, "2022-08": [100] * 30}) != []


@pytest.mark.parametrize(
    "changed",
    [
        {"org_level": "'provider'"},
        {"variable_type": "'Gender'"},
        {"statistic": "'percentage'"},
        {"value_status": "'suppressed'"},
        {"series": "case when start = date '2022-07-01' then 'monthly' else 'timeseries' end"},
    ],
)
def test_only_published_totals_of_england_in_one_series_are_compared(changed: dict[str, str]) -> None:
    totals = {"2022-07": counts(30), "2022-08": counts(30)}
    assert warned("fct_monthly", totals) != []
    assert warned("fct_monthly", totals, **changed) == []
