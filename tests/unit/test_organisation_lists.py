"""The reviewed lists of organisations agree with one another, with the calendar and with what is known of the NHS."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import date, timedelta
from itertools import pairwise
from typing import TypeAlias

import pytest

from iapt.workspace import DBT_PROJECT
from tests.factories.seeds import Row, read_seed

Key: TypeAlias = tuple[str, str]

PARENT_LEVEL = {
    "region": "england",
    "stp": "region",
    "icb": "region",
    "ccg": "stp",
    "sub_icb": "icb",
    "provider": "icb",
}
SUCCESSOR_LEVELS = {"region": {"region"}, "stp": {"stp", "icb"}, "icb": {"icb"}, "ccg": {"ccg", "sub_icb"}}
# What is_comparable says follows from the change, mergers apart.
COMPARABLE = {"recoded": "true", "renamed_body": "true", "split": "false", "boundary_moved": "false"}
LAST_DAY = date(9999, 12, 31)

# Places in force, as generally known: CCGs through their mergers, and what came of them and of STPs in July 2022.
IN_FORCE = {
    ("ccg", date(2017, 6, 1)): 207,
    ("ccg", date(2018, 6, 1)): 195,
    ("ccg", date(2019, 6, 1)): 191,
    ("ccg", date(2020, 6, 1)): 135,
    ("ccg", date(2021, 6, 1)): 106,
    ("ccg", date(2022, 7, 1)): 0,
    ("sub_icb", date(2022, 6, 30)): 0,
    ("sub_icb", date(2022, 7, 1)): 106,
    ("sub_icb", LAST_DAY): 106,
    ("stp", date(2017, 6, 1)): 44,
    ("stp", date(2019, 6, 1)): 42,
    ("stp", date(2022, 6, 30)): 42,
    ("stp", date(2022, 7, 1)): 0,
    ("icb", date(2022, 6, 30)): 0,
    ("icb", date(2022, 7, 1)): 42,
    ("icb", date(2026, 3, 31)): 42,
    ("icb", LAST_DAY): 36,
    ("region", date(2017, 6, 1)): 4,
    ("region", date(2018, 6, 1)): 5,
    ("region", date(2019, 6, 1)): 7,
    ("region", LAST_DAY): 7,
    ("england", LAST_DAY): 1,
    ("provider", LAST_DAY): 220,
}
MOVED_BOUNDARY_IN_JULY_2022 = {"01Y", "15M", "06H", "78H", "15E", "D2P2L"}
# Where Frimley's area went when its board was divided is not known.
WITHOUT_A_PARENT_TODAY = {("sub_icb", "D4U1Y")}


def first_day(row: Row) -> date:
    return date.fromisoformat(row["valid_from"]) if row["valid_from"] else date.min


def last_day(row: Row) -> date:
    return date.fromisoformat(row["valid_to"]) if row["valid_to"] else LAST_DAY


def predecessor(row: Row) -> Key:
    return row["predecessor_level"], row["predecessor_code"]


def successor(row: Row) -> Key:
    return row["successor_level"], row["successor_code"]


@pytest.fixture(scope="module")
def listed() -> dict[Key, Row]:
    return {(row["org_level"], row["org_code"]): row for row in read_seed("organisations")}


@pytest.fixture(scope="module")
def places(listed: dict[Key, Row]) -> dict[Key, Row]:
    return {key: row for key, row in listed.items() if row["is_place"] == "true"}


@pytest.fixture(scope="module")
def parents() -> dict[Key, list[Row]]:
    found: dict[Key, list[Row]] = defaultdict(list)
    for row in read_seed("organisation_parents"):
        found[row["org_level"], row["org_code"]].append(row)
    return found


@pytest.fixture(scope="module")
def successions() -> list[Row]:
    """The successions from one organisation to another."""
    return [row for row in read_seed("organisation_successions") if predecessor(row) != successor(row)]


# -- codes -----------------------------------------------------------------------------------------------------------


def test_a_code_is_unique_at_its_level(listed: dict[Key, Row]) -> None:
    assert len(listed) == len(read_seed("organisations"))


def test_a_code_looks_like_one_of_its_level(places: dict[Key, Row]) -> None:
    pattern = {
        "england": r"E92000001",
        "region": r"Y\d\d",
        "stp": r"E54\d{6}|Q[A-Z0-9]{2}",
        "icb": r"Q[A-Z0-9]{2}|[A-Z]\d[A-Z]\d[A-Z]",
        "ccg": r"\d\d[A-Z]|[A-Z]\d[A-Z]\d[A-Z]",
        "sub_icb": r"\d\d[A-Z]|[A-Z]\d[A-Z]\d[A-Z]",
        "provider": r"[A-Z0-9]{3,5}",
    }
    odd = [key for key in places if not re.fullmatch(pattern[key[0]], key[1])]
    assert odd == []


def test_an_ons_code_is_of_its_level_and_used_once_there(places: dict[Key, Row]) -> None:
    start = {"england": "E92", "region": "E40", "stp": "E54", "icb": "E54", "ccg": "E38", "sub_icb": "E38"}
    for level in start:
        codes = [row["ons_code"] for (at, _), row in places.items() if at == level and row["ons_code"]]
        assert {code[:3] for code in codes} == {start[level]}
        # An STP stands in the list twice, under its ONS code and under its ODS code.
        assert max(Counter(codes).values()) == (2 if level == "stp" else 1)
    assert not any(row["ons_code"] for (level, _), row in places.items() if level == "provider")


# -- validity ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("level", "day"), IN_FORCE)
def test_as_many_places_are_in_force_as_there_were(places: dict[Key, Row], level: str, day: date) -> None:
    in_force = [key for key, row in places.items() if key[0] == level and first_day(row) <= day <= last_day(row)]
    assert len(in_force) == IN_FORCE[level, day]


def test_a_validity_ends_after_it_begins(places: dict[Key, Row]) -> None:
    assert [key for key, row in places.items() if first_day(row) > last_day(row)] == []


def test_a_placeholder_has_no_parent_and_no_succession(listed: dict[Key, Row], parents: dict[Key, list[Row]]) -> None:
    placeholders = {key for key, row in listed.items() if row["is_place"] == "false"}
    assert {("ccg", "UNKNOWN"), ("stp", "InvalidCode"), ("ccg", "13Q"), ("sub_icb", "13Q")} <= placeholders
    named = {*parents, *((row["parent_level"], row["parent_code"]) for rows in parents.values() for row in rows)}
    for row in read_seed("organisation_successions"):
        named |= {predecessor(row), successor(row)}
    assert placeholders & named == set()


# -- parents -----------------------------------------------------------------------------------------------------------


def test_a_parent_is_listed_and_in_force_throughout(places: dict[Key, Row], parents: dict[Key, list[Row]]) -> None:
    for key, rows in parents.items():
        for row in rows:
            assert row["parent_level"] == PARENT_LEVEL[key[0]]
            body = places[row["parent_level"], row["parent_code"]]
            assert first_day(row) <= last_day(row)
            assert first_day(places[key]) <= first_day(row)
            assert last_day(row) <= last_day(places[key])
            if row["parent_level"] != "england":
                assert first_day(body) <= first_day(row), row
                assert last_day(row) <= last_day(body), row


def test_an_organisation_has_one_parent_at_a_time(parents: dict[Key, list[Row]]) -> None:
    for rows in parents.values():
        for earlier, later in pairwise(sorted(rows, key=first_day)):
            assert last_day(earlier) < first_day(later), later


def test_every_place_has_a_parent_for_all_of_its_days_that_figures_are_of(
    places: dict[Key, Row], parents: dict[Key, list[Row]]
) -> None:
    """From April 2017, when STPs begin. Of providers only today's is known, and not of all."""
    begin = date(2017, 4, 1)
    without = set()
    for key, row in places.items():
        if key[0] in ("england", "provider") or last_day(row) < begin:
            continue
        expected = max(begin, first_day(row))
        for spell in sorted(parents[key], key=first_day):
            if last_day(spell) < expected:
                continue
            assert first_day(spell) <= expected, key
            expected = last_day(spell) + timedelta(days=1) if spell["valid_to"] else LAST_DAY
        if expected <= last_day(row) and expected != LAST_DAY:
            without.add(key)
    assert without == WITHOUT_A_PARENT_TODAY


def test_moves_between_parents_are_there(parents: dict[Key, list[Row]]) -> None:
    def parent(level: str, code: str, day: date) -> list[str]:
        return [row["parent_code"] for row in parents[level, code] if first_day(row) <= day <= last_day(row)]

    before, after = date(2022, 6, 30), date(2022, 7, 1)
    assert (parent("ccg", "02Q", before), parent("sub_icb", "02Q", after)) == (["QF7"], ["QT1"])
    assert (parent("stp", "QF7", before), parent("icb", "QT1", after)) == (["Y63"], ["Y60"])
    assert parent("ccg", "03E", date(2020, 3, 31)) == ["E54000005"]  # Harrogate, before it went to North Yorkshire
    assert parent("ccg", "42D", date(2020, 4, 1)) == ["QOQ"]
    assert parent("ccg", "09L", date(2020, 3, 31)) == ["E54000033"]  # East Surrey, before it left Sussex
    assert parent("ccg", "01H", date(2018, 4, 1)) == ["E54000047"]
    assert parent("sub_icb", "93C", date(2026, 3, 31)) == ["QMJ"]
    assert parent("sub_icb", "93C", date(2026, 4, 1)) == ["Z9B2Z"]


# -- successions -------------------------------------------------------------------------------------------------------


def test_a_successor_takes_over_the_day_after(places: dict[Key, Row], successions: list[Row]) -> None:
    for row in successions:
        changed_on = date.fromisoformat(row["changed_on"])
        assert row["successor_level"] in SUCCESSOR_LEVELS[row["predecessor_level"]]
        assert last_day(places[predecessor(row)]) == changed_on - timedelta(days=1), row
        # Newcastle Gateshead (13T) was set up some months before, Hampshire (QRL) years before.
        if row["successor_code"] not in ("13T", "QRL"):
            assert first_day(places[successor(row)]) == changed_on, row
        assert first_day(places[successor(row)]) <= changed_on <= last_day(places[successor(row)])


def test_every_closed_place_but_providers_has_a_successor(places: dict[Key, Row], successions: list[Row]) -> None:
    closed = {key for key, row in places.items() if row["valid_to"] and key[0] != "provider"}
    assert closed == {predecessor(row) for row in successions}


def test_successions_come_to_an_end_within_the_steps_that_are_followed(successions: list[Row]) -> None:
    """No circle, and no way longer than int_organisation_current goes."""
    sql = (DBT_PROJECT / "models" / "intermediate" / "int_organisation_current.sql").read_text()
    found = re.search(r"set longest_route = (\d+)", sql)
    assert found, "expected int_organisation_current to say how far it goes"
    after: dict[Key, set[Key]] = defaultdict(set)
    for row in successions:
        after[predecessor(row)].add(successor(row))
    reached = set(after)
    for _ in range(int(found[1])):
        reached = {end for start in reached for end in after.get(start, ())}
    assert not any(after.get(end) for end in reached)


def test_several_successors_are_a_split_and_one_is_none(successions: list[Row]) -> None:
    number = Counter(predecessor(row) for row in successions)
    assert {row["change"] for row in successions if number[predecessor(row)] > 1} == {"split"}
    assert "split" not in {row["change"] for row in successions if number[predecessor(row)] == 1}


def test_comparable_is_what_the_change_makes_it(successions: list[Row]) -> None:
    for row in successions:
        if row["change"] != "merged":
            assert row["is_comparable"] == COMPARABLE[row["change"]], row
    merged_into: dict[Key, set[str]] = defaultdict(set)
    for row in successions:
        merged_into[successor(row)].add(row["change"])
    for row in successions:
        if row["change"] == "merged":
            whole = merged_into[successor(row)] == {"merged"}
            assert (row["is_comparable"] == "true") == whole, row


def test_a_merger_is_of_several(successions: list[Row]) -> None:
    comparable = [successor(row) for row in successions if row["change"] == "merged" and row["is_comparable"] == "true"]
    assert min(Counter(comparable).values()) > 1


def test_mergers_of_ccgs_stay_within_an_stp(successions: list[Row], parents: dict[Key, list[Row]]) -> None:
    """Those of one day that became one CCG were neighbours: after the moves of April 2020, of one STP."""
    for row in successions:
        if row["change"] == "merged" and row["predecessor_level"] == "ccg" and row["changed_on"] == "2021-04-01":
            before = parents[predecessor(row)][-1]["parent_code"]
            assert before == parents[successor(row)][-1]["parent_code"], row


def test_ccgs_became_sub_icbs_of_their_code_and_six_moved_their_boundary(
    listed: dict[Key, Row], successions: list[Row]
) -> None:
    became = [row for row in successions if row["successor_level"] == "sub_icb"]
    assert len(became) == 106
    assert all(row["predecessor_code"] == row["successor_code"] for row in became)
    moved = {row["successor_code"] for row in became if row["change"] == "boundary_moved"}
    assert moved == MOVED_BOUNDARY_IN_JULY_2022
    recoded = {
        row["successor_code"]
        for row in became
        if listed[predecessor(row)]["ons_code"] != listed[successor(row)]["ons_code"]
    }
    assert recoded == moved, "expected another ONS code where the boundary moved, and nowhere else"


def test_stps_became_icbs_of_their_code_and_another_ons_code_is_another_boundary(
    listed: dict[Key, Row], successions: list[Row]
) -> None:
    for row in successions:
        if row["predecessor_level"] == "stp" and row["change"] in ("renamed_body", "recoded", "boundary_moved"):
            same = listed[predecessor(row)]["ons_code"] == listed[successor(row)]["ons_code"]
            assert same == (row["is_comparable"] == "true"), row


def test_what_was_made_of_the_boards_divided_in_2026_is_not_said_to_compare(successions: list[Row]) -> None:
    of_2026 = [row for row in successions if row["changed_on"] == "2026-04-01"]
    assert {row["predecessor_code"] for row in of_2026 if row["change"] == "split"} == {"QJG", "QM7", "QNQ"}
    assert {row["successor_code"] for row in of_2026 if row["is_comparable"] == "true"} == {"Z9B2Z"}
    assert {row["certainty"] for row in of_2026} == {"background"}
