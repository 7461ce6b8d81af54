"""The reviewed populations agree with one another, and every population that the demonstration publishes is listed."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import TypeAlias

import pytest

from iapt.synthetic.populations import (
    Population,
    list_annual_populations,
    list_long_quarterly_populations,
    list_wide_quarterly_populations,
)
from tests.factories.seeds import Row, read_seed

#: By variable type and its two categories.
Populations: TypeAlias = dict[tuple[str, ...], Row]
KEY = ("variable_type", "variable_a", "variable_b")
YEARS = ["2017-18", "2018-19", "2019-20", "2020-21", "2021-22", "2022-23", "2023-24", "2024-25"]
DECILES = "Indices of Deprivation Decile"


@pytest.fixture(scope="module")
def populations() -> Populations:
    return {tuple(row[column] for column in KEY): row for row in read_seed("populations")}


@pytest.fixture(scope="module")
def changes() -> list[Row]:
    return read_seed("population_changes")


def test_a_published_population_is_listed_once(populations: Populations) -> None:
    assert len(populations) == len(read_seed("populations"))


def test_slugs_are_lower_case_words_joined_by_single_underscores(populations: Populations) -> None:
    for key, row in populations.items():
        for column in ("population_type", "population", "scheme"):
            assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", row[column]), (key, column)


def test_spellings_of_one_population_share_their_name_order_and_decile(populations: Populations) -> None:
    said = defaultdict(set)
    for row in populations.values():
        slug = (row["population_type"], row["population"])
        said[slug].add((row["population_name"], row["sort_order"], row["imd_decile"]))
    assert {slug: names for slug, names in said.items() if len(names) > 1} == {}


def test_populations_of_one_type_have_names_and_places_of_their_own(populations: Populations) -> None:
    slugs = {(row["population_type"], row["population"], row["population_name"]) for row in populations.values()}
    assert [name for name, n in Counter((kind, name) for kind, _, name in slugs).items() if n > 1] == []


def test_what_is_not_stated_comes_last(populations: Populations) -> None:
    last: dict[str, int] = defaultdict(int)
    for row in populations.values():
        last[row["population_type"]] = max(last[row["population_type"]], int(row["sort_order"]))
    for key, row in populations.items():
        if row["population"] == "not_stated" and "_and_gender" not in row["population_type"]:
            assert int(row["sort_order"]) == last[row["population_type"]], key


def test_a_placeholder_is_no_category(populations: Populations) -> None:
    assert {text.lower() for key in populations for text in key}.isdisjoint({"null", "nan"})
    assert [key for key in populations if key[0] == "Total"] == [("Total", "", "")]


@pytest.mark.parametrize("year", YEARS)
def test_the_annual_demonstration_is_listed(year: str, populations: Populations) -> None:
    assert unlisted(list_annual_populations(year), populations) == []


def test_the_quarterly_demonstration_is_listed(populations: Populations) -> None:
    published = [*list_wide_quarterly_populations(), *list_long_quarterly_populations()]
    assert unlisted(published, populations) == []


def unlisted(published: list[Population], populations: Populations) -> list[tuple[str, str, str]]:
    keys = [(one.variable_type, one.variable_a, one.variable_b) for one in published]
    return [key for key in keys if key[0] != "Total" and key not in populations]


def test_spellings_of_two_eras_are_one_population(populations: Populations) -> None:
    for keys in (
        [("Ethnic Group", "Mixed", f"Any {end}") for end in ("Other Mixed Background", "other Mixed background")],
        [("Problem Descriptor", "Depression", ""), ("Presenting Complaint", "Depression", "")],
        [
            ("Problem Descriptor", "Anxiety and stress related disorders", "Generalized anxiety disorder"),
            ("Presenting Complaint", "Anxiety and stress related disorders", "Generalised anxiety disorder"),
        ],
        [("Disability Type", "09 Sight", ""), ("Disability", "09 Sight", "")],
        [("Age", "Under 18", ""), ("Age Group", "Under 18", "")],
        [("Stepped Care Pathway", "Received only LI therapy", ""),
         ("Stepped Care Pathway", "Received only low intensity therapy", "")],
    ):  # fmt: skip
        assert len({(populations[key]["population_type"], populations[key]["population"]) for key in keys}) == 1, keys


def test_bands_that_are_not_the_same_ages_are_not_one_population(populations: Populations) -> None:
    bands = {row["population"] for key, row in populations.items() if row["scheme"] == "age_to_2020_21"}
    assert bands == {"under_16", "16_to_17", "18_to_35", "36_to_64", "65_and_over"}
    assert bands.isdisjoint(row["population"] for row in populations.values() if row["scheme"] == "age_from_2021_22")


def test_the_first_published_decile_is_the_least_deprived(populations: Populations) -> None:
    deciles = {key[1]: row for key, row in populations.items() if row["imd_decile"]}
    assert len(deciles) == 10
    for published, row in deciles.items():
        assert int(published[:2]) + int(row["imd_decile"]) == 11
        assert ("Least" in published) == (row["population"] == "least_deprived_10_percent")
        assert ("Most" in published) == (row["population"] == "most_deprived_10_percent")
        assert row["sort_order"] == row["imd_decile"]
    assert populations[DECILES, "01 Least deprived", ""]["imd_decile"] == "10"


def test_only_deprivation_has_deciles(populations: Populations) -> None:
    assert {row["population_type"] for row in populations.values() if row["imd_decile"]} == {"deprivation_decile"}


# changes


def test_a_change_leads_between_listed_schemes_and_populations(changes: list[Row], populations: Populations) -> None:
    listed = {(row["population_type"], row["scheme"], row["population"]) for row in populations.values()}
    schemes = {(kind, scheme) for kind, scheme, _ in listed}
    for row in changes:
        assert {(row["population_type"], row["from_scheme"]), (row["population_type"], row["to_scheme"])} <= schemes
        if row["population"]:
            assert (row["population_type"], row["to_scheme"], row["population"]) in listed, row


def test_a_change_says_when_why_and_who_says_so(changes: list[Row]) -> None:
    for row in changes:
        assert re.fullmatch(r"20\d\d-\d\d", row["changed_at"]), row
        assert row["is_comparable"] in {"true", "false"}, row
        assert row["reason"], row
        assert row["source"], row


def test_a_whole_scheme_does_not_follow_itself(changes: list[Row]) -> None:
    """A change within one scheme is of one category; were it of all, it would be a new scheme."""
    assert [row for row in changes if row["from_scheme"] == row["to_scheme"] and not row["population"]] == []


def test_every_era_of_one_type_is_tied_to_the_one_before(changes: list[Row], populations: Populations) -> None:
    """Where populations of a scheme that ended go on under their slugs, a row says whether they compare."""
    schemes = defaultdict(set)
    for row in populations.values():
        schemes[row["population_type"], row["population"]].add(row["scheme"])
    ended = {scheme for found in schemes.values() if len(found) > 1 for scheme in found if "_to_20" in scheme}
    assert len(ended) > 5
    assert ended - {row["from_scheme"] for row in changes} == set()


@pytest.mark.parametrize(
    ("population_type", "population", "changed_at", "is_comparable"),
    [
        ("age_band", "", "2021-22", "false"),
        ("presenting_complaint", "", "2020-21", "false"),
        ("presenting_complaint", "all_adsm", "2022-23", "false"),
        ("ethnic_category", "", "2020-21", "true"),
        ("waiting_time", "", "2022-23", "true"),
    ],
)
def test_a_known_change_is_comparable_or_not_as_agreed(
    population_type: str, population: str, changed_at: str, is_comparable: str, changes: list[Row]
) -> None:
    found = [
        row["is_comparable"]
        for row in changes
        if (row["population_type"], row["population"], row["changed_at"]) == (population_type, population, changed_at)
    ]
    assert found == [is_comparable]
