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


def _body(
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


def _listed(*bodies: Organisation) -> dict[OrganisationKey, Organisation]:
    return {body.key: body for body in bodies}


def _members(places: Mapping[OrganisationKey, Place]) -> set[tuple[OrganisationKey, ...]]:
    return {tuple(one.key for one in place.members) for place in places.values()}


def test_a_place_keeps_its_page_through_codes_and_kinds_of_bodies(config: ReportConfig) -> None:
    listed = _listed(
        _body("stp", "E5", until=date(2020, 3, 31), after=["Q1"]),
        _body("stp", "Q1", since=date(2020, 4, 1), until=LAST_DAY, before=["E5"], after=["Q1"]),
        _body("icb", "Q1", since=CHANGE, before=["Q1"]),
    )
    assert _members(build_places(listed, config)) == {(("stp", "E5"), ("stp", "Q1"), ("icb", "Q1"))}


def test_what_several_became_is_another_place_and_so_is_each_of_what_one_became(config: ReportConfig) -> None:
    merged = _listed(
        _body("ccg", "A", until=LAST_DAY, after=["C"]),
        _body("ccg", "B", until=LAST_DAY, after=["C"]),
        _body("sub_icb", "C", since=CHANGE, before=["A", "B"]),
    )
    split = _listed(
        _body("region", "Y1", until=LAST_DAY, after=["Y2", "Y3"]),
        _body("region", "Y2", since=CHANGE, before=["Y1"]),
        _body("region", "Y3", since=CHANGE, before=["Y1"]),
    )
    for listed in (merged, split):
        places = build_places(listed, config)
        assert _members(places) == {(one,) for one in listed}
    place = build_places(merged, config)["sub_icb", "C"]
    assert [one.code for one in find_relatives(place, merged, config, before=True)] == ["A", "B"]
    assert [one.code for one in find_relatives(place, merged, config, before=False)] == []


def test_a_body_that_later_took_a_part_of_another_is_still_the_one_that_followed(config: ReportConfig) -> None:
    """The board of an area that stayed, which was given a part of another in 2026, did not begin as two."""
    listed = _listed(
        _body("stp", "Q1", until=LAST_DAY, after=["Q1"]),
        _body("icb", "Q1", since=CHANGE, before=["Q1", "Q2"], moves=[date(2026, 4, 1)]),
        _body("icb", "Q2", since=CHANGE, until=date(2026, 3, 31), after=["Q1", "Q3"]),
        _body("icb", "Q3", since=date(2026, 4, 1), before=["Q2"]),
    )
    places = build_places(listed, config)
    assert places["stp", "Q1"] is places["icb", "Q1"]
    assert places["icb", "Q1"].list_days_of_change() == (date(2026, 4, 1),)
    # Q2 ended in two, one of which was there already: what began then has only a part of it.
    assert _members(places) == {(("stp", "Q1"), ("icb", "Q1")), (("icb", "Q2"),), (("icb", "Q3"),)}
    ended = places["icb", "Q2"]
    assert "Q1" in [one.code for one in find_relatives(ended, listed, config, before=False)]


def test_the_area_of_a_figure_is_counted_by_the_moves_before_it(config: ReportConfig) -> None:
    listed = _listed(
        _body("ccg", "A", until=LAST_DAY, after=["A"], moves=[date(2019, 4, 1), CHANGE]),
        _body("sub_icb", "A", since=CHANGE, before=["A"], moves=[date(2024, 7, 1)]),
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
    listed = _listed(
        _body("icb", "UNKNOWN", kind="placeholder"),
        _body("ccg", "A", since=None, until=None, before=["B"], after=["B"]),
        _body("ccg", "B", since=None, until=None, before=["A"], after=["A"]),
    )
    places = build_places(listed, config)
    assert set(places) == {("ccg", "A"), ("ccg", "B")}
