"""What a drop lacks that its other rows, or other files of its layout, have: told by name, and no reason to reject."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import pytest

from tests.factories import drops
from tests.factories.drops import (
    ANNUAL_HEADERS,
    COMMISSIONER,
    FINISHED,
    MONTHLY_HEADER,
    OTHER_PROVIDER,
    PROVIDER,
    QUARTERLY_LONG_HEADER,
    QUARTERLY_WIDE_HEADER,
    REFERRALS,
    REGION,
    UNSUPPRESSED_HEADER,
    WORKBOOK_BANNER,
    WORKBOOK_HEADER,
    Body,
    make_annual_row,
    make_csv,
    make_monthly_csv,
    make_quarterly_row,
    make_quarterly_wide_row,
    make_row,
    make_workbook_row,
    make_xlsx,
    make_zip,
    read,
    read_monthly,
)

THIRD_PROVIDER = Body("ZZ-P3", "Brobdingnag Mind")
PROVIDERS = (PROVIDER, OTHER_PROVIDER, THIRD_PROVIDER)
MEASURES = (REFERRALS, FINISHED)


def find_notices(found: drops.ReadDrop, begins: str) -> list[str]:
    """What the notices that begin so say is missing."""
    assert found.summary.rejection is None, found.rejection
    return [notice.partition(": ")[2] for notice in found.summary.notices if notice.startswith(begins)]


def make_month(*without: tuple[Body, tuple[str, str]]) -> list[list[drops.Cell]]:
    """Three providers with two measures each, but for what is left out."""
    return [
        make_row("25", provider=body, measure=measure)
        for body in PROVIDERS
        for measure in MEASURES
        if (body, measure) not in without
    ]


@pytest.mark.parametrize("lacking", PROVIDERS[:2])
def test_a_measure_that_all_other_organisations_have_is_missed_wherever_its_row_stood(
    lacking: Body, tmp_path: Path
) -> None:
    found = read_monthly(tmp_path, *make_month((lacking, FINISHED)))
    assert find_notices(found, "a measure that all") == [f"M076 of provider {lacking.code}, Total (2026-04)"]


def test_a_measure_that_half_of_the_organisations_have_may_be_theirs_alone(tmp_path: Path) -> None:
    for rows in (
        make_month(),
        make_month((PROVIDER, FINISHED), (OTHER_PROVIDER, FINISHED)),
        [*make_month((PROVIDER, FINISHED)), make_row("25", provider=Body("ZZ-P4", "Laputa Rooms"))],
        [row for row in make_month((PROVIDER, FINISHED)) if row[5] != THIRD_PROVIDER.code],
    ):
        assert find_notices(read_monthly(tmp_path, *rows), "a measure that all") == []


def test_a_measure_of_a_workbook_is_missed_too(tmp_path: Path) -> None:
    book = make_xlsx({"Data": [MONTHLY_HEADER, *make_month((THIRD_PROVIDER, FINISHED))]})
    found = read(tmp_path, "iapt-month-Apr-2026.xlsx", book)
    assert find_notices(found, "a measure that all") == ["M076 of provider ZZ-P3, Total (2026-04)"]


def make_populations(*without: tuple[Body | None, str]) -> list[list[drops.Cell]]:
    """England and two providers by gender, each with one measure."""
    bodies: list[Body | None] = [None, PROVIDER, OTHER_PROVIDER]
    return [
        make_quarterly_row(
            "25",
            level="England" if body is None else "Provider",
            provider=body or PROVIDER,
            population=("Gender", gender, "null"),
        )
        for body in bodies
        for gender in ("Female", "Male")
        if (body, gender) not in without
    ]


def read_quarter(folder: Path, rows: list[list[drops.Cell]]) -> drops.ReadDrop:
    """Read a quarterly file of these rows."""
    return read(folder, "nhstalkingtherapies_quarterly_data_q1_26_27.csv", make_csv(QUARTERLY_LONG_HEADER, rows))


def test_a_category_that_all_other_organisations_have_is_missed_of_england_too(tmp_path: Path) -> None:
    for body, whose in ((None, "england E92000001"), (OTHER_PROVIDER, "provider ZZ-P2")):
        found = read_quarter(tmp_path, make_populations((body, "Male")))
        assert find_notices(found, "a row that all other") == [f"{whose}, Gender Male (2026-04)"]
    assert find_notices(read_quarter(tmp_path, make_populations()), "a row that all other") == []


def test_an_organisation_without_any_category_of_a_variable_lacks_none_of_it(tmp_path: Path) -> None:
    rows = [
        *make_populations((OTHER_PROVIDER, "Male"), (OTHER_PROVIDER, "Female")),
        make_quarterly_row("25", level="Provider", provider=OTHER_PROVIDER),
    ]
    assert find_notices(read_quarter(tmp_path, rows), "a row that all other") == []


def test_the_total_of_an_organisation_is_missed_though_it_is_the_only_row_of_its_variable(tmp_path: Path) -> None:
    totals = [make_quarterly_row("25", level="Provider", provider=body) for body in PROVIDERS[:2]]
    found = read_quarter(tmp_path, [*make_populations(), *totals])
    assert find_notices(found, "a row that all other") == ["england E92000001, Total Total (2026-04)"]
    whole = [*make_populations(), *totals, make_quarterly_row("25")]
    assert find_notices(read_quarter(tmp_path, whole), "a row that all other") == []


def test_a_row_of_a_wide_table_is_missed(tmp_path: Path) -> None:
    rows = [
        make_annual_row("25", body=body, population=("Gender", gender, "NULL"))
        for body in PROVIDERS
        for gender in ("Female", "Male")
    ]
    del rows[3]
    pack = make_zip({"psych-ther-ann-rep-csv-2022-23-main.csv": make_csv(ANNUAL_HEADERS["2022-23"], rows)})
    found = read(tmp_path, "psych-ther-ann-rep-csvs-2022-23.zip", pack)
    assert find_notices(found, "a row that all other") == ["provider ZZ-P2, Gender Male (2022-04)"]


def read_months(folder: Path, *months: tuple[int, ...], is_workbook: bool) -> list[str]:
    """The months that are missed in a time series of three providers, each with rows of its months of 2019."""
    series: list[list[drops.Cell]] = []
    workbook: list[list[drops.Cell]] = []
    for body, of_body in zip(PROVIDERS, months, strict=True):
        for month in of_body:
            first, last = dt.date(2021, month, 1), dt.date(2021, month + 1, 1) - dt.timedelta(days=1)
            series.append(make_row("25", provider=body, start=first.isoformat(), end=last.isoformat()))
            workbook.append(make_workbook_row(25, provider=body, month=dt.date(2019, month, 1)))
    if is_workbook:
        book = make_xlsx({"Table 1": [*WORKBOOK_BANNER, WORKBOOK_HEADER, *workbook]})
        found = read(folder, "feb2019_feb2020.xlsx", book)
    else:
        found = read(folder, "time_series.csv", make_csv(UNSUPPRESSED_HEADER, series))
    return find_notices(found, "an organisation has no rows of a period")


@pytest.mark.parametrize("is_workbook", [True, False])
def test_a_month_within_the_range_of_an_organisation_is_missed(is_workbook: bool, tmp_path: Path) -> None:
    year = 2019 if is_workbook else 2021
    missed = read_months(tmp_path, (2, 3, 4), (2, 4), (2, 3, 4), is_workbook=is_workbook)
    assert missed == [f"provider ZZ-P2, {year}-03"]
    assert read_months(tmp_path, *[(2, 3, 4)] * 3, is_workbook=is_workbook) == []


def test_the_first_and_the_last_months_of_an_organisation_are_missed_where_each_has_every_month(tmp_path: Path) -> None:
    months = (2, 3, 4), (3, 4), (2, 3)
    assert read_months(tmp_path, *months, is_workbook=True) == ["provider ZZ-P2, 2019-02; provider ZZ-P3, 2019-04"]
    assert read_months(tmp_path, *months, is_workbook=False) == []


def test_a_month_of_the_only_organisation_of_its_level_is_missed_where_each_has_every_month(tmp_path: Path) -> None:
    rows = [make_workbook_row(25, provider=body, month=dt.date(2019, 3, 1)) for body in PROVIDERS]
    rows += [make_workbook_row(25, provider=body, month=dt.date(2019, 2, 1)) for body in PROVIDERS]
    rows.append(make_workbook_row(1000, level="England"))
    book = make_xlsx({"Table 1": [*WORKBOOK_BANNER, WORKBOOK_HEADER, *rows]})
    found = read(tmp_path, "feb2019_feb2020.xlsx", book)
    assert find_notices(found, "an organisation has no rows of a period") == ["england E92000001, 2019-03"]


@pytest.mark.parametrize(
    ("rows", "missing"),
    [
        ([], ["england, region, ccg or sub_icb, ccg_provider or sub_icb_provider"]),
        ([make_row("1000", level="England")], ["region, ccg or sub_icb, ccg_provider or sub_icb_provider"]),
    ],
)
def test_levels_of_which_a_whole_file_has_rows_are_missed(
    rows: list[list[drops.Cell]], missing: list[str], tmp_path: Path
) -> None:
    found = read_monthly(tmp_path, *rows, *make_month())
    assert find_notices(found, "no rows of a level") == missing


def test_an_extract_of_one_or_two_organisations_misses_no_level_but_a_file_cut_within_the_first_does(
    tmp_path: Path,
) -> None:
    def read_england(measures: int) -> list[str]:
        rows = [make_row("1000", level="England", measure=(f"M{number:03}", "Count_X")) for number in range(measures)]
        return find_notices(read_monthly(tmp_path, *rows), "no rows of a level")

    assert read_england(19) == []
    assert read_england(20) == ["region, ccg or sub_icb, provider, ccg_provider or sub_icb_provider"]


def test_a_file_with_every_level_misses_none(tmp_path: Path) -> None:
    levels: list[dict[str, Any]] = [
        {"level": "CommissioningRegion", "commissioner": REGION},
        *({"level": level, "commissioner": COMMISSIONER} for level in ("CCG", "CCG/Provider")),
        *({"level": level} for level in ("England", "Provider")),
    ]
    found = read_monthly(tmp_path, *(make_row("1000", **level) for level in levels))
    assert find_notices(found, "no rows of a level") == []


def test_columns_that_every_year_has_are_missed_under_any_name_that_they_had(tmp_path: Path) -> None:
    for year, dropped in (("2022-23", "Count_Recovery"), ("2018-19", "CountRecovery"), ("2024-25", None)):
        header = ANNUAL_HEADERS[year]
        rows = [make_annual_row("25", year=year, body=body) for body in PROVIDERS]
        kept = [place for place, name in enumerate(header) if name != dropped]
        content = make_csv([header[place] for place in kept], [[row[place] for place in kept] for row in rows])
        pack = make_zip({f"psych-ther-ann-rep-csv-{year}-main.csv": content})
        found = read(tmp_path, f"psych-ther-ann-rep-csvs-{year}.zip", pack)
        missing = ["CountRecovery or Count_Recovery"] if dropped else []
        assert find_notices(found, "a column that files of this layout") == missing


def test_a_column_of_the_wide_quarterly_files_is_missed(tmp_path: Path) -> None:
    place = QUARTERLY_WIDE_HEADER.index("NotCaseness")
    row = make_quarterly_wide_row("25")
    content = make_csv(
        [name for name in QUARTERLY_WIDE_HEADER if name != "NotCaseness"], [row[:place] + row[place + 1 :]]
    )
    found = read(tmp_path, "iapt-quarter-q3-2020-21-final-data.csv", content)
    assert find_notices(found, "a column that files of this layout") == ["NotCaseness"]


@pytest.mark.parametrize(
    ("year", "table", "columns"),
    [
        ("2022-23", "2022-23", []),
        (
            "2023-24",
            "2018-19",
            ["CountReferralsReceived; CountFirstTreatment; CountFinishedCourseTreatment; and 37 more"],
        ),
        (
            "2018-19",
            "2022-23",
            ["Count_ReferralsReceived; Count_AccessingServices; Count_SecondTreatment; and 39 more"],
        ),
        ("2023-24", "2020-21", ["Count_FirstTreatment"]),
        ("2024-25", "2023-24", ["Percentage_FinishedCourseTreatment; Mean_WaitEnteredTreatment"]),
    ],
)
def test_a_table_under_the_name_of_another_year_is_told_by_its_columns(
    year: str, table: str, columns: list[str], tmp_path: Path
) -> None:
    rows = [make_annual_row("25", year=table, body=body) for body in PROVIDERS]
    pack = make_zip({f"psych-ther-ann-rep-csv-{year}-main.csv": make_csv(ANNUAL_HEADERS[table], rows)})
    found = read(tmp_path, f"psych-ther-ann-rep-csvs-{year}.zip", pack)
    assert find_notices(found, "columns that files of this period do not have") == columns


@pytest.mark.parametrize(("mark", "is_told"), [("-", True), ("NULL", True), ("*", False), ("25", False)])
def test_a_mark_that_no_file_of_the_layout_had_is_read_and_told(mark: str, is_told: bool, tmp_path: Path) -> None:
    found = read_monthly(tmp_path, make_row(mark), make_row("25", measure=FINISHED))
    assert len(found.observations) == 2
    place = f"{mark!r} in 1 cells, the first at row 2, column MEASURE_VALUE_SUPPRESSED"
    assert find_notices(found, "a mark that files of this layout") == ([place] if is_told else [])


@pytest.mark.parametrize(
    ("texts", "is_told"),
    [
        (("NULL", "2965", "NULL"), True),
        (("NULL", "*", "NULL"), True),
        (("5", "2965", "NULL"), False),
        (("NULL",) * 3, False),
    ],
)
def test_a_figure_where_all_others_of_its_level_have_none_is_told(
    texts: tuple[str, ...], is_told: bool, tmp_path: Path
) -> None:
    place = ANNUAL_HEADERS["2022-23"].index("Median_ContactDuration")
    rows = [make_annual_row("25", body=body) for body in PROVIDERS]
    for row, text in zip(rows, texts, strict=True):
        row[place] = text
    pack = make_zip({"psych-ther-ann-rep-csv-2022-23-main.csv": make_csv(ANNUAL_HEADERS["2022-23"], rows)})
    found = read(tmp_path, "psych-ther-ann-rep-csvs-2022-23.zip", pack)
    told = ["psych-ther-ann-rep-csv-2022-23-main.csv, row 3, column Median_ContactDuration"]
    assert find_notices(found, "a figure stands where all others") == (told if is_told else [])


def test_what_is_missing_changes_no_observation(tmp_path: Path) -> None:
    """What is told of rows is no reason to read them otherwise."""
    whole, cut = make_month(), make_month((OTHER_PROVIDER, FINISHED))
    texts = [re.sub("source_row.*?,", "", str(cell)) for cell in read_monthly(tmp_path, *whole).observations]
    left = read(tmp_path, "iapt_month_apr_2026_activity.csv", make_monthly_csv(*cut)).observations
    assert len(left) == len(texts) - 1
