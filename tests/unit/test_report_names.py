"""How organisations are named on pages and in file names."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iapt.report.names import format_name, make_area_id


@pytest.mark.parametrize(
    ("published", "formatted"),
    [
        ("NHS SOUTH YORKSHIRE INTEGRATED CARE BOARD", "NHS South Yorkshire Integrated Care Board"),
        ("NHS SOUTH YORKSHIRE ICB - 02P", "NHS South Yorkshire ICB - 02P"),
        ("NORTH EAST AND YORKSHIRE", "North East and Yorkshire"),
        ("ST HELEN'S CIC", "St Helen's CIC"),
        ("SOUTH YORKSHIRE AND BASSETLAW STP", "South Yorkshire and Bassetlaw STP"),
        ("NHS Essex Integrated Care Board", "NHS Essex Integrated Care Board"),
        ("iHeart", "iHeart"),
    ],
)
def test_capitals_become_a_name_and_other_names_stand(published: str, formatted: str) -> None:
    assert format_name(published) == formatted


@given(st.text(max_size=60))
def test_no_letter_of_a_name_is_lost(name: str) -> None:
    assert format_name(name).casefold() == name.casefold()


@given(st.text(max_size=12), st.text(max_size=12))
def test_two_codes_never_share_a_file_name(first: str, second: str) -> None:
    assert (make_area_id("icb", first) == make_area_id("icb", second)) == (first == second)


@given(st.text(max_size=12))
def test_a_file_name_holds_nothing_that_leads_elsewhere(code: str) -> None:
    assert re.fullmatch(r"provider-[A-Za-z0-9_]*", make_area_id("provider", code))
