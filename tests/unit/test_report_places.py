"""Which organisations are one place, and since when its area is another: by the released list of organisations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import pytest

from iapt.catalogue.report_config import ReportConfig, load_report_config
from iapt.report.places import Organisation, OrganisationKey, Place, build_places, find_relatives
from iapt.workspace import CATALOGUE

CHANGE = date(2022, 7, 1)
LAST_DAY = date(2022, 6, 30)


@pytest.fixture(scope="module")
def config() -> ReportConfig:
    return load_report_config(CATALOGUE / "report.yml")


def _make_organisation(
    level: str,
    code: str,
    *,
    since: date | None = date(2017, 4, 1),
    until: date | None = None,
    before: Sequence[str] = (),
    after: Sequence[str] = (),
    moves: Sequence[date] = (),
    kind: str = "",
) -> Organisation:
    return Organisation(
        level, code, code, kind or level, since, until, tuple(before), tuple(after), tuple(moves), "", "", ""
    )


def _by_key(*organisations: Organisation) -> dict[OrganisationKey, Organisation]:
    return {organisation.key: organisation for organisation in organisations}


def _list_members(places: Mapping[OrganisationKey, Place]) -> set[tuple[OrganisationKey, ...]]:
    return {tuple(member.key for member in place.members) for place in places.values()}


def test_a_place_keeps_its_page_through_codes_and_kinds_of_organisations(config: ReportConfig) -> None:
    listed = _by_key(
        _make_organisation("stp", "E5", until=date(2020, 3, 31), after=["Q1"]),
        _make_organisation("stp", "Q1", since=date(2020, 4, 1), until=LAST_DAY, before=["E5"], after=["Q1"]),
        _make_organisation("icb", "Q1", since=CHANGE, before=["Q1"]),
    )
    assert _list_members(build_places(listed, config)) == {(("stp", "E5"), ("stp", "Q1"), ("icb", "Q1"))}


def test_what_several_became_is_another_place_and_so_is_each_of_what_one_became(config: ReportConfig) -> None:
    merged = _by_key(
        _make_organisation("ccg", "A", until=LAST_DAY, after=["C"]),
        _make_organisation("ccg", "B", until=LAST_DAY, after=["C"]),
        _make_organisation("sub_icb", "C", since=CHANGE, before=["A", "B"]),
    )
    split = _by_key(
        _make_organisation("region", "Y1", until=LAST_DAY, after=["Y2", "Y3"]),
        _make_organisation("region", "Y2", since=CHANGE, before=["Y1"]),
        _make_organisation("region", "Y3", since=CHANGE, before=["Y1"]),
    )
    for listed in (merged, split):
        places = build_places(listed, config)
        assert _list_members(places) == {(member,) for member in listed}
    place = build_places(merged, config)["sub_icb", "C"]
    assert [member.code for member in find_relatives(place, merged, config, before=True)] == ["A", "B"]
    assert [member.code for member in find_relatives(place, merged, config, before=False)] == []


def test_an_organisation_that_later_took_a_part_of_another_is_still_the_one_that_followed(config: ReportConfig) -> None:
    """The board of an area that stayed, which was given a part of another in 2026, did not begin as two."""
    listed = _by_key(
        _make_organisation("stp", "Q1", until=LAST_DAY, after=["Q1"]),
        _make_organisation("icb", "Q1", since=CHANGE, before=["Q1", "Q2"], moves=[date(2026, 4, 1)]),
        _make_organisation("icb", "Q2", since=CHANGE, until=date(2026, 3, 31), after=["Q1", "Q3"]),
        _make_organisation("icb", "Q3", since=date(2026, 4, 1), before=["Q2"]),
    )
    places = build_places(listed, config)
    assert places["stp", "Q1"] is places["icb", "Q1"]
    assert places["icb", "Q1"].list_days_of_change() == (date(2026, 4, 1),)
    # Q2 ended in two, one of which was there already: what began then has only a part of it.
    assert _list_members(places) == {(("stp", "Q1"), ("icb", "Q1")), (("icb", "Q2"),), (("icb", "Q3"),)}
    ended = places["icb", "Q2"]
    assert "Q1" in [member.code for member in find_relatives(ended, listed, config, before=False)]


def test_the_area_of_a_figure_is_counted_by_the_moves_before_it(config: ReportConfig) -> None:
    listed = _by_key(
        _make_organisation("ccg", "A", until=LAST_DAY, after=["A"], moves=[date(2019, 4, 1), CHANGE]),
        _make_organisation("sub_icb", "A", since=CHANGE, before=["A"], moves=[date(2024, 7, 1)]),
    )
    place = build_places(listed, config)["ccg", "A"]
    year = [(date(first, 4, 1), date(first + 1, 3, 31)) for first in range(2018, 2026)]
    assert place.list_areas(0, *year[0]) == (0, 0)
    assert place.list_areas(0, *year[1]) == (1, 1)
    assert place.list_areas(1, *year[4]) == (2, 2)
    assert place.list_areas(1, *year[6]) == (2, 3)  # it moved within the year
    assert place.list_areas(1, *year[7]) == (3, 3)
    assert place.current_area == 3


def test_placeholders_are_no_places_and_a_circle_ends(config: ReportConfig) -> None:
    listed = _by_key(
        _make_organisation("icb", "UNKNOWN", kind="placeholder"),
        _make_organisation("ccg", "A", since=None, until=None, before=["B"], after=["B"]),
        _make_organisation("ccg", "B", since=None, until=None, before=["A"], after=["A"]),
    )
    places = build_places(listed, config)
    assert set(places) == {("ccg", "A"), ("ccg", "B")}
