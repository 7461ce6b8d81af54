"""What names say of periods: every pattern of the publisher's names, and files whose name and rows disagree."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.misnamed_files import MisnamedFile
from iapt.ingest.name_validation import find_contradicted_period
from iapt.named_periods import parse_periods_in_name
from iapt.periods import parse_period_label
from tests.factories.drops import (
    CATALOGUE,
    MONTHLY_HEADER,
    QUARTERLY_LONG_HEADER,
    make_csv,
    make_monthly_csv,
    make_published_drops,
    make_quarterly_row,
    make_row,
    make_xlsx,
    make_zip,
    read,
)

#: Names as the publisher writes them, and the period that each must be taken to say.
NAMES = {
    "iapt-month-Jan-2021-final-data.xlsx": "2021-01",
    "iapt-month-Apr-21-final-data.xlsx": "2021-04",
    "iapt-month-august-2021-final-data-v2.csv": "2021-08",
    "IAPT_MONTH_SEPT_2021.csv": "2021-09",
    "IAPT_month_Apr_2016_data.csv": "2016-04",
    "iapt_month_may_22_activity_updated.csv": "2022-05",
    "iapt_month_feb_2023_activity v2.csv": "2023-02",
    "iapt_month_feb_2023_activity%20v2.csv": "2023-02",
    "nhstalkingtherapies_month_may_2023_activity_performance.csv": "2023-05",
    "nhstalkingtherapies_month_jul_2024_ea.csv": "2024-07",
    "2024-JULY activity.csv": "2024-07",
    "activity-jul2024v3.csv": "2024-07",
    "activity_202407.csv": "2024-07",
    "activity 2024-07 (published 2024-09-12).csv": "2024-07",
    "nhstalkingtherapies_quarterly_data_q1_26_27.zip": "2026-27 Q1",
    "nhstalkingtherapies_quarterly_subICB_provider_q4_22_23.csv": "2022-23 Q4",
    "iapt-quarter-q3-2020-21-final-data.csv": "2020-21 Q3",
    "measures_provider_quarterly_2025-26-q3.csv": "2025-26 Q3",
    "iapt-quarterly-Q2-2021-2022.zip": "2021-22 Q2",
    "Quarter 2 2021_22.csv": "2021-22 Q2",
    "q1_2627.zip": "2026-27 Q1",
    "psych-ther-ann-2017-18-csvs.zip": "2017-18",
    "psych-ther-ann-rep-csv-2024-25-2.zip": "2024-25",
    "psych-ther-ann-rep-csv-2020-21-main-csv-v2.csv": "2020-21",
    "psych_ther_ann_2020_2021.csv": "2020-21",
    "iapt_month_07_2024.csv": "2024-07",
    "iapt_month_072024.csv": "2024-07",
    "iapt_month_7_2024.csv": "2024-07",
    "activity_07-24.csv": "2024-07",
    "24-07.csv": "2024-07",
    "MonthlyJuly2024Final.csv": "2024-07",
    "nhstalkingtherapies_month_july_activity_2024.csv": "2024-07",
    "talkingtherapies_2024_july.csv": "2024-07",
    "activity_july 2024, published 12 sep 2024.csv": "2024-07",
    "nhstalkingtherapies_quarterly_25-26_q3.csv": "2025-26 Q3",
    "quarterly_2526_q3.csv": "2025-26 Q3",
    "Q3FY2526.csv": "2025-26 Q3",
}
OF_GRAIN = {
    "month": ["2016-04", "2021-01", "2021-04", "2021-08", "2021-09", "2022-05", "2023-02", "2023-05", "2024-07"],
    "quarter": ["2020-21 Q3", "2021-22 Q2", "2022-23 Q4", "2025-26 Q3", "2026-27 Q1"],
    "year": ["2017-18", "2020-21", "2024-25"],
}


@pytest.mark.parametrize(("name", "label"), NAMES.items())
def test_a_name_says_its_period_and_no_other_of_the_grain(name: str, label: str) -> None:
    period = parse_period_label(label)
    assert find_contradicted_period(name, [period]) is None
    for other in OF_GRAIN[period.grain]:
        assert (find_contradicted_period(name, [parse_period_label(other)]) is None) == (other == label)


@pytest.mark.parametrize(
    ("name", "fitting", "others"),
    [
        ("feb2019_feb2020.xlsx", ["2019-02", "2019-12", "2020-02"], ["2019-01", "2020-03"]),
        ("series_2025_05_to_2025_06_revised.csv", ["2025-05", "2025-06"], ["2025-07"]),
        ("series-nov-to-jan-2023.csv", ["2022-11", "2022-12", "2023-01"], ["2023-02", "2023-11"]),
        ("iapt-quarterly-STP-and-CCG-Q1.csv", ["2021-22 Q1", "2026-27 Q1"], ["2021-22 Q2"]),
        ("quarterly-q3-2021.csv", ["2020-21 Q3", "2021-22 Q3"], ["2022-23 Q3", "2021-22 Q2"]),
        ("quarterly-jan-mar-2023.csv", ["2022-23 Q4"], ["2022-23 Q3", "2023-24 Q4"]),
        ("monthly-2020-21.csv", ["2020-04", "2021-03"], ["2021-04"]),
        ("monthly-report-2021.csv", ["2020-04", "2021-12"], ["2020-03", "2022-01"]),
        ("monthly-report-2025.csv", ["2025-01", "2025-12"], ["2024-06", "2026-01"]),
        ("quarterly_data_2025.csv", ["2024-25 Q4", "2025-26 Q1"], ["2024-25 Q1", "2025-26 Q4"]),
        ("q1_fy26.csv", ["2025-26 Q1", "2026-27 Q1"], ["2024-25 Q1", "2025-26 Q2"]),
        ("2025-q1.csv", ["2024-25 Q1", "2025-26 Q1"], ["2023-24 Q1"]),
        ("ann-2021.csv", ["2020-21", "2021-22"], ["2019-20", "2022-23"]),
        ("month-mar.csv", ["2021-03", "2024-03"], ["2024-04"]),
        ("annual_20_21.csv", ["2020-21"], ["2021-22"]),
        ("x-2011-12.csv", ["2011-12"], ["2013-14"]),
        # Days, where there is nothing else: from the first of a month to the last of one, or the last alone.
        ("iapt_2025-01-01_2025-01-31.csv", ["2025-01"], ["2024-01", "2025-02"]),
        ("01-01-2025_31-01-2025.csv", ["2025-01"], ["2024-01"]),
        ("iapt_20250101-20250331.csv", ["2025-01", "2025-02", "2025-03"], ["2024-02", "2025-04"]),
        ("2024-04-01_to_2024-06-30.csv", ["2024-25 Q1"], ["2023-24 Q1", "2024-25 Q2"]),
        ("activity_2024-02-29.csv", ["2024-02"], ["2023-02", "2024-03"]),
        # The months of a financial year are numbered from April.
        ("M10_2023_24.csv", ["2024-01"], ["2023-10", "2023-01", "2025-01"]),
        ("nhstt_m09_23-24.csv", ["2023-12"], ["2023-09", "2024-12"]),
        ("month_10_2023_24.csv", ["2024-01", "2023-10"], ["2023-01", "2024-10"]),
    ],
)
def test_a_name_that_leaves_something_open_fits_what_it_may_mean(
    name: str, fitting: list[str], others: list[str]
) -> None:
    assert [label for label in fitting if find_contradicted_period(name, [parse_period_label(label)])] == []
    assert [label for label in others if not find_contradicted_period(name, [parse_period_label(label)])] == []


@pytest.mark.parametrize(
    "name",
    [
        "activity.csv",
        "main-v2.csv",
        "data may change.csv",
        "csvs-2.zip",
        "part 12 of 13.csv",
        "nhstt_published_14_mar_2024.csv",
        "activity-released-2024.csv",
        "as at March 2024.csv",
        "activity 14th march 2024.csv",
        "activity_2024-03-14.csv",
        "activity_2024-02-01.csv",
        "activity_2024-03-14_2024-03-31.csv",
        "nhstt_published_2024-03-14.csv",
        "nhstt_released_on_31-01-2025.csv",
        "nhstt_downloaded_20250131.csv",
    ],
)
def test_a_name_without_a_period_is_no_evidence(name: str) -> None:
    assert parse_periods_in_name(name) == []
    assert find_contradicted_period(name, [parse_period_label("2021-01")]) is None


def test_a_time_series_may_be_named_for_one_of_its_months_and_not_for_another() -> None:
    months = [parse_period_label(label) for label in ("2025-04", "2025-05", "2026-04")]
    assert find_contradicted_period("time_series_apr_2026.csv", months) is None
    assert find_contradicted_period("time_series_may_2026.csv", months) == "may 2026"
    assert find_contradicted_period("time_series_apr_2025_to_mar_2026.csv", months) == "apr 2025 to mar 2026"


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("iapt_month_jan_2025.csv", ["2024-01", "2025-01"]),
        ("iapt-quarter-q3-2020-21-final-data.csv", ["2019-20 Q3", "2020-21 Q3"]),
        ("jan_2025_mar_2025.csv", ["2025-02", "2025-04"]),
    ],
)
def test_rows_of_another_period_beside_those_of_the_name_are_told(name: str, labels: list[str]) -> None:
    assert find_contradicted_period(name, [parse_period_label(label) for label in labels])


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("nhstalkingtherapies_month_june_activity_2025.csv", "2024-06"),
        ("month_2025_activity_june.csv", "2024-06"),
        ("monthlyjune2025final.csv", "2024-06"),
        ("jan_2025_published_mar_2025.csv", "2025-02"),
        ("062025.csv", "2024-06"),
        ("6_2025.csv", "2024-06"),
        ("2025-6.csv", "2024-06"),
    ],
)
def test_a_year_apart_from_its_month_counts_too(name: str, label: str) -> None:
    assert find_contradicted_period(name, [parse_period_label(label)])


MAY = {"start": "01/05/2026", "end": "31/05/2026"}


def test_a_file_named_for_another_month_than_its_rows_is_rejected_with_both(tmp_path: Path) -> None:
    found = read(tmp_path, "nhstalkingtherapies_month_apr_2026_activity.csv", make_monthly_csv(make_row("25", **MAY)))
    assert found.summary.rejection is not None
    assert "expected rows of the period that the name says: apr 2026; found rows of 2026-05." in found.rejection
    assert "catalogue/misnamed_files.yml" in found.rejection
    assert not found.store.observations_path(found.drop.sha256).exists()


def test_a_member_named_for_another_month_than_its_rows_is_rejected(tmp_path: Path) -> None:
    packed = make_zip({"iapt_month_mar_2026_activity.csv": make_monthly_csv(make_row("25"))})
    found = read(tmp_path, "iapt_month_apr_2026.zip", packed)
    assert "the name of the member iapt_month_mar_2026_activity.csv" in found.rejection
    assert "mar 2026; found rows of 2026-04." in found.rejection


def test_a_workbook_in_a_zip_is_held_to_its_name_as_a_csv_is(tmp_path: Path) -> None:
    book = make_xlsx({"data": [MONTHLY_HEADER, make_row("25")]})
    assert read(tmp_path / "right", "pack.zip", make_zip({"month_apr_2026-v2.xlsx": book})).summary.rejection is None
    found = read(tmp_path / "wrong", "pack.zip", make_zip({"month_apr_2027-v2.xlsx": book}))
    assert "the name of the member month_apr_2027-v2.xlsx" in found.rejection


def test_each_member_is_held_to_its_own_rows(tmp_path: Path) -> None:
    april, may = make_monthly_csv(make_row("25")), make_monthly_csv(make_row("25", **MAY))
    right = make_zip({"month_apr_2026.csv": april, "month_may_2026.csv": may})
    assert read(tmp_path / "right", "pack.zip", right).summary.rejection is None
    swapped = make_zip({"month_apr_2026.csv": may, "month_may_2026.csv": april})
    assert "the name of the member month_" in read(tmp_path / "swapped", "pack.zip", swapped).rejection


def test_a_quarter_and_a_year_are_held_to_their_names_too(tmp_path: Path) -> None:
    quarter = make_csv(QUARTERLY_LONG_HEADER, [make_quarterly_row("25")])
    of_rows = read(tmp_path, "quarterly.csv", quarter).summary.tables[0].periods[0]
    assert read(tmp_path, "quarterly_q4_20_21.csv", quarter + b"\n").summary.rejection is not None
    assert of_rows != "2020-21 Q4"
    name, pack = make_published_drops()["annual_main_wide"]
    assert read(tmp_path, name, pack).summary.rejection is None


@pytest.mark.parametrize(
    ("name", "is_read"),
    [
        ("nhstalkingtherapies_quarterly_data_q1_25_26.zip", False),
        ("nhstalkingtherapies_quarterly_data_q1_22_23.zip", True),
        ("report_q3.zip", True),
        ("annual-2022-23-published-with-q1_25_26.zip", True),
        ("iapt_month_Jan_24_activity.zip", False),
        ("iapt_month_Jan_23_activity.zip", True),
        ("annual_report_nov_2024.zip", True),
    ],
)
def test_a_year_under_the_name_of_a_quarter_or_month_of_another_year_is_rejected(
    name: str, is_read: bool, tmp_path: Path
) -> None:
    """The year stands in the name of the member alone; that of the file may be of another drop."""
    _, pack = make_published_drops()["annual_main_wide"]
    found = read(tmp_path, name, pack).summary
    assert (found.rejection is None) == is_read
    if found.rejection is not None:
        assert "rows of the period that the name says: " in str(found.rejection)


@pytest.mark.parametrize("by", ["sha256", "file"])
def test_a_reviewed_entry_lets_its_file_pass_for_its_periods_and_no_other(by: str, tmp_path: Path) -> None:
    name, content = "iapt_month_apr_2026_activity.csv", make_monthly_csv(make_row("25", **MAY))
    drop = read(tmp_path / "before", name, content).drop
    entry = {by: getattr(drop, by), "periods": ["2026-05"], "reason": "Named so by the publisher.", "source": "made"}
    catalogue = catalogue_with(tmp_path / "catalogue", entry)
    assert read(tmp_path / "let", name, content, using=catalogue).summary.rejection is None
    assert read(tmp_path / "else", "iapt_month_mar_2026.csv", content + b"\n", using=catalogue).rejection
    other_rows = catalogue_with(tmp_path / "other", entry | {"periods": ["2026-06"]})
    assert read(tmp_path / "others", name, content, using=other_rows).rejection


def test_a_rejected_drop_is_read_again_when_it_is_let_pass(tmp_path: Path) -> None:
    name, content = "iapt_month_apr_2026_activity.csv", make_monthly_csv(make_row("25", **MAY))
    found = read(tmp_path, name, content)
    entry = {"sha256": found.drop.sha256, "periods": ["2026-05"], "reason": "So published.", "source": "made"}
    listed = catalogue_with(tmp_path / "catalogue", entry)
    assert found.store.read_summary(found.drop.sha256, Catalogue(CATALOGUE)) is not None
    assert found.store.read_summary(found.drop.sha256, listed) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"sha256": None},
        {"file": "a.csv"},
        {"periods": []},
        {"periods": ["May 2026"]},
        {"reason": ""},
        {"note": "none"},
        {"sha256": "abc"},
    ],
)
def test_an_entry_that_says_too_little_or_too_much_is_rejected(wrong: dict[str, object]) -> None:
    entry = {"sha256": "0" * 64, "periods": ["2026-05"], "reason": "So published.", "source": "made"}
    MisnamedFile.model_validate(entry)
    with pytest.raises(ValidationError):
        MisnamedFile.model_validate(entry | wrong)


def catalogue_with(folder: Path, *entries: Mapping[str, object]) -> Catalogue:
    """A copy of the project's catalogue that lists these files as misnamed."""
    shutil.copytree(CATALOGUE, folder)
    (folder / "misnamed_files.yml").write_text(yaml.safe_dump(list(entries)), encoding="utf-8")
    return Catalogue(folder)
