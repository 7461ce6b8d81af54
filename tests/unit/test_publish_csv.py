"""How a released figure reads in a spreadsheet."""

from __future__ import annotations

import duckdb
import pytest

from orchestration.release.publish import csv_column


def _cell(name: str, kind: str, row: str) -> object:
    with duckdb.connect() as connection:
        column = csv_column(name, kind, has_statistic="statistic" in row)
        return connection.execute(f"select {column} from (select {row})").fetchall()[0][0]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_name_a_spreadsheet_would_run_is_quoted(start: str) -> None:
    assert _cell("org_name", "VARCHAR", f"'{start}cmd()' as org_name") == f"'{start}cmd()"


@pytest.mark.parametrize("name", ["<18 weeks", "00L", "MIND", "'quoted'"])
def test_other_names_leave_as_they_are(name: str) -> None:
    quoted = name.replace("'", "''")
    assert _cell("org_name", "VARCHAR", f"'{quoted}' as org_name") == name


@pytest.mark.parametrize(
    ("statistic", "value", "text"),
    [("count", "634650", "634650"), ("percentage", "51", "51"), ("mean", "23", "23.0"), ("median", "15.5", "15.5")],
)
def test_whole_figures_have_no_decimals_and_means_have_one(statistic: str, value: str, text: str) -> None:
    assert _cell("value", "DOUBLE", f"cast({value} as double) as value, '{statistic}' as statistic") == text


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [("count_recovery", "634650", "634650"), ("recovery_rate", "51", "51"), ("mean_wait", "23", "23.0")],
)
def test_a_column_of_its_own_reads_as_its_statistic(column: str, value: str, text: str) -> None:
    assert _cell(column, "DOUBLE", f"cast({value} as double) as {column}") == text


def test_a_mean_below_zero_stays_a_number() -> None:
    assert _cell("value", "DOUBLE", "cast(-1.8 as double) as value, 'mean' as statistic") == "-1.8"


def test_a_hidden_value_is_an_empty_cell() -> None:
    assert _cell("value", "DOUBLE", "cast(null as double) as value, 'count' as statistic") is None
