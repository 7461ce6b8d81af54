"""Reviewed differences between a whole and its parts: what a row must say, and how far it lets the gate go."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest
from pydantic import ValidationError

from expectations.suites import part_rules
from expectations.suites.part_rules import Difference, load_differences, parts_of_the_day
from tests.factories.staged_release import build_tables

WHY = {"reason": "An invented reason.", "source": "An invented source."}
RAISED = "update extract_annual set lower_bound = lower_bound + 50, upper_bound = upper_bound + 50 where {where}"


@pytest.fixture
def release() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        build_tables(connection)
        yield connection


def broken(
    connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch, *differences: Difference
) -> set[str]:
    """Return the periods in which a whole is not its parts, by the rule with some reviewed differences."""
    monkeypatch.setattr(part_rules, "load_differences", lambda: differences)
    rule = parts_of_the_day("extract_annual")
    return {str(row[0]) for row in connection.execute(rule.format_query("extract_annual")).fetchall()}


def test_a_reviewed_difference_is_let_pass_and_no_larger_one(
    release: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    release.execute(RAISED.format(where="org_level = 'icb'"))
    enough = [Difference(period=p, org_level="icb", org_code="Q90", more_by=50, less_by=0, **WHY) for p in YEARS]
    too_little = enough[0].model_copy(update={"more_by": 40})
    assert broken(release, monkeypatch) == set(YEARS)
    assert broken(release, monkeypatch, *enough) == set()
    assert broken(release, monkeypatch, enough[0]) == {YEARS[1]}
    assert broken(release, monkeypatch, too_little, enough[1]) == {YEARS[0]}
    other_way = [one.model_copy(update={"more_by": 0, "less_by": 50}) for one in enough]
    assert broken(release, monkeypatch, *other_way) == set(YEARS)


YEARS = ("2019-20", "2020-21")


def test_a_difference_of_every_period_is_of_those_without_their_own(
    release: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    release.execute(RAISED.format(where="org_level = 'icb'"))
    general = Difference(org_level="icb", more_by=50, less_by=0, **WHY)
    of_another = Difference(period=YEARS[1], org_level="icb", org_code="Q91", more_by=50, less_by=0, **WHY)
    assert broken(release, monkeypatch, general) == set()
    assert broken(release, monkeypatch, general, of_another) == {YEARS[1]}
    assert broken(release, monkeypatch, general.model_copy(update={"org_level": "stp"})) == set(YEARS)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"period": None}, "neither of them"),
        ({"reason": ""}, "reason"),
        ({"more_by": -1}, "more_by"),
        ({"more_by": "5"}, "more_by"),
        ({"org_code": "Q90'); drop table x"}, "org_code"),
        ({"unheard_of": 1}, "unheard_of"),
    ],
)
def test_a_row_that_does_not_say_what_it_must_is_refused_by_name(changes: dict[str, object], named: str) -> None:
    row = {"period": "2019-20", "org_level": "icb", "org_code": "Q90", "more_by": 5, "less_by": 0, **WHY, **changes}
    with pytest.raises(ValidationError, match=named):
        Difference.model_validate(row)


def test_the_reviewed_file_names_only_regions_each_period_once() -> None:
    """ICBs and STPs are the sums of their locations in every published count: none needs leave."""
    rows = load_differences()
    assert {one.org_level for one in rows} == {"region"}
    keys = [(one.period, one.org_code) for one in rows]
    assert len(keys) == len(set(keys))
