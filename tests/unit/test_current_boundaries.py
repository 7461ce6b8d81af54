"""A figure under the name of an organisation of today is about its area: on invented, changing countries."""

from __future__ import annotations

from collections import Counter
from datetime import date
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.factories.geographies import RATE, Area, Country, Truth, build_country_release, make_country

ROWS = (
    "select period_end, org_level, org_code, comparability, measure, value, value_status, lower_bound, upper_bound "
    "from extract_annual_current_boundaries"
)
OWN_CODE = ("former", "not_known")
OF_TODAYS_AREA = ("same", "recoded", "merged", "summed")


def figures_of_another_area(country: Country, *, lacks: float) -> tuple[list[tuple[object, ...]], Counter[str]]:
    """Return the figures that are not of the area they stand for, and how many there are of each kind."""
    connection, truth = build_country_release(country, lacks=lacks)
    with connection:
        rows = connection.execute(ROWS).fetchall()
    wrong = []
    kinds: Counter[str] = Counter()
    for row in rows:
        year, level, code, comparability, measure, value, status, lower, upper = row
        kinds[comparability] += 1
        if comparability not in (*OF_TODAYS_AREA, *OWN_CODE):
            if status != "not_published":
                wrong.append(row)
            continue
        if comparability in OWN_CODE and country.ended.get((level, code)) is None:
            wrong.append(row)
            continue
        if status == "not_published":
            continue
        area = country.areas[year if comparability in OWN_CODE else None, (level, code)]
        if not _is_of(area, truth, year, measure, value, lower, upper):
            wrong.append(row)
    return wrong, kinds


def _is_of(area: Area, truth: Truth, year: date, measure: str, value: float, lower: int, upper: int) -> bool:
    if measure == RATE:
        return truth.rates[int(value)] == area
    return lower <= truth.count_of(year, measure, area) <= upper


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.randoms(use_true_random=False), st.sampled_from((0.0, 0.0, 0.1)))
def test_bounds_hold_the_truth_of_the_area_and_no_rate_is_of_another(random: Random, lacks: float) -> None:
    """Through mergers, divisions, new codes and moved boundaries, with hidden counts, missing rows and parents."""
    wrong, _ = figures_of_another_area(make_country(random), lacks=lacks)
    assert wrong == []


def test_the_invented_countries_have_figures_of_every_kind() -> None:
    """Else the test above would say little: over many of them, every word stands for some figures."""
    kinds: Counter[str] = Counter()
    for seed in range(40):
        wrong, found = figures_of_another_area(make_country(Random(seed)), lacks=0.1 if seed % 2 else 0.0)
        assert wrong == []
        kinds += found
    expected = {"same", "recoded", "merged", "summed", "parts_missing", "boundary_moved", "area_not_known", "former"}
    assert {kind for kind, number in kinds.items() if number >= 10} >= expected
