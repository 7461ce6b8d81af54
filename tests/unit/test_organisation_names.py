"""Names beside codes: one that has two, or belongs to another, or is none, is told with the rows to look at."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from tests.factories import drops
from tests.factories.drops import (
    COMMISSIONER,
    FINISHED,
    OTHER_PROVIDER,
    PROVIDER,
    WORKBOOK_BANNER,
    WORKBOOK_HEADER,
    make_row,
    make_workbook_row,
    make_xlsx,
    named,
    read,
    read_monthly,
)
from tests.unit.test_row_completeness import find_notices

SEVERAL_NAMES = "an organisation stands under several names"
SEVERAL_CODES = "one name stands beside several codes"
NO_NAME = "an organisation stands under a word"
PAIR = "SubICB/Provider"


def test_a_code_with_two_names_is_told_with_a_row_of_each(tmp_path: Path) -> None:
    found = read_monthly(
        tmp_path,
        make_row("25"),
        make_row("30", measure=FINISHED, provider=named(PROVIDER, "Elsewhere Listening Service")),
    )
    assert find_notices(found, SEVERAL_NAMES) == [
        "provider ZZ-P1, 'Neverwhere Listening Service' (row 2) and 'Elsewhere Listening Service' (row 3)"
    ]
    assert len(found.observations) == 2


def test_a_provider_has_the_same_name_alone_and_in_its_pairs(tmp_path: Path) -> None:
    rows = [make_row("25"), make_row("25", level=PAIR, provider=named(PROVIDER, "Another"))]
    assert len(find_notices(read_monthly(tmp_path, *rows), SEVERAL_NAMES)) == 1
    same = [make_row("25"), make_row("25", level=PAIR), make_row("25", level="SubICB")]
    found = read_monthly(tmp_path, *same)
    for begins in (SEVERAL_NAMES, SEVERAL_CODES, NO_NAME):
        assert find_notices(found, begins) == []


def test_a_name_with_two_codes_is_told(tmp_path: Path) -> None:
    rows = [make_row("25"), make_row("30", provider=named(OTHER_PROVIDER, PROVIDER.name))]
    assert find_notices(read_monthly(tmp_path, *rows), SEVERAL_CODES) == [
        "provider 'Neverwhere Listening Service', ZZ-P1 (row 2) and ZZ-P2 (row 3)"
    ]


def test_a_name_may_change_from_month_to_month(tmp_path: Path) -> None:
    def read_workbook(*months: int) -> list[str]:
        rows = [
            make_workbook_row(25, provider=named(PROVIDER, name), month=dt.date(2019, month, 1))
            for month, name in zip(months, ("Old name", "New name"), strict=True)
        ]
        rows[1][6] = 25
        book = make_xlsx({"Table 1": [*WORKBOOK_BANNER, WORKBOOK_HEADER, *rows]})
        return find_notices(read(tmp_path, "feb2019_feb2020.xlsx", book), SEVERAL_NAMES)

    assert read_workbook(2, 3) == []
    assert len(read_workbook(2, 2)) == 1


@pytest.mark.parametrize("name", ["all Providers", "All", "", "Unknown", "England"])
def test_a_word_for_all_or_for_none_is_no_name(name: str, tmp_path: Path) -> None:
    rows = [make_row("25", provider=named(PROVIDER, name)), make_row("25", provider=OTHER_PROVIDER)]
    assert find_notices(read_monthly(tmp_path, *rows), NO_NAME) == [f"provider ZZ-P1, {name!r} (row 2)"]


def test_a_placeholder_that_keeps_its_place_needs_no_name_and_nor_does_a_file_without_names(tmp_path: Path) -> None:
    unknown = drops.Body("UNKNOWN", "UNKNOWN")
    rows = [make_row("25", level="SubICB", commissioner=body) for body in (unknown, COMMISSIONER)]
    assert find_notices(read_monthly(tmp_path, *rows), NO_NAME) == []
    name, content = drops.make_published_drops()["data_quality"]
    assert find_notices(read(tmp_path, name, content), NO_NAME) == []


def test_many_odd_names_are_counted(tmp_path: Path) -> None:
    rows = []
    for number in range(9):
        body = drops.Body(f"ZZ-P{number}", f"Service {number}")
        rows += [make_row("25", provider=body), make_row("30", provider=named(body, "X" * number), measure=FINISHED)]
    found = find_notices(read_monthly(tmp_path, *rows), SEVERAL_NAMES)
    assert len(found) == 6
    assert found[-1] == "4 more"
