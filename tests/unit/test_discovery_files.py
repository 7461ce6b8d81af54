"""Which file of a page is the main one, by the name it is shown under and by its file name, or a question."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.publications import Publication
from iapt.discovery.file_selection import Selection, describe_files, select_main_file
from iapt.discovery.page_text import parse_page
from iapt.discovery.publication_pages import PublishedFile, parse_publication_page
from iapt.discovery.saved_pages import SavedPage
from iapt.periods import parse_period_label
from tests.factories.publisher_pages import FILES, MONTHLY_SERIES, MONTHLY_TITLE, Card, make_publication_page

CATALOGUE = Catalogue(Path(__file__).parents[2] / "catalogue")
RULES = CATALOGUE.discovery_rules
MONTHLY = ["monthly", "quarterly", "timeseries"]
ANNUAL = ["annual", "therapy_outcomes", "annual_metadata"]
#: Rows of the list whose file name is of another kind than their series; their rows were written by hand.
NOT_MAIN_BY_NAME = {"annual/2014-15/1", "annual/2013-14/1"}


def read_files(cards: list[Card]) -> list[PublishedFile]:
    page = SavedPage(f"{MONTHLY_SERIES}/page", make_publication_page("Page", cards))
    return list(
        parse_publication_page(
            page, parse_page(page), CATALOGUE.publisher.hosts.pages, CATALOGUE.publisher.hosts.files
        ).files
    )


def select(
    cards: list[Card], series: str = "monthly", period: str = "2026-03", lists: list[str] = MONTHLY
) -> Selection:
    return select_main_file(describe_files(read_files(cards), lists, RULES), series, parse_period_label(period), RULES)


def name_selected(
    cards: list[Card], series: str = "monthly", period: str = "2026-03", lists: list[str] = MONTHLY
) -> str:
    selection = select(cards, series, period, lists)
    assert selection.file is not None, selection
    return selection.file.name


def file(name: str, display: str = "", kind: str = "") -> Card:
    kind = kind or name.rsplit(".", 1)[-1].lower()
    return Card(display or name, f"{FILES}/AB/12CDEF/{name.replace(' ', '%20')}", kind)


MAIN_NAME = "nhstalkingtherapies_month_mar_2026_activity_performance.csv"
MAIN = file(MAIN_NAME, "Monthly activity data file, March 2026")
QUARTERLY = file("nhstalkingtherapies_quarterly_data_q4_25_26.zip", "Quarterly activity data files, Quarter 4 2025-26")
OTHERS = [
    file("nhstalkingtherapies_month_mar_2026_ea_activity.csv", "Employment Advisor monthly activity data file"),
    file("nhstalkingtherapies_month_mar_2026_data_quality.csv", "Monthly data quality file"),
    file("nhstalkingtherapies_month_mar_2026_ltc_activity.csv", "Long term conditions: monthly activity data"),
    file("nhstalkingtherapies_time_series_mar_2025_mar_2026_key_measures.csv", "Key measures time series"),
    file("nhstalkingtherapies-monthly-metadata-20260511.xlsx", "Metadata for the monthly activity data file"),
    file("nhstalkingtherapies_month_mar_2026_exec_sum.pdf", "Monthly activity report"),
    file("ther-based-outcomes-month.zip", "Therapy-based outcomes, monthly activity"),
    Card("Monthly activity dashboard", "https://app.example.org/month", is_link=True),
]


@pytest.mark.parametrize(
    "row",
    [row for row in CATALOGUE.publications.rows if row.file and row.page.series != "reports_hub"],
    ids=lambda row: row.id,
)
def test_the_file_name_of_every_listed_publication_is_of_its_series_and_period(row: Publication) -> None:
    lists = list(CATALOGUE.publisher.series_pages[row.page.series].lists)
    (known,) = describe_files(read_files([Card("Data", str(row.file))]), lists, RULES)
    if row.id in NOT_MAIN_BY_NAME:
        assert row.series not in known.series
        return
    assert known.series == {row.series}
    assert known.may_be_of(parse_period_label(row.period))
    assert known.format == row.format


@pytest.mark.parametrize(
    ("name", "period"),
    [
        ("iapt-month-Jan-2021-final-data.xlsx", "2021-01"),
        ("iapt-month-Apr-21-final-data.xlsx", "2021-04"),
        ("iapt-month-august-2021-final-data-v2.csv", "2021-08"),
        ("iapt_month_may_22_activity_updated.csv", "2022-05"),
        ("iapt_month_feb_2023_activity v2.csv", "2023-02"),
        ("iapt_month_Jan_23_activity.zip", "2023-01"),
        ("iapt_month_mar_2023_activity_final.csv", "2023-03"),
        ("nhstalkingtherapies_month_jul_2025_activity_final.csv", "2025-07"),
        ("NHSTALKINGTHERAPIES_MONTH_MAY_2026_ACTIVITY_PERFORMANCE.CSV", "2026-05"),
        ("iapt_month_sept_2019_final_data.rar", "2019-09"),
    ],
)
def test_a_monthly_file_is_known_by_each_of_its_spellings_whatever_it_is_shown_as(name: str, period: str) -> None:
    assert name_selected([file(name, "Download the data")], period=period) == name


def test_the_main_file_is_told_from_those_of_near_equal_names() -> None:
    assert name_selected([*OTHERS, QUARTERLY, MAIN]) == MAIN_NAME
    assert name_selected([MAIN, QUARTERLY, *OTHERS], "quarterly", "2025-26 Q4") == (
        "nhstalkingtherapies_quarterly_data_q4_25_26.zip"
    )


@given(st.randoms(use_true_random=False))
def test_the_order_of_cards_changes_nothing(chance: random.Random) -> None:
    cards = [MAIN, QUARTERLY, *OTHERS]
    chance.shuffle(cards)
    assert name_selected(cards) == MAIN_NAME
    assert name_selected(cards, "quarterly", "2025-26 Q4") == "nhstalkingtherapies_quarterly_data_q4_25_26.zip"


@given(st.randoms(use_true_random=False))
def test_the_order_of_two_candidates_changes_nothing_either(chance: random.Random) -> None:
    cards = [MAIN, file("other_month_mar_2026_activity.csv"), *OTHERS]
    chance.shuffle(cards)
    selection = select(cards)
    assert selection.file is None
    assert len(selection.candidates) == 2


def test_the_title_of_the_series_before_a_name_does_not_make_it_one_of_employment_advisers() -> None:
    name = f"{MONTHLY_TITLE}, Performance March 2026 and Quarter 4 2025-26: monthly activity data file"
    assert name_selected([file("data_0326.csv", name)]) == "data_0326.csv"


def test_a_file_without_a_telling_name_is_known_by_what_it_is_shown_as() -> None:
    assert name_selected([file("1.csv", "Monthly activity data file, March 2026")]) == "1.csv"


def test_the_same_file_in_several_formats_is_taken_in_the_first_of_the_list() -> None:
    cards = [file("month_mar_2026_activity.xlsx"), file("month_mar_2026_activity.csv")]
    assert name_selected(cards) == "month_mar_2026_activity.csv"


def test_files_of_other_names_are_not_the_same_one_in_another_format() -> None:
    selection = select([file("month_mar_2026_activity.csv"), file("month_mar_2026_activity_by_provider.zip")])
    assert selection.problem == "2 files may be the main one"


def test_two_files_that_may_be_the_main_one_are_a_problem() -> None:
    selection = select([MAIN, file("month_mar_2026_activity_v2.csv", "Monthly activity")])
    assert selection.problem == "2 files may be the main one"
    assert list(selection.candidates) == [
        f"'Monthly activity data file, March 2026' ({MAIN_NAME}): monthly",
        "'Monthly activity' (month_mar_2026_activity_v2.csv): monthly",
    ]


@pytest.mark.parametrize(
    ("card", "problem"),
    [
        (file("nhstalkingtherapies_month_mar_2026_data_quality.csv", "Monthly activity data file"), "by its file name"),
        (file("nhstalkingtherapies_month_mar_2026_activity.csv", "Data quality"), "by its file name"),
        (file("nhstalkingtherapies_month_feb_2026_activity.csv"), "another period than 2026-03"),
        (file("nhstalkingtherapies_month_mar_2026_activity.csv", "Monthly activity, February 2026"), "another period"),
        (file("nhstalkingtherapies_month_mar_2025_activity.csv"), "another period than 2026-03"),
        (file("nhstalkingtherapies_month_mar_2026_activity.pdf"), "no file of data"),
        (Card("Monthly activity", "https://evil.example/month_mar_2026_activity.csv"), "not on the list of hosts"),
        (Card("Monthly activity", "javascript:month_activity.csv"), "no https address"),
        (Card("Monthly activity", f"{FILES}/month_activity.csv", is_link=True), "a link to something else"),
    ],
)  # fmt: skip
def test_what_only_looks_like_the_main_file_is_told_and_not_taken(card: Card, problem: str) -> None:
    selection = select([card, *OTHERS])
    assert selection.file is None
    assert selection.problem == "no file may be the main one"
    told = next(candidate for candidate in selection.candidates if candidate.startswith(repr(card.name)))
    assert problem in told


def test_a_page_without_a_main_file_lists_what_it_offers() -> None:
    selection = select([file("notes.xlsx", "Background"), file("x.pdf", "Report")])
    assert selection.problem == "no file may be the main one"
    assert selection.candidates == ("'Background' (notes.xlsx): of no known kind",)


def test_of_a_page_of_two_months_each_has_its_own_file() -> None:
    cards = [file("iapt-month-nov-2015-final-data.csv"), file("iapt-month-dec-2015-primary-data.csv")]
    assert name_selected(cards, period="2015-11") == "iapt-month-nov-2015-final-data.csv"
    assert name_selected(cards, period="2015-12") == "iapt-month-dec-2015-primary-data.csv"


def test_an_annual_pack_is_told_from_outcomes_metadata_and_tables() -> None:
    cards = [
        file("psych-ther-ann-rep-csv-2024-25-2.zip", "Annual report 2024-25: CSV data files"),
        file("ther-based-outcomes2425-2.zip", "Therapy-based outcomes 2024-25"),
        file("psych-ther-ann-2024-25-meta.xlsx", "Metadata for the annual CSV files"),
        file("psych-ther-ann-2024-25-tables.xlsx", "Annual report reference tables"),
        file("psych-ther-ann-2024-25-rep.pdf", "Annual report"),
    ]
    assert name_selected(cards, "annual", "2024-25", ANNUAL) == "psych-ther-ann-rep-csv-2024-25-2.zip"
    assert name_selected(cards, "therapy_outcomes", "2024-25", ANNUAL) == "ther-based-outcomes2425-2.zip"
    assert name_selected(cards, "annual_metadata", "2024-25", ANNUAL) == "psych-ther-ann-2024-25-meta.xlsx"


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (("kind: data_quality", "kind: monthly"), "expected every kind once"),
        (("series: [quarterly]", "series: [weekly]"), "expected series of publisher.yml; found weekly"),
        (("time ?-?series", "time ?-?(series"), "expected a regular expression"),
        (("unless:", "except:"), "Extra inputs are not permitted"),
    ],
)
def test_rules_that_cannot_be_right_are_not_taken(change: tuple[str, str], found: str, tmp_path: Path) -> None:
    for name in ("discovery.yml", "publisher.yml"):
        shutil.copy(CATALOGUE.folder / name, tmp_path / name)
    rules = tmp_path / "discovery.yml"
    rules.write_text(rules.read_text("utf-8").replace(*change), "utf-8")
    with pytest.raises(ValueError, match=found):
        _ = Catalogue(tmp_path).discovery_rules
