"""The reviewed lists of measures: names, formulas, aliases, how to add a measure, which way is better, standards."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from itertools import pairwise
from typing import TypeAlias

import pytest

from tests.factories.seeds import Row, read_seed

#: The rows of measures by slug; the signed components of each part of a formula; measures by series and column.
Measures: TypeAlias = dict[str, Row]
Formulas: TypeAlias = dict[str, dict[str, Counter[tuple[str, int]]]]
Aliases: TypeAlias = dict[tuple[str, str], str]

# How the periods of a series are written.
PERIODS = {
    "annual": r"20\d\d-\d\d",
    "quarterly": r"20\d\d-\d\d Q[1-4]",
    "timeseries": r"20\d\d-(0[1-9]|1[0-2])",
    "monthly": r"20\d\d-(0[1-9]|1[0-2])",
}

# how the publisher writes a kind of statistic in a name
WORD = {
    "count": "Count",
    "percentage": "Percentage",
    "mean": "Mean",
    "median": "Median",
    "minimum": "Min",
    "maximum": "Max",
    "sum": "Sum",
}

REQUIRED_SLUGS = {
    "M001": "count_referrals_received",
    "M031": "count_accessing_services",
    "M048": "mean_wait_accessing_services",
    "M049": "median_wait_accessing_services",
    "M052": "count_accessing_services_6_weeks_finished_course_treatment",
    "M053": "percentage_accessing_services_6_weeks_finished_course_treatment",
    "M076": "count_finished_course_treatment",
    "M179": "count_not_at_caseness",
    "M185": "count_reliable_improvement",
    "M186": "percentage_reliable_improvement",
    "M189": "count_reliable_deterioration",
    "M1010": "percentage_reliable_deterioration",
    "M191": "count_recovery",
    "M192": "percentage_recovery",
    "M193": "count_reliable_recovery",
    "M195": "percentage_reliable_recovery",
    "M203": "count_adsm_finished_treatment",
    "M204": "count_appropriate_paired_adsm",
    "M205": "percentage_appropriate_paired_adsm",
}

# restricted to one ethnic group, whose counts are not published
WITHOUT_COUNTS = ["M206", "M207", "M208", "M209", "M210"]

MISLABELLED_IN_JULY_2022 = ["M031", "M032", "M033", "M034", "M035", "M036", "M037"]


@pytest.fixture(scope="module")
def measures() -> Measures:
    return {row["measure"]: row for row in read_seed("measures")}


@pytest.fixture(scope="module")
def slugs_by_id(measures: Measures) -> dict[str, str]:
    return {row["measure_id"]: slug for slug, row in measures.items() if row["measure_id"]}


@pytest.fixture(scope="module")
def formulas() -> Formulas:
    found: Formulas = defaultdict(lambda: defaultdict(Counter))
    for row in read_seed("measure_formulas"):
        found[row["measure"]][row["part"]][(row["component"], int(row["sign"]))] += 1
    return found


@pytest.fixture(scope="module")
def names() -> list[Row]:
    return read_seed("measure_names")


@pytest.fixture(scope="module")
def aliases() -> Aliases:
    return {(row["series"], row["name_as_published"]): row["measure"] for row in read_seed("measure_aliases")}


@pytest.fixture(scope="module")
def standards() -> list[Row]:
    return read_seed("standards")


def year_after(financial_year: str) -> str:
    first = int(financial_year[:4]) + 1
    return f"{first}-{(first + 1) % 100:02d}"


def months(period: str) -> int:
    year, month = period.split("-")
    return 12 * int(year) + int(month)


# measures


def test_slugs_are_unique() -> None:
    assert [slug for slug, n in Counter(row["measure"] for row in read_seed("measures")).items() if n > 1] == []


def test_measure_ids_are_unique_and_well_formed() -> None:
    ids = [row["measure_id"] for row in read_seed("measures") if row["measure_id"]]
    assert [i for i, n in Counter(ids).items() if n > 1] == []
    assert [i for i in ids if not re.fullmatch(r"M\d{3,4}|EA\d{3}", i)] == []


def test_slugs_are_lower_case_words_joined_by_single_underscores(measures: Measures) -> None:
    assert [slug for slug in measures if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", slug)] == []


def test_slugs_part_numbers_from_words(measures: Measures) -> None:
    assert [slug for slug in measures if re.search(r"[a-z][0-9]|[0-9][a-z]", slug.replace("phq9", ""))] == []


@pytest.mark.parametrize(("measure_id", "slug"), REQUIRED_SLUGS.items())
def test_a_slug_that_others_rely_on_is_spelled_as_agreed(
    measure_id: str, slug: str, slugs_by_id: dict[str, str]
) -> None:
    assert slugs_by_id[measure_id] == slug


def test_the_statistic_agrees_with_the_slug_and_with_the_published_name(measures: Measures) -> None:
    for slug, row in measures.items():
        word = WORD[row["statistic"]]
        assert slug.split("_")[0] == row["statistic"], slug
        assert row["name"].startswith(word) or row["name"] == "ProbDescMeanSession", slug


def test_a_slug_holds_the_letters_of_its_published_name_in_order(measures: Measures) -> None:
    for slug, row in measures.items():
        if row["name"] == "ProbDescMeanSession":
            continue
        rest = slug.removeprefix(row["statistic"]).removesuffix("_annual").replace("_", "")
        assert rest == row["name"].removeprefix(WORD[row["statistic"]]).replace("_", "").lower()


def test_measures_that_share_a_published_name_have_slugs_of_their_own(measures: Measures) -> None:
    by_name = defaultdict(set)
    for slug, row in measures.items():
        by_name[row["name"]].add(slug)
    shared = {name: slugs for name, slugs in by_name.items() if len(slugs) > 1}
    assert shared
    for slugs in shared.values():
        assert sum(not slug.endswith("_annual") for slug in slugs) == 1


def test_percentages_and_only_percentages_are_in_per_cent(measures: Measures) -> None:
    for slug, row in measures.items():
        assert (row["unit"] == "%") == (row["statistic"] == "percentage"), slug


def test_units_are_short_lower_case_words(measures: Measures) -> None:
    assert {row["unit"] for row in measures.values()} == {
        "%", "appointments", "days", "minutes", "points", "records", "referrals", "sessions",
    }  # fmt: skip


def test_a_measure_has_an_id_unless_it_is_only_in_files_without_ids(measures: Measures) -> None:
    for slug, row in measures.items():
        assert bool(row["measure_id"]) == (row["measure_group"] != "annual"), slug
        assert row["measure_group"] in {"core", "employment_advisers", "long_term_conditions", "annual"}


def test_only_means_and_medians_have_a_base_and_it_is_a_count(measures: Measures) -> None:
    based = {slug: row for slug, row in measures.items() if row["base"]}
    assert based
    for slug, row in based.items():
        assert row["statistic"] in {"mean", "median"}, slug
        assert measures[row["base"]]["statistic"] == "count", slug
        assert measures[row["base"]]["unit"] == "referrals", slug


def test_waits_and_appointments_rest_on_the_referrals_that_they_describe(measures: Measures) -> None:
    assert measures["mean_wait_accessing_services"]["base"] == "count_accessing_services"
    assert measures["median_wait_accessing_services"]["base"] == "count_accessing_services"
    assert measures["mean_wait_finished_course_treatment"]["base"] == "count_finished_course_treatment"
    assert measures["mean_appts_finished_course_treatment"]["base"] == "count_finished_course_treatment"


# formulas


def test_every_formula_is_of_a_percentage_and_has_both_parts(formulas: Formulas, measures: Measures) -> None:
    for measure, parts in formulas.items():
        assert measures[measure]["statistic"] == "percentage", measure
        assert set(parts) == {"numerator", "denominator"}, measure


def test_every_component_is_a_known_count_used_once_with_a_sign(formulas: Formulas, measures: Measures) -> None:
    for measure, parts in formulas.items():
        for part in parts.values():
            slugs = [component for component, _ in part.elements()]
            assert len(slugs) == len(set(slugs)), measure
            assert {sign for _, sign in part} <= {1, -1}, measure
            assert any(sign == 1 for _, sign in part), measure
            for component in slugs:
                assert measures[component]["statistic"] == "count", (measure, component)


def test_a_percentage_is_never_its_own_component(formulas: Formulas) -> None:
    for measure, parts in formulas.items():
        assert measure not in {component for part in parts.values() for component, _ in part}


def test_the_parts_of_a_formula_are_counted_in_the_same_unit(formulas: Formulas, measures: Measures) -> None:
    for measure, parts in formulas.items():
        assert len({measures[c]["unit"] for part in parts.values() for c, _ in part}) == 1, measure


@pytest.mark.parametrize("measure_id", WITHOUT_COUNTS)
def test_a_rate_whose_counts_are_not_published_has_no_formula(
    measure_id: str,
    slugs_by_id: dict[str, str],
    formulas: Formulas,
) -> None:
    assert slugs_by_id[measure_id] not in formulas


def test_recovery_is_out_of_finished_courses_less_those_not_at_caseness(formulas: Formulas) -> None:
    cases = {("count_finished_course_treatment", 1): 1, ("count_not_at_caseness", -1): 1}
    for measure in ("percentage_recovery", "percentage_reliable_recovery"):
        assert formulas[measure]["denominator"] == cases
    assert formulas["percentage_recovery"]["numerator"] == {("count_recovery", 1): 1}
    assert formulas["percentage_reliable_recovery"]["numerator"] == {("count_reliable_recovery", 1): 1}


def test_the_annual_count_at_caseness_is_part_of_no_formula(formulas: Formulas) -> None:
    used = {component for parts in formulas.values() for part in parts.values() for component, _ in part}
    assert "count_at_caseness" not in used


def test_one_or_more_treatments_adds_those_treated_once_to_those_who_finished(formulas: Formulas) -> None:
    assert formulas["percentage_ended_one_or_more_treatment"] == {
        "numerator": {("count_ended_treated_once", 1): 1, ("count_finished_course_treatment", 1): 1},
        "denominator": {("count_ended_referrals", 1): 1},
    }


# names under ids


def test_every_id_has_a_name_and_every_named_id_is_a_measure(names: list[Row], slugs_by_id: dict[str, str]) -> None:
    assert {row["measure_id"] for row in names} == set(slugs_by_id)


def test_an_id_starts_one_name_in_a_month_and_has_each_name_once(names: list[Row]) -> None:
    assert [k for k, n in Counter((r["measure_id"], r["first_period"]) for r in names).items() if n > 1] == []
    assert [k for k, n in Counter((r["measure_id"], r["name"]) for r in names).items() if n > 1] == []


def test_periods_of_names_are_months_in_order(names: list[Row]) -> None:
    for row in names:
        for period in (row["first_period"], row["last_period"] or "2026-07"):
            assert re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", period), row
        assert row["first_period"] <= (row["last_period"] or "9999-12"), row


def test_names_of_one_id_follow_one_another_without_overlap_or_gap(names: list[Row]) -> None:
    in_turn = defaultdict(list)
    for row in names:
        if not row["note"].startswith("Mislabelled"):
            in_turn[row["measure_id"]].append(row)
    for measure_id, rows in in_turn.items():
        ordered = sorted(rows, key=lambda row: row["first_period"])
        for earlier, later in pairwise(ordered):
            assert months(later["first_period"]) == months(earlier["last_period"]) + 1, measure_id


def test_the_name_in_measures_is_the_latest_name_of_the_id(
    names: list[Row], measures: Measures, slugs_by_id: dict[str, str]
) -> None:
    latest: Measures = {}
    for row in names:
        known = latest.get(row["measure_id"])
        if known is None or row["first_period"] > known["first_period"]:
            latest[row["measure_id"]] = row
    for measure_id, row in latest.items():
        assert measures[slugs_by_id[measure_id]]["name"] == row["name"], measure_id


@pytest.mark.parametrize(
    ("measure_id", "before", "after"),
    [
        ("M018", "Count_IAPTReferrals", "Count_NHSTalkingTherapiesReferrals"),
        ("M031", "Count_FirstTreatment", "Count_AccessingServices"),
        ("M048", "Mean_WaitEnteredTreatment", "Mean_WaitAccessingServices"),
        ("M186", "Percentage_Improvement", "Percentage_ReliableImprovement"),
        ("M1010", "Percentage_Deterioration", "Percentage_ReliableDeterioration"),
        (
            "M355",
            "Count_WaitStepUpLastLowIntensityFirstHighIntensity",
            "Count_StepUp_LastLowIntensity_FirstHighIntensity",
        ),
    ],
)
def test_a_renamed_measure_keeps_one_slug(
    measure_id: str, before: str, after: str, names: list[Row], measures: Measures
) -> None:
    period = {row["name"]: row["last_period"] for row in names if row["measure_id"] == measure_id}
    assert period[before]
    assert period[after] == ""
    assert [row["name"] for row in measures.values() if row["measure_id"] == measure_id] == [after]


def test_the_july_2022_labels_do_not_merge_two_measures(names: list[Row], slugs_by_id: dict[str, str]) -> None:
    ids = defaultdict(set)
    for row in names:
        ids[row["name"]].add(row["measure_id"])
    collisions = {name: found for name, found in ids.items() if len(found) > 1}
    assert collisions == {
        "Count_FirstAssessment": {"M023", "M031"},
        "Count_FirstAssessment28days": {"M024", "M032"},
        "Count_FirstAssessment29to56days": {"M025", "M033"},
        "Count_FirstAssessment57to90days": {"M026", "M034"},
        "Count_FirstAssessmentOver90days": {"M027", "M035"},
    }
    for found in collisions.values():
        assert len({slugs_by_id[measure_id] for measure_id in found}) == 2


@pytest.mark.parametrize("measure_id", MISLABELLED_IN_JULY_2022)
def test_a_mislabelled_name_holds_for_july_2022_only(measure_id: str, names: list[Row]) -> None:
    wrong = [row for row in names if row["measure_id"] == measure_id and "FirstAssessment" in row["name"]]
    assert [(row["first_period"], row["last_period"]) for row in wrong] == [("2022-07", "2022-07")]
    assert wrong[0]["note"].startswith("Mislabelled")


def test_names_have_no_spaces(names: list[Row], measures: Measures) -> None:
    assert [row["name"] for row in names if " " in row["name"]] == []
    assert [row["name"] for row in measures.values() if " " in row["name"]] == []


# columns without ids


def test_every_alias_leads_to_a_measure(aliases: Aliases, measures: Measures) -> None:
    assert [alias for alias, measure in aliases.items() if measure not in measures] == []


def test_a_column_name_leads_to_one_measure_in_each_series(aliases: Aliases) -> None:
    assert len(aliases) == len(read_seed("measure_aliases"))


def test_every_measure_without_an_id_is_reached_by_an_alias(aliases: Aliases, measures: Measures) -> None:
    without_id = {slug for slug, row in measures.items() if not row["measure_id"]}
    assert without_id <= set(aliases.values())


def test_layouts_without_ids_are_covered_column_by_column(aliases: Aliases) -> None:
    columns = Counter(series for series, _ in aliases)
    assert columns["quarterly"] == 21
    assert columns["timeseries"] == 9


@pytest.mark.parametrize(
    ("series", "column", "measure"),
    [
        ("annual", "CountFirstTreatment", "count_accessing_services"),
        ("annual", "Count_AccessingServices", "count_accessing_services"),
        ("annual", "CountPairedADSM", "count_appropriate_paired_adsm"),
        ("annual", "Count_AppropriatePairedADSM", "count_appropriate_paired_adsm"),
        ("annual", "Count_FinishedCourseTreatment", "count_finished_course_treatment"),
        ("annual", "CountImprovement", "count_reliable_improvement"),
        ("annual", "Percentage_Deterioration", "percentage_reliable_deterioration"),
        ("annual", "Percentage_FinishedCourseTreatment", "percentage_variable_with_fct"),
        ("annual", "Percentage_Variable_withFCT", "percentage_variable_with_fct"),
        ("annual", "Count_AtCaseness", "count_at_caseness"),
        ("annual", "NoRelibableChange", "count_no_reliable_change"),
        ("quarterly", "NotCaseness", "count_not_at_caseness"),
        ("quarterly", "PercentageAppropriatePairedADSM", "percentage_appropriate_paired_adsm"),
        ("timeseries", "Finished a Course of Treatment", "count_finished_course_treatment"),
        ("timeseries", "Recovery rate", "percentage_recovery"),
        (
            "timeseries",
            "First Treatment within 6 weeks Finished a Course of Treatment",
            "percentage_accessing_services_6_weeks_finished_course_treatment",
        ),
    ],
)
def test_a_column_without_an_id_leads_to_its_measure(series: str, column: str, measure: str, aliases: Aliases) -> None:
    assert aliases[(series, column)] == measure


def test_an_annual_column_built_differently_is_not_taken_for_the_monthly_measure(
    aliases: Aliases, slugs_by_id: dict[str, str]
) -> None:
    assert aliases[("annual", "Percentage_AppropriatePairedADSM")] != slugs_by_id["M205"]
    assert aliases[("annual", "Count_EndedBeforeTreatment")] != slugs_by_id["M153"]
    assert aliases[("annual", "Count_ApptsFinishedCourseTreatment")] != slugs_by_id["M089"]


def test_a_column_name_with_a_statistic_leads_to_a_measure_of_that_statistic(
    aliases: Aliases, measures: Measures
) -> None:
    for (series, column), measure in aliases.items():
        statistic = measures[measure]["statistic"]
        if match := re.match(r"(Count|Percentage|Mean|Median|Sum)_?(?=[A-Z])", column):
            assert WORD[statistic] == match[1], (series, column)
        elif re.search(r"(?i)rate$|_PCNT$", column) or re.search(r"within \d+ weeks Finished", column):
            # The workbook of 2019-20 publishes the shares within 6 and 18 weeks, under names that do not say so.
            assert statistic == "percentage", (series, column)
        elif column != "ProbDescMeanSession":
            assert statistic == "count", (series, column)


# what a measure says


def test_every_measure_says_what_it_is_and_how_it_may_be_read(measures: Measures) -> None:
    for slug, row in measures.items():
        assert row["is_additive"] in {"true", "false"}, slug
        assert row["better_direction"] in {"higher", "lower", "neither"}, slug
        assert re.fullmatch(r"[A-Z][^\n]{25,}\.", row["definition"]), slug


def test_no_two_measures_are_defined_alike(measures: Measures) -> None:
    """Two measures that read the same would be one measure, or one of them described wrongly."""
    slugs = defaultdict(set)
    for slug, row in measures.items():
        slugs[row["definition"]].add(slug)
    assert [same for same in slugs.values() if len(same) > 1] == []


def test_only_counts_are_additive_and_counts_of_records_are_not(measures: Measures) -> None:
    for slug, row in measures.items():
        expected = row["statistic"] == "count" and row["unit"] != "records"
        assert row["is_additive"] == str(expected).lower(), slug


def test_a_count_has_no_better_direction_and_neither_has_an_extreme(measures: Measures) -> None:
    for slug, row in measures.items():
        if row["statistic"] not in {"percentage", "mean", "median"}:
            assert row["better_direction"] == "neither", slug


@pytest.mark.parametrize(
    ("measure", "direction"),
    [
        ("percentage_recovery", "higher"),
        ("percentage_reliable_recovery", "higher"),
        ("percentage_reliable_recovery_ethnic_group_mixed", "higher"),
        ("percentage_reliable_improvement", "higher"),
        ("percentage_reliable_deterioration", "lower"),
        ("percentage_accessing_services_6_weeks_finished_course_treatment", "higher"),
        ("percentage_first_to_second_treatment_over_90_days", "lower"),
        ("percentage_access_attrition", "lower"),
        ("mean_wait_accessing_services", "lower"),
        ("median_wait_finished_course_treatment", "lower"),
        ("mean_first_wsas_w", "neither"),
        ("mean_last_wsas_w", "lower"),
        ("mean_appts_finished_course_treatment", "neither"),
        ("percentage_not_at_caseness", "neither"),
    ],
)
def test_a_measure_is_better_in_the_direction_agreed(measure: str, direction: str, measures: Measures) -> None:
    assert measures[measure]["better_direction"] == direction


def test_every_wait_is_better_short(measures: Measures) -> None:
    waits = [row for slug, row in measures.items() if re.match(r"(mean|median)_wait_", slug)]
    assert waits
    assert {row["better_direction"] for row in waits} == {"lower"}


# names of columns


def test_a_column_without_an_id_says_in_which_periods_it_was_used() -> None:
    for row in read_seed("measure_aliases"):
        for period in (row["first_period"], row["last_period"] or row["first_period"]):
            assert re.fullmatch(PERIODS[row["series"]], period), row
        assert row["first_period"] <= (row["last_period"] or "9999"), row


def test_of_the_annual_columns_of_a_measure_one_is_in_use_at_a_time() -> None:
    """Where uses overlap, the note says in which year a column was not there."""
    columns = defaultdict(list)
    for row in read_seed("measure_aliases"):
        if row["series"] == "annual":
            columns[row["measure"]].append(row)
    for measure, rows in columns.items():
        for earlier, later in pairwise(sorted(rows, key=lambda row: row["first_period"])):
            apart = earlier["last_period"] and earlier["last_period"] < later["first_period"]
            assert apart or "Not in" in earlier["note"] + later["note"], measure


# standards


def test_a_standard_is_of_a_known_percentage_and_whole(standards: list[Row], measures: Measures) -> None:
    for row in standards:
        assert measures[row["measure"]]["statistic"] == "percentage", row
        assert re.fullmatch(r"\d\d?|100", row["threshold"]), row
        assert row["comparison"] in {"at_least", "below"}, row
        assert row["certainty"] in {"stated", "secondary", "background"}, row
        assert row["label"], row
        assert row["source"], row


def test_a_standard_asks_for_the_direction_that_is_better(standards: list[Row], measures: Measures) -> None:
    for row in standards:
        better = "higher" if row["comparison"] == "at_least" else "lower"
        assert measures[row["measure"]]["better_direction"] == better, row


def test_years_of_a_standard_are_financial_years_in_order(standards: list[Row]) -> None:
    for row in standards:
        for year in (row["first_financial_year"], row["last_financial_year"] or row["first_financial_year"]):
            assert re.fullmatch(r"20\d\d-\d\d", year), row
            assert year_after(year)[:4] == f"20{year[5:]}", row
        assert row["first_financial_year"] <= (row["last_financial_year"] or "9999"), row


def test_one_standard_of_a_measure_holds_at_a_time(standards: list[Row]) -> None:
    of_measure = defaultdict(list)
    for row in standards:
        of_measure[row["measure"]].append(row)
    for measure, rows in of_measure.items():
        for earlier, later in pairwise(sorted(rows, key=lambda row: row["first_financial_year"])):
            assert earlier["last_financial_year"], measure
            assert year_after(earlier["last_financial_year"]) <= later["first_financial_year"], measure


@pytest.mark.parametrize(
    ("measure", "threshold"),
    [
        ("percentage_recovery", "50"),
        ("percentage_accessing_services_6_weeks_finished_course_treatment", "75"),
        ("percentage_accessing_services_18_weeks_finished_course_treatment", "95"),
    ],
)
def test_the_stated_standards_are_open_and_as_agreed(measure: str, threshold: str, standards: list[Row]) -> None:
    found = [row for row in standards if row["measure"] == measure]
    assert [(row["threshold"], row["certainty"], row["last_financial_year"]) for row in found] == [
        (threshold, "stated", "")
    ]
