"""The form of the reviewed lists: their columns, their order, plain text. What they say is tested list by list."""

from __future__ import annotations

import pytest

from tests.factories.seeds import SEEDS, read_seed

COLUMNS = {
    "measures": [
        *("measure", "measure_id", "name", "statistic", "unit", "base", "measure_group"),
        *("is_additive", "better_direction", "definition"),
    ],
    "measure_formulas": ["measure", "part", "component", "sign", "source"],
    "measure_names": ["measure_id", "name", "first_period", "last_period", "note"],
    "measure_aliases": ["series", "name_as_published", "measure", "first_period", "last_period", "note"],
    "organisations": [
        *("org_level", "org_code", "org_name", "ons_code", "valid_from", "valid_to"),
        *("is_place", "certainty", "source", "note"),
    ],
    "organisation_parents": [
        *("org_level", "org_code", "parent_level", "parent_code", "valid_from", "valid_to", "certainty", "source"),
    ],
    "organisation_successions": [
        *("predecessor_level", "predecessor_code", "successor_level", "successor_code", "changed_on"),
        *("change", "is_comparable", "certainty", "source", "note"),
    ],
}
#: By which columns a list is in order, where it is not by all of them from the first on.
ORDER = {
    "organisations": ["org_level", "org_code"],
    "organisation_parents": ["org_level", "org_code", "valid_from"],
    "organisation_successions": [
        *("predecessor_level", "predecessor_code", "changed_on", "successor_level", "successor_code"),
    ],
    "populations": ["variable_type", "variable_a", "variable_b"],
    "standards": ["measure"],
}
#: Lists in which no two rows have the same cells in the columns they are in order by.
UNIQUE = {"organisations", "organisation_parents", "organisation_successions", "populations"}
LISTS = sorted({*COLUMNS, *ORDER, "population_changes"})


@pytest.mark.parametrize("seed", COLUMNS)
def test_a_list_has_the_agreed_columns_in_order(seed: str) -> None:
    assert list(read_seed(seed)[0]) == COLUMNS[seed]


@pytest.mark.parametrize("seed", LISTS)
def test_a_list_is_sorted_without_repeats_so_that_a_change_shows_as_one_line(seed: str) -> None:
    rows = read_seed(seed)
    keys = [tuple(row[column] for column in ORDER.get(seed, row)) for row in rows]
    in_order = (lambda key: (*key[:3], int(key[3]), key[4])) if seed == "measure_formulas" else None
    assert keys == sorted(keys, key=in_order)
    assert len({tuple(row.values()) for row in rows}) == len(rows)
    if seed in UNIQUE:
        assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("seed", LISTS)
def test_a_list_is_plain_utf8_with_unix_line_ends_and_no_stray_spaces(seed: str) -> None:
    content = (SEEDS / f"{seed}.csv").read_bytes()
    assert b"\r" not in content
    assert not content.startswith(b"\xef\xbb\xbf")
    assert content.endswith(b"\n")
    for row in read_seed(seed):
        assert None not in row
        assert all(value is not None and value == value.strip() for value in row.values()), row
