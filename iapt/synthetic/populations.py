"""Who is counted: the smallest groups of people the demonstration knows, and the published categories.

The smallest groups ("bins") are ages, genders and ethnic groups, each a partition of everyone. A published category is
a set of bins, so the categories of one kind add up to the total in every era.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

NOT_STATED = "Not stated/Not known/Invalid"
INDETERMINATE = "Indeterminate (unable to be classified as male or female)"
BME = "BME Group"

# Each bin and its share of referrals, per mille.
AGES = {
    "under 16": 2,
    "16 to 17": 18,
    "18 to 25": 215,
    "26 to 35": 260,
    "36 to 64": 430,
    "65 to 74": 45,
    "75 to 89": 28,
    "90 and over": 2,
}
GENDERS = {"female": 655, "male": 330, "indeterminate": 4, "not stated": 11}
ETHNICITIES = {
    ("White", "British"): 668,
    ("White", "Irish"): 8,
    ("White", "Any other White background"): 54,
    ("Mixed", "White and Black Caribbean"): 11,
    ("Mixed", "White and Black African"): 4,
    ("Mixed", "White and Asian"): 7,
    ("Mixed", "Any other Mixed background"): 11,
    ("Asian or Asian British", "Indian"): 25,
    ("Asian or Asian British", "Pakistani"): 21,
    ("Asian or Asian British", "Bangladeshi"): 10,
    ("Asian or Asian British", "Any other Asian background"): 16,
    ("Black or Black British", "Caribbean"): 16,
    ("Black or Black British", "African"): 21,
    ("Black or Black British", "Any other Black background"): 5,
    ("Other Ethnic Groups", "Chinese"): 5,
    ("Other Ethnic Groups", "Any Other Ethnic Group"): 23,
    (NOT_STATED, "All"): 95,
}

AGE_BINS = slice(0, len(AGES))
GENDER_BINS = slice(AGE_BINS.stop, AGE_BINS.stop + len(GENDERS))
ETHNIC_BINS = slice(GENDER_BINS.stop, GENDER_BINS.stop + len(ETHNICITIES))
BINS = ETHNIC_BINS.stop

_ETHNIC = list(ETHNICITIES)
WHITE_BRITISH = [_ETHNIC.index(("White", "British"))]
ETHNICITY_NOT_STATED = [_ETHNIC.index((NOT_STATED, "All"))]
BLACK_AND_MINORITY = [place for place in range(len(_ETHNIC)) if place not in (*WHITE_BRITISH, *ETHNICITY_NOT_STATED)]
# By the groups of `allocate_outcomes_by_group`, and their parts of those who finish treatment, per mille.
ETHNIC_GROUPS = (BLACK_AND_MINORITY, WHITE_BRITISH, ETHNICITY_NOT_STATED)
FINISHED_SHARES = (222, 727, 51)


@dataclass(frozen=True)
class Population:
    """A published category: the kind of breakdown, its one or two names (else empty), and its bins."""

    variable_type: str
    variable_a: str
    variable_b: str
    bins: tuple[int, ...]


TOTAL = Population("Total", "", "", tuple(range(GENDER_BINS.start, GENDER_BINS.stop)))


def _make_categories(variable_type: str, first_bin: int, names: Mapping[str, Sequence[int]]) -> list[Population]:
    return [
        Population(variable_type, name, "", tuple(first_bin + place for place in places))
        for name, places in sorted(names.items())
    ]


def _make_bme_groups() -> list[Population]:
    names = {"BME": BLACK_AND_MINORITY, NOT_STATED: ETHNICITY_NOT_STATED, "White British": WHITE_BRITISH}
    return _make_categories(BME, ETHNIC_BINS.start, names)


def _make_genders(*, indeterminate: bool) -> list[Population]:
    names: dict[str, Sequence[int]] = {"Female": [0], "Male": [1], NOT_STATED: [3]}
    if indeterminate:
        names[INDETERMINATE] = [2]
    else:
        names[NOT_STATED] = [2, 3]
    return _make_categories("Gender", GENDER_BINS.start, names)


_SIX_AGES: dict[str, Sequence[int]] = {
    "Under 18": [0, 1],
    "18 to 25": [2],
    "26 to 64": [3, 4],
    "65 to 74": [5],
    "75 to 89": [6],
    "90 and over": [7],
}
_FIVE_AGES: dict[str, Sequence[int]] = {
    "Under 16": [0],
    "16 to 17": [1],
    "18 to 35": [2, 3],
    "36 to 64": [4],
    "65 and over": [5, 6, 7],
}


def _spell_ethnic_group(name: str, year: str) -> str:
    """Before 2020-21 the annual report capitalises `Any Other ... Background`."""
    if year >= "2020-21" or not name.startswith("Any other"):
        return name
    return name.replace("Any other", "Any Other").replace("background", "Background")


def _make_annual_ethnicities(year: str) -> list[Population]:
    categories: dict[tuple[str, str], list[int]] = {}
    for place, (group, name) in enumerate(_ETHNIC):
        categories.setdefault((group, "All"), []).append(ETHNIC_BINS.start + place)
        if name != "All":
            categories[group, _spell_ethnic_group(name, year)] = [ETHNIC_BINS.start + place]
    return [Population("Ethnic Group", group, name, tuple(bins)) for (group, name), bins in sorted(categories.items())]


def list_annual_populations(year: str) -> list[Population]:
    """The categories of an annual report, such as `2020-21`, in the order of their names."""
    ages = _SIX_AGES if year >= "2021-22" else _FIVE_AGES
    return [
        *_make_categories("Age Group", AGE_BINS.start, ages),
        *(_make_bme_groups() if year >= "2020-21" else []),
        *_make_annual_ethnicities(year),
        *_make_genders(indeterminate=year >= "2020-21"),
        TOTAL,
    ]


def list_wide_quarterly_populations() -> list[Population]:
    """The categories of the quarterly files up to 2021-22."""
    ages: dict[str, Sequence[int]] = {
        "Under 18": [0, 1],
        "18 to 64": [2, 3, 4],
        "65 to 74": [5],
        "75 to 89": [6],
        "90 and over": [7],
    }
    genders: dict[str, Sequence[int]] = {"Female": [0], "Male": [1], "Not known/Not specified/Not recorded": [2, 3]}
    return [
        *_make_categories("Age", AGE_BINS.start, ages),
        *_make_categories("Gender", GENDER_BINS.start, genders),
        TOTAL,
    ]


def list_long_quarterly_populations() -> list[Population]:
    """The categories of the quarterly files from 2023-24 on; an ethnic group has no `All` row there."""
    spelling = {
        "Any other Mixed background": "Any other mixed background",
        "Any Other Ethnic Group": "Any other ethnic group",
        "All": "",
    }
    ethnicities = [
        Population("Ethnic Group", group, spelling.get(name, name), (ETHNIC_BINS.start + place,))
        for place, (group, name) in enumerate(_ETHNIC)
    ]
    return [
        *_make_categories("Age Group", AGE_BINS.start, _SIX_AGES),
        *_make_bme_groups(),
        *sorted(ethnicities, key=lambda population: (population.variable_a, population.variable_b)),
        *_make_genders(indeterminate=True),
        TOTAL,
    ]
