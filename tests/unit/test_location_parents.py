"""Whom a location may belong to whose parent no list names, whose area is unchanged all the same, and on which days."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import duckdb
import pytest

from tests.factories.model_sql import render_model

BEFORE, AFTER, LATER, NOW = date(2017, 3, 31), date(2019, 3, 31), date(2021, 3, 31), date(9999, 12, 31)
MODELS = (
    "int_organisation_current",
    "int_reachable_organisations",
    "int_places_in_force",
    "int_location_parents",
    "int_area_locations",
    "int_location_successors",
    "int_unchanged_areas",
)
TABLES = """
create table organisations as
select * from (values
    ('icb', 'OLD', date '2013-04-01', date '2018-03-31'), ('icb', 'NORTH', date '2018-04-01', null),
    ('icb', 'SOUTH', date '2013-04-01', null), ('icb', 'EAST', date '2013-04-01', null),
    ('sub_icb', 'L1', date '2013-04-01', null), ('sub_icb', 'L2', date '2013-04-01', null),
    ('sub_icb', 'L3', date '2013-04-01', null)
) as listed(org_level, org_code, valid_from, valid_to);
alter table organisations add column ons_code varchar;
alter table organisations add column is_place boolean default true;
create table organisation_parents as
select 'sub_icb' as org_level, location as org_code, 'icb' as parent_level, * exclude (location)
from (values
    ('L2', 'SOUTH', date '2013-04-01', cast(null as date)), ('L3', 'EAST', date '2013-04-01', null)
) as listed(location, parent_code, valid_from, valid_to);
create table organisation_successions (
    predecessor_level varchar, predecessor_code varchar, successor_level varchar, successor_code varchar,
    changed_on date, change varchar, is_comparable boolean, certainty varchar
);
create table int_calendar_in_scope as
select unnest([date '2017-03-31', date '2019-03-31', date '2021-03-31']) as period_end;
create table int_calendar as
select * from (values
    ('quarter', '2021-22 Q1', date '2021-06-30'), ('quarter', '2021-22 Q2', date '2021-09-30')
) as listed(period_grain, period, period_end);
create table stg_gaps as select 'quarter' as period_grain, '2021-22 Q1' as period;
"""
ALL = {"NORTH", "SOUTH", "EAST"}
#: Divided between a new one and one that was there, which took its part of it on that day.
DIVIDED = (
    ("OLD", "NORTH", date(2018, 4, 1), "split"),
    ("OLD", "SOUTH", date(2018, 4, 1), "split"),
    ("SOUTH", "SOUTH", date(2018, 4, 1), "boundary_moved"),
)
UNDER_OLD = ("L1", "OLD", date(2013, 4, 1), date(2018, 3, 31))


def build_areas(
    parents: Iterable[tuple[str, str, date, date | None]], successions: Iterable[tuple[str, str, date, str]]
) -> duckdb.DuckDBPyConnection:
    """Return a database with the areas that the lists give, with some parents of L1."""
    connection = duckdb.connect(config={"threads": 1})
    connection.execute(TABLES)
    for location, parent, since, until in parents:
        connection.execute(
            "insert into organisation_parents values ('sub_icb', ?, 'icb', ?, ?, ?)", [location, parent, since, until]
        )
    for before, after, day, change in successions:
        connection.execute(
            "insert into organisation_successions values ('icb', ?, 'icb', ?, ?, ?, false, 'stated')",
            [before, after, day, change],
        )
    for model in MODELS:
        connection.execute(f"create table {model} as {render_model(model, 'open_ended_date')}")
    return connection


def list_parents(connection: duckdb.DuckDBPyConnection, day: date) -> set[str]:
    rows = connection.execute(
        "select parent_code from int_location_parents where org_code = 'L1' and as_of = ?", [day]
    ).fetchall()
    assert len(rows) == len(set(rows))
    return {code for (code,) in rows}


def list_unchanged(connection: duckdb.DuckDBPyConnection, day: date) -> set[str]:
    rows = connection.execute(
        "select current_code from int_unchanged_areas where current_level = 'icb' and as_of = ?", [day]
    ).fetchall()
    return {code for (code,) in rows}


def test_a_location_whose_parent_was_divided_is_of_one_of_those_that_came_of_it() -> None:
    connection = build_areas([UNDER_OLD], DIVIDED)
    assert list_parents(connection, BEFORE) == {"OLD"}
    assert list_parents(connection, AFTER) == list_parents(connection, NOW) == {"NORTH", "SOUTH"}
    assert list_unchanged(connection, AFTER) == ALL


def test_a_location_that_left_a_parent_which_stayed_may_be_of_any() -> None:
    connection = build_areas([("L1", "SOUTH", date(2013, 4, 1), date(2018, 3, 31))], [])
    assert list_parents(connection, AFTER) == ALL
    assert list_unchanged(connection, AFTER) == set()


def test_a_location_of_which_no_parent_is_listed_may_be_of_any() -> None:
    connection = build_areas([], DIVIDED)
    assert list_parents(connection, BEFORE) == {"OLD", "SOUTH", "EAST"}
    assert list_parents(connection, AFTER) == ALL
    assert list_unchanged(connection, AFTER) == set()


def test_a_location_whose_parent_ended_without_a_successor_may_be_of_any() -> None:
    connection = build_areas([UNDER_OLD], [])
    assert list_parents(connection, AFTER) == ALL


@pytest.mark.parametrize("moved", ["NORTH", "SOUTH"])
def test_a_boundary_that_moved_later_may_have_moved_by_the_location(moved: str) -> None:
    successions = [step for step in DIVIDED if step[0] != moved or step[1] != moved]
    connection = build_areas([UNDER_OLD], [*successions, (moved, moved, date(2020, 4, 1), "boundary_moved")])
    assert list_parents(connection, AFTER) == {"NORTH", "SOUTH"}
    assert list_parents(connection, LATER) == list_parents(connection, NOW) == ALL
    assert list_unchanged(connection, AFTER) == list_unchanged(connection, LATER) == set()


def test_a_gap_has_the_places_of_its_day_whatever_years_are_held() -> None:
    """Its rows are of the organisations of the period beside it: they say the same with a year more held."""
    connection = build_areas([UNDER_OLD], DIVIDED)
    days = connection.execute("select distinct as_of from int_places_in_force order by as_of").fetchall()
    assert days == [(BEFORE,), (AFTER,), (LATER,), (date(2021, 6, 30),), (NOW,)]
