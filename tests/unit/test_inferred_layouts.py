"""Layouts written from notes alone: the shapes that are known of them, and what must not be guessed."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from tests.factories import drops
from tests.factories.drops import (
    BY_VARIABLE_2015_HEADER,
    BY_VARIABLE_2016_HEADER,
    COMMISSIONER,
    MONTHLY_WIDE_HEADER,
    PROVIDER,
    STP_CCG_LONG_HEADER,
    Body,
    ReadDrop,
    make_by_variable_row,
    make_csv,
    make_monthly_wide_row,
    make_stp_ccg_row,
    make_xlsx,
    make_zip,
    read,
)

INFERRED = {"quarterly_stp_ccg_long", "monthly_wide", "annual_by_variable_2015", "annual_by_variable_2016"}


def cells(found: ReadDrop, *columns: str) -> list[Any]:
    rows = [tuple(cell[column] for column in columns) for cell in found.observations]
    return [row[0] for row in rows] if len(columns) == 1 else rows


def read_wide(folder: Path, *rows: drops.Row, name: str = "IAPT_month_Apr_2016_data.csv") -> ReadDrop:
    return read(folder, name, make_csv(MONTHLY_WIDE_HEADER, rows))


def test_the_layouts_that_no_real_file_has_confirmed_are_marked_and_their_use_is_noticed(tmp_path: Path) -> None:
    assert {layout.name for layout in drops.catalogue().layouts if layout.evidence == "inferred"} == INFERRED
    for name in INFERRED:
        found = read(tmp_path, *drops.make_published_drops()[name])
        assert any("no real file has confirmed" in notice and name in notice for notice in found.summary.notices)


# -- quarterly STP and CCG --------------------------------------------------------------------------------------------


def test_the_quarterly_file_of_2021_22_keeps_its_levels_and_parents(tmp_path: Path) -> None:
    levels = ["England", "CommRegion", "STP", "CCG", "Provider", "CCG-Provider"]
    rows = [make_stp_ccg_row("25", level=level) for level in levels]
    rows[1][2:4] = ["ZZ-R1", "A region"]
    found = read(tmp_path, "iapt-quarterly-STP-and-CCG-Q1.csv", make_csv(STP_CCG_LONG_HEADER, rows))
    assert cells(found, "org_level", "org_code", "partner_code", "parent_code") == [
        ("england", "E92000001", None, None),
        ("region", "ZZ-R1", None, None),
        ("stp", "ZZ-B1", None, None),
        ("ccg", "ZZ-C1", None, "ZZ-B1"),
        ("provider", "ZZ-P1", None, None),
        ("ccg_provider", "ZZ-C1", "ZZ-P1", "ZZ-B1"),
    ]
    assert found.summary.tables[0].periods == ["2021-22 Q1"]


# -- monthly wide -----------------------------------------------------------------------------------------------------


def test_each_level_of_a_wide_month_puts_its_codes_in_their_columns(tmp_path: Path) -> None:
    rows = [make_monthly_wide_row("25", level=level) for level in ("England", "CCG", "Provider", "CCG/Provider")]
    found = read_wide(tmp_path, *rows)
    per_row = cells(found, "org_level", "org_code", "partner_code", "period_start")[:: len(MONTHLY_WIDE_HEADER) - 6]
    start = dt.date(2016, 4, 1)
    assert per_row == [
        ("england", "E92000001", None, start),
        ("ccg", COMMISSIONER.code, None, start),
        ("provider", PROVIDER.code, None, start),
        ("ccg_provider", COMMISSIONER.code, PROVIDER.code, start),
    ]


def test_a_column_that_no_list_knows_is_a_measure_under_its_own_name(tmp_path: Path) -> None:
    found = read_wide(tmp_path, make_monthly_wide_row("25", "20", "15", "10", "5"))
    assert cells(found, "measure_name", "measure_id", "value") == [
        ("ReferralsReceived", None, 25.0),
        ("SelfReferrals", None, 20.0),
        ("FirstTreatment", None, 15.0),
        ("FinishedCourseTreatment", None, 10.0),
        ("OddOne", None, 5.0),
    ]


def test_a_column_of_words_that_no_list_knows_is_rejected_not_taken_for_a_measure(tmp_path: Path) -> None:
    rejection = read_wide(tmp_path, make_monthly_wide_row("25", "20", "15", "10", "a remark")).rejection
    assert "row 2, column OddOne: expected a number" in rejection
    assert "found 'a remark'" in rejection


@pytest.mark.parametrize(
    "month", ["01/04/2016", "1/4/2016", "2016-04-01", "2016-04-01 00:00:00", "42461", "04/01/2016", "4/1/2016"]
)
def test_the_month_is_read_in_every_style_that_is_reported(month: str, tmp_path: Path) -> None:
    found = read_wide(tmp_path, make_monthly_wide_row("25", month=month))
    assert set(cells(found, "period_start", "period_end")) == {(dt.date(2016, 4, 1), dt.date(2016, 4, 30))}


@pytest.mark.parametrize("name", ["figures.csv", "iapt_data_v2.csv"])
def test_a_date_written_month_first_needs_a_name_that_says_the_month(name: str, tmp_path: Path) -> None:
    rejection = read_wide(tmp_path, make_monthly_wide_row("25", month="04/01/2016"), name=name).rejection
    assert "row 2: expected the month in the file's name, where a date is written month first" in rejection
    assert read_wide(tmp_path, make_monthly_wide_row("25", month="01/04/2016"), name=name).observations


@pytest.mark.parametrize("month", ["04/01/2016", "01/04/2016"])
def test_a_month_that_is_not_the_one_of_the_name_is_rejected(month: str, tmp_path: Path) -> None:
    rejection = read_wide(
        tmp_path, make_monthly_wide_row("25", month=month), name="IAPT_month_Jan_2016_data.csv"
    ).rejection
    assert "2016-04" in rejection
    assert "jan" in rejection.lower()


@pytest.mark.parametrize("month", ["13/04/2016", "31/04/2016", "2016", "April 2016", "", "04/2016", "15/15/2016"])
def test_a_date_that_begins_no_month_in_any_style_is_rejected(month: str, tmp_path: Path) -> None:
    assert "row 2" in read_wide(tmp_path, make_monthly_wide_row("25", month=month)).rejection


def test_a_file_of_two_months_is_rejected(tmp_path: Path) -> None:
    rows = [make_monthly_wide_row("25"), make_monthly_wide_row("25", month="01/05/2016")]
    assert "2 periods" in read_wide(tmp_path, *rows).rejection


def test_months_without_the_names_of_organisations_are_read(tmp_path: Path) -> None:
    header = [name for name in MONTHLY_WIDE_HEADER if not name.endswith("Name")]
    row = [cell for name, cell in zip(MONTHLY_WIDE_HEADER, make_monthly_wide_row("25"), strict=True) if name in header]
    found = read(tmp_path, "IAPT-month-apr-2016.csv", make_csv(header, [row]))
    assert set(cells(found, "org_code", "org_name", "partner_name")) == {(COMMISSIONER.code, None, None)}


@pytest.mark.parametrize("banner", [0, 1, 4, 11])
@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_the_header_is_found_below_a_banner(banner: int, suffix: str, tmp_path: Path) -> None:
    above: list[drops.Row] = [[f"Line {number} of a title", "x"] for number in range(banner)]
    rows = [*above, MONTHLY_WIDE_HEADER, make_monthly_wide_row("25"), make_monthly_wide_row("*", level="Provider")]
    content = make_xlsx({"Data": rows}) if suffix == "xlsx" else make_csv(rows[0], rows[1:])
    found = read(tmp_path, f"IAPT_month_Apr_2016.{suffix}", content)
    assert sorted(set(cells(found, "source_row"))) == [banner + 2, banner + 3]
    assert cells(found, "value")[0] == 25.0


def test_a_header_below_the_rows_that_are_looked_at_is_not_found(tmp_path: Path) -> None:
    rows = [["A title", "x"]] * 12 + [MONTHLY_WIDE_HEADER, make_monthly_wide_row("25")]
    assert read(tmp_path, "IAPT_month_Apr_2016.csv", make_csv(rows[0], rows[1:])).rejection


# -- annual, one table for each variable -----------------------------------------------------------------------------


def pack_2016(*others: tuple[str, bytes]) -> bytes:
    tables = {}
    for variable in ("LTC", "RELIGION"):
        header = [variable if name == "LTC" else name for name in BY_VARIABLE_2016_HEADER]
        rows = [
            make_by_variable_row("1000", category="Yes"),
            make_by_variable_row("25", "*", body=COMMISSIONER, category="Yes"),
        ]
        tables[f"{variable}.csv"] = make_csv(header, rows)
    return make_zip({**tables, **dict(others)})


def test_the_header_of_the_third_column_is_the_variable_and_its_cells_the_categories(tmp_path: Path) -> None:
    found = read(tmp_path, "psych-ther-ann-rep-csv-pack-2016-17_v3.0.zip", pack_2016())
    assert sorted(set(cells(found, "org_level", "org_code", "variable_type", "variable_a", "variable_b"))) == [
        ("ccg", COMMISSIONER.code, "LTC", "Yes", None),
        ("ccg", COMMISSIONER.code, "RELIGION", "Yes", None),
        ("england", "E92000001", "LTC", "Yes", None),
        ("england", "E92000001", "RELIGION", "Yes", None),
    ]
    assert {table.layout for table in found.summary.tables} == {"annual_by_variable_2016"}
    assert {period for table in found.summary.tables for period in table.periods} == {"2016-17"}
    assert found.summary.cells == found.summary.observations == 12
    assert {"NoRelibableChange", "FinishedCourseTreatment", "Something"} == set(cells(found, "measure_name"))


def test_the_other_tables_of_such_a_pack_are_named_and_left(tmp_path: Path) -> None:
    other = ("odd.csv", make_csv(["Stage", "Kind", "Number"], [["a", "b", 1]]))
    found = read(tmp_path, "psych-ther-ann-rep-csv-pack-2016-17.zip", pack_2016(other))
    assert found.summary.unread == ["odd.csv"]
    assert found.observations


def test_the_tables_of_2015_16_are_read_by_their_own_layout(tmp_path: Path) -> None:
    rows = [make_by_variable_row("1000", "60", "50.1"), make_by_variable_row("25", "*", "48", body=COMMISSIONER)]
    found = read(tmp_path, "psych-ther-ann-rep-csv-pack-2015-16.csv", make_csv(BY_VARIABLE_2015_HEADER, rows))
    assert found.summary.tables[0].layout == "annual_by_variable_2015"
    assert set(cells(found, "variable_type", "variable_a", "period_start")) == {
        ("RELIGION", "None", dt.date(2015, 4, 1))
    }


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("2016-17", ["CCG", "CCGName", "FinishedCourseTreatment", "Recovery"]),
        ("2016-17", ["CCG", "CCGName", "NoRelibableChange", "FinishedCourseTreatment"]),
        ("2016-17", ["CCG", "CCGName", "Recovery", "FinishedCourseTreatment"]),
        ("2016-17", ["CCG", "CCGName", "ReferralsReceived", "FinishedCourseTreatment"]),
        ("2016-17", ["CCG", "CCGName", "RecoveryRate", "FinishedCourseTreatment"]),
        ("2016-17", ["CCG", "CCGName", "Count_FirstTreatment", "FinishedCourseTreatment"]),
        ("2015-16", ["CCG_CODE", "CCG_NAME", "ALL_FIN", "ALL_RECOVERED_PCNT"]),
        ("2015-16", ["CCG_CODE", "CCG_NAME", "ALL_REFERRALS", "ALL_FIN"]),
        ("2015-16", ["CCG_CODE", "CCG_NAME", "All_Recovered_Pcnt", "ALL_FIN"]),
    ],
)
def test_a_table_without_a_variable_is_rejected_not_read_with_a_measure_as_its_population(
    name: str, header: list[str], tmp_path: Path
) -> None:
    content = make_csv(header, [["England", "England", "500", "3"]])
    found = read(tmp_path, f"psych-ther-ann-rep-{name}.zip", make_zip({f"main-{name}.csv": content}))
    assert f"the variable in column 3, where the measure {header[2]} stands" in found.rejection


def test_figures_in_place_of_categories_are_rejected_where_no_organisation_has_a_second_row(tmp_path: Path) -> None:
    header = ["CCG", "CCGName", "Something", "FinishedCourseTreatment"]
    england, place = ["England", "England"], [COMMISSIONER.code, COMMISSIONER.name]
    found = read(tmp_path, "annual-2016-17.csv", make_csv(header, [[*england, "500", "3"], [*place, "*", "5"]]))
    assert "row 2, column Something: expected the categories of a variable in column 3" in found.rejection
    rows = [[*england, decile, "5"] for decile in ("1", "2")]
    found = read(tmp_path, "annual-2016-17.csv", make_csv(["CCG", "CCGName", "IMD_DECILE", header[3]], rows))
    assert cells(found, "variable_a") == ["1", "2"]


@pytest.mark.parametrize("variable", ["LTC", "RELIGION", "AGE_GROUP", "EthnicGroup", "IMDDecile", "ProblemDescriptor"])
def test_the_names_of_variables_are_not_taken_for_measures(variable: str, tmp_path: Path) -> None:
    header = [variable if name == "LTC" else name for name in BY_VARIABLE_2016_HEADER]
    found = read(tmp_path, "annual-2016-17.csv", make_csv(header, [make_by_variable_row("1000", category="Yes")]))
    assert set(cells(found, "variable_type")) == {variable}


def test_a_code_of_such_a_table_that_is_none_is_set_aside(tmp_path: Path) -> None:
    rows = [
        make_by_variable_row("1000", "60", "50.5"),
        make_by_variable_row("25", body=COMMISSIONER),
        make_by_variable_row("5", body=Body("Eng", "")),
    ]
    found = read(tmp_path, "annual-2015-16.csv", make_csv(BY_VARIABLE_2015_HEADER, rows))
    assert {cell["source_row"] for cell in found.quarantine} == {4}


def test_a_header_of_another_order_or_a_named_table_is_no_table_of_one_variable(tmp_path: Path) -> None:
    header = ["LTC", "CCG", "CCGName", *BY_VARIABLE_2016_HEADER[3:]]
    rows = [["Yes", "ZZ-C1", "A place", "25", "*", "5"]]
    assert "no layout recognises" in read(tmp_path, "annual-2016-17.csv", make_csv(header, rows)).rejection
    for name in ("quarterly_wide", "monthly_wide"):
        found = read(tmp_path, *drops.make_published_drops()[name])
        assert [table.layout for table in found.summary.tables] == [name]
