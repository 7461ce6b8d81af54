"""The reviewed populations against the real drops and the publisher's metadata beside them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.conftest import RealRelease
from tests.factories.seeds import read_seed, read_table

PLACEHOLDERS = {"", "null"}


def key(variable_type: str, variable_a: str, variable_b: str) -> tuple[str, str, str]:
    """A population as the facts carry it: no placeholders, no category of a total; single spaces."""
    texts = [re.sub(r"\s+", " ", text).strip() for text in (variable_type, variable_a, variable_b)]
    kind, *categories = ("" if text.lower() in PLACEHOLDERS else text for text in texts)
    first, second = ("", "") if kind == "Total" else categories
    return kind, first, second


@pytest.fixture(scope="module")
def populations() -> dict[tuple[str, str, str], dict[str, str]]:
    rows = read_seed("populations")
    return {(row["variable_type"], row["variable_a"], row["variable_b"]): row for row in rows}


def test_every_variable_of_the_annual_metadata_is_listed(
    reference: Callable[[str], Path], populations: dict[tuple[str, str, str], dict[str, str]]
) -> None:
    described = {
        key(row["variable_type"], row["variable_a"], row["variable_b"])
        for row in read_table(reference("metadata_variables_annual.csv"))
    }
    assert described - set(populations) == set()


def test_every_variable_of_the_quarterly_metadata_is_listed(
    reference: Callable[[str], Path], populations: dict[tuple[str, str, str], dict[str, str]]
) -> None:
    described = set()
    for row in read_table(reference("metadata_measures_monthly.csv")):
        if row["measure_id"].startswith("V"):
            named = dict(re.findall(r"Variable (Type|A|B): *(.*)", row["measure_name"]))
            described.add(key(named["Type"], named.get("A", ""), named.get("B", "")))
    assert described
    assert described - set(populations) == set()


def test_the_publisher_numbers_deprivation_from_the_least_deprived(
    reference: Callable[[str], Path], populations: dict[tuple[str, str, str], dict[str, str]]
) -> None:
    deciles = {}
    for row in read_table(reference("metadata_variables_annual.csv")):
        found = re.fullmatch(r"IndicesOfDeprivationDecile *= *(\d+)", row["values_for_variable_a"].strip())
        if found:
            deciles[key(row["variable_type"], row["variable_a"], row["variable_b"])] = found[1]
    assert len(deciles) == 10
    assert {population: populations[population]["imd_decile"] for population in deciles} == deciles


def test_the_bme_group_is_every_ethnic_code_but_that_of_white_british(
    reference: Callable[[str], Path], populations: dict[tuple[str, str, str], dict[str, str]]
) -> None:
    codes = {
        found[1]: populations[population]["population"]
        for population in populations
        if population[0] == "Ethnic Group"
        and (found := re.match(r"Ethnic code ([A-Z])\b", populations[population]["note"]))
    }
    assert codes["A"] == "white_british"
    [published] = {
        row["values_for_variable_a"]
        for row in read_table(reference("metadata_variables_annual.csv"))
        if key(row["variable_type"], row["variable_a"], row["variable_b"]) == ("BME Group", "BME", "")
    }
    assert set(re.findall(r"'([A-Z])'", published)) == set(codes) - {"A"}


def test_every_population_of_the_real_drops_is_listed(real_release: RealRelease) -> None:
    unlisted = real_release.warehouse(
        "select variable_type, variable_a, variable_b from marts.dim_population where not is_listed"
    )
    assert unlisted == []


def test_a_population_of_the_facts_stands_in_the_dimension_once(real_release: RealRelease) -> None:
    facts = " union ".join(
        f"select variable_type, variable_a, variable_b from {fact}"
        for fact in ("marts.fct_monthly", "marts.fct_quarterly", "intermediate.int_annual_figures")
    )
    in_facts = real_release.warehouse(f"select count(*), count(*) > 150 from ({facts})")
    assert in_facts == real_release.warehouse("select count(*), true from marts.dim_population")


def test_englands_recovery_against_its_standard(real_release: RealRelease) -> None:
    """49.9 in 2022-23 missed 50; the years before and after met it. England is never ambiguous."""
    found = real_release.warehouse(
        "select period, standard_status from marts.int_standard_assessments "
        "where period_grain = 'year' and org_level = 'england' and variable_type = 'Total' "
        "and measure = 'percentage_recovery' order by period"
    )
    met = [(year, "met") for year in ("2017-18", "2019-20", "2020-21", "2021-22", "2024-25")]
    assert found == sorted([*met, ("2022-23", "missed")])


def test_only_a_whole_percentage_at_its_standard_is_ambiguous(real_release: RealRelease) -> None:
    doubtful = real_release.warehouse(
        """
        select distinct standard_status = 'ambiguous' as is_ambiguous
        from marts.int_standard_assessments
        where org_level <> 'england' and value = threshold
        """
    )
    assert doubtful == [(True,)]
    elsewhere = real_release.warehouse(
        """
        select distinct standard_status
        from marts.int_standard_assessments
        where org_level = 'england' or value <> threshold
        order by standard_status
        """
    )
    assert elsewhere == [("met",), ("missed",)]
