"""Precedence: the status and revision that the name of a file says."""

from __future__ import annotations

import pytest

from tests.factories import drops

NAMES = {
    "iapt-month-Jan-2021-final-data.xlsx": ("definitive", 1),
    "iapt-month-Apr-21-final-data.xlsx": ("definitive", 1),
    "iapt-month-august-2021-final-data-v2.csv": ("definitive", 2),
    "iapt_month_apr_2022_activity_updated.csv": ("definitive", 1),
    "iapt_month_feb_2023_activity v2.csv": ("definitive", 2),
    "iapt_month_feb_2023_activity%20v2.csv": ("definitive", 2),
    "iapt_month_feb_2023_activity+v2.csv": ("definitive", 2),
    "iapt_month_feb_2023_activity_v2.csv": ("definitive", 2),
    "iapt_month_mar_2023_activity_final.csv": ("definitive", 1),
    "iapt_month_mar_2023_activity_refresh.csv": ("definitive", 1),
    "iapt_month_mar_2023_activity_primary.csv": ("provisional", 1),
    "nhstalkingtherapies_month_may_2023_activity_performance.csv": ("definitive", 1),
    "nhstalkingtherapies_month_may_2023_activity_provisional.csv": ("provisional", 1),
    "nhstalkingtherapies_month_may_2023_activity_Provisional_V3.csv": ("provisional", 3),
    "nhstalkingtherapies_quarterly_data_q1_26_27.zip": ("definitive", 1),
    "iapt-quarterly-STP-and-CCG-Q3.csv": ("definitive", 1),
    "psych-ther-ann-2017-18-csvs.zip": ("definitive", 1),
    "psych-ther-ann-rep-csv-2020-21-main-csv-v2.csv": ("definitive", 2),
    "psych-ther-ann-rep-csv-2022-23-main-v2.csv": ("definitive", 2),
    "psych-ther-ann-rep-csv-2024-25-main2.csv": ("definitive", 2),
    "psych-ther-ann-rep-csv-2024-25-2.zip": ("definitive", 2),
    "psych-ther-ann-rep-csv-2024-25.zip": ("definitive", 1),
    "feb2019_feb2020.xlsx": ("definitive", 1),
    "talking_therapies_time_series_apr_2026.csv": ("definitive", 1),
    "iapt_month_apr_2026 (v2).csv": ("definitive", 2),
    "iapt_month_apr_2026.v3.csv": ("definitive", 3),
    "psych-ther-ann-rep-csv-2024-25-mainv2.csv": ("definitive", 2),
    "psych-ther-ann-rep-csv-2024-25-main-csv2.csv": ("definitive", 2),
    "iapt_month_apr_2026_version_2.csv": ("definitive", 2),
    "iapt_month_apr_2026_final_revised.csv": ("definitive", 2),
    "iapt_month_apr_2026_Corrected.csv": ("definitive", 2),
    "iapt_month_apr_2026_v2_corrected.csv": ("definitive", 3),
    # A copy that a browser numbered, and versions of the dataset, say nothing of an issue.
    "iapt_month_apr_2026 (2).csv": ("definitive", 1),
    "iapt_v2_dataset_month_jun_2022.csv": ("definitive", 1),
    "nhs_v2.1_dataset_month_jun_2022.csv": ("definitive", 1),
    "iapt_month_jun_2022_v2.0.csv": ("definitive", 1),
    "Primary_care_apr_2026.csv": ("definitive", 1),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_says_its_status_and_revision(name: str) -> None:
    precedence = drops.catalogue().precedence
    assert (precedence.infer_status(name), precedence.infer_revision(name)) == NAMES[name]


@pytest.mark.parametrize(
    ("later", "earlier"),
    [
        ("pack-main-v2.csv", "pack-main.csv"),
        ("pack-main%20v2.csv", "pack-main.csv"),
        ("pack-Main (v2).csv", "pack-main.csv"),
        ("pack-mainv2.csv", "pack-main.csv"),
        ("pack-main2.csv", "pack-main.csv"),
        ("pack-main-csv2.csv", "pack-main-csv.csv"),
        ("pack-2024-25-2.csv", "pack-2024-25.csv"),
        ("pack_version_3.csv", "pack_v2.csv"),
        ("pack_main_corrected.csv", "pack_main.csv"),
    ],
)
def test_two_issues_of_one_file_share_their_name_without_the_revision(later: str, earlier: str) -> None:
    precedence = drops.catalogue().precedence
    assert precedence.remove_revision(later) == precedence.remove_revision(earlier)
    assert precedence.infer_revision(later) > precedence.infer_revision(earlier)
