"""The reviewed measure seeds agree with one another and with the rules for naming measures."""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import pytest

SEEDS = Path(__file__).resolve().parents[2] / "dbt_project" / "seeds"

COLUMNS = {
    "measures": [
        *("measure", "measure_id", "name", "statistic", "unit", "base", "measure_group"),
        *("is_additive", "better_direction", "definition"),
    ],
    "measure_formulas": ["measure", "part", "component", "sign", "source"],
    "measure_names": ["measure_id", "name", "first_period", "last_period", "note"],
    "measure_aliases": ["series", "name_as_published", "measure", "first_period", "last_period", "note"],
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


def read(seed: str) -> list[dict[str, str]]:
    with (SEEDS / f"{seed}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(scope="module")
def measures() -> dict[str, dict[str, str]]:
    return {row["measure"]: row for row in read("measures")}


@pytest.fixture(scope="module")
def slug_of(measures: dict[str, dict[str, str]]) -> dict[str, str]:
    return {row["measure_id"]: slug for slug, row in measures.items() if row["measure_id"]}


@pytest.fixture(scope="module")
def formulas() -> dict[str, dict[str, Counter[tuple[str, int]]]]:
    found: dict[str, dict[str, Counter[tuple[str, int]]]] = defaultdict(lambda: defaultdict(Counter))
    for row in read("measure_formulas"):
        found[row["measure"]][row["part"]][(row["component"], int(row["sign"]))] += 1
    return found


@pytest.fixture(scope="module")
def names() -> list[dict[str, str]]:
    return read("measure_names")


@pytest.fixture(scope="module")
def aliases() -> dict[tuple[str, str], str]:
    return {(row["series"], row["name_as_published"]): row["measure"] for row in read("measure_aliases")}


def months(period: str) -> int:
    year, month = period.split("-")
    return 12 * int(year) + int(month)


# the files themselves


@pytest.mark.parametrize("seed", COLUMNS)
def test_a_seed_has_the_agreed_columns_in_order(seed: str) -> None:
    assert list(read(seed)[0]) == COLUMNS[seed]


@pytest.mark.parametrize("seed", COLUMNS)
def test_a_seed_is_sorted_without_repeats_so_that_a_change_shows_as_one_line(seed: str) -> None:
    rows = [tuple(row.values()) for row in read(seed)]
    key = (lambda row: (*row[:3], int(row[3]), row[4])) if seed == "measure_formulas" else None
    assert rows == sorted(rows, key=key)
    assert len(rows) == len(set(rows))


@pytest.mark.parametrize("seed", COLUMNS)
def test_a_seed_is_plain_utf8_with_unix_line_ends_and_no_stray_spaces(seed: str) -> None:
    content = (SEEDS / f"{seed}.csv").read_bytes()
    assert b"\r" not in content
    assert not content.startswith(b"\xef\xbb\xbf")
    assert content.endswith(b"\n")
    for row in read(seed):
        assert None not in row
        assert all(value is not None and value == value.strip() for value in row.values()), row


# measures


def test_slugs_are_unique() -> None:
    assert [slug for slug, n in Counter(row["measure"] for row in read("measures")).items() if n > 1] == []


def test_measure_ids_are_unique_and_well_formed() -> None:
    ids = [row["measure_id"] for row in read("measures") if row["measure_id"]]
    assert [i for i, n in Counter(ids).items() if n > 1] == []
    assert [i for i in ids if not re.fullmatch(r"M\d{3,4}|EA\d{3}", i)] == []


def test_slugs_are_lower_case_words_joined_by_single_underscores(measures: dict[str, dict[str, str]]) -> None:
    assert [slug for slug in measures if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", slug)] == []


def test_slugs_part_numbers_from_words(measures: dict[str, dict[str, str]]) -> None:
    assert [slug for slug in measures if re.search(r"[a-z][0-9]|[0-9][a-z]", slug.replace("phq9", ""))] == []


@pytest.mark.parametrize(("measure_id", "slug"), REQUIRED_SLUGS.items())
def test_a_slug_that_others_rely_on_is_spelled_as_agreed(measure_id: str, slug: str, slug_of: dict[str, str]) -> None:
    assert slug_of[measure_id] == slug


def test_the_statistic_agrees_with_the_slug_and_with_the_published_name(
    measures: dict[str, dict[str, str]],
) -> None:
    for slug, row in measures.items():
        word = WORD[row["statistic"]]
        assert slug.split("_")[0] == row["statistic"], slug
        assert row["name"].startswith(word) or row["name"] == "ProbDescMeanSession", slug


def test_a_slug_holds_the_letters_of_its_published_name_in_order(measures: dict[str, dict[str, str]]) -> None:
    for slug, row in measures.items():
        if row["name"] == "ProbDescMeanSession":
            continue
        rest = slug.removeprefix(row["statistic"]).removesuffix("_annual").replace("_", "")
        assert rest == row["name"].removeprefix(WORD[row["statistic"]]).replace("_", "").lower()


def test_measures_that_share_a_published_name_have_slugs_of_their_own(
    measures: dict[str, dict[str, str]],
) -> None:
    by_name = defaultdict(set)
    for slug, row in measures.items():
        by_name[row["name"]].add(slug)
    shared = {name: slugs for name, slugs in by_name.items() if len(slugs) > 1}
    assert shared
    for slugs in shared.values():
        assert sum(not slug.endswith("_annual") for slug in slugs) == 1


def test_percentages_and_only_percentages_are_in_per_cent(measures: dict[str, dict[str, str]]) -> None:
    for slug, row in measures.items():
        assert (row["unit"] == "%") == (row["statistic"] == "percentage"), slug


def test_units_are_short_lower_case_words(measures: dict[str, dict[str, str]]) -> None:
    assert {row["unit"] for row in measures.values()} == {
        "%", "appointments", "days", "minutes", "points", "records", "referrals", "sessions",
    }  # fmt: skip


def test_a_measure_has_an_id_unless_it_is_only_in_files_without_ids(
    measures: dict[str, dict[str, str]],
) -> None:
    for slug, row in measures.items():
        assert bool(row["measure_id"]) == (row["measure_group"] != "annual"), slug
        assert row["measure_group"] in {"core", "employment_advisers", "long_term_conditions", "annual"}


def test_only_means_and_medians_have_a_base_and_it_is_a_count(measures: dict[str, dict[str, str]]) -> None:
    based = {slug: row for slug, row in measures.items() if row["base"]}
    assert based
    for slug, row in based.items():
        assert row["statistic"] in {"mean", "median"}, slug
        assert measures[row["base"]]["statistic"] == "count", slug
        assert measures[row["base"]]["unit"] == "referrals", slug


def test_waits_and_appointments_rest_on_the_referrals_that_they_describe(
    measures: dict[str, dict[str, str]],
) -> None:
    assert measures["mean_wait_accessing_services"]["base"] == "count_accessing_services"
    assert measures["median_wait_accessing_services"]["base"] == "count_accessing_services"
    assert measures["mean_wait_finished_course_treatment"]["base"] == "count_finished_course_treatment"
    assert measures["mean_appts_finished_course_treatment"]["base"] == "count_finished_course_treatment"


# formulas


def test_every_formula_is_of_a_percentage_and_has_both_parts(
    formulas: dict[str, dict[str, Counter[tuple[str, int]]]], measures: dict[str, dict[str, str]]
) -> None:
    for measure, parts in formulas.items():
        assert measures[measure]["statistic"] == "percentage", measure
        assert set(parts) == {"numerator", "denominator"}, measure


def test_every_component_is_a_known_count_used_once_with_a_sign(
    formulas: dict[str, dict[str, Counter[tuple[str, int]]]], measures: dict[str, dict[str, str]]
) -> None:
    for measure, parts in formulas.items():
        for part in parts.values():
            slugs = [component for component, _ in part.elements()]
            assert len(slugs) == len(set(slugs)), measure
            assert {sign for _, sign in part} <= {1, -1}, measure
            assert any(sign == 1 for _, sign in part), measure
            for component in slugs:
                assert measures[component]["statistic"] == "count", (measure, component)


def test_a_percentage_is_never_its_own_component(
    formulas: dict[str, dict[str, Counter[tuple[str, int]]]],
) -> None:
    for measure, parts in formulas.items():
        assert measure not in {component for part in parts.values() for component, _ in part}


def test_the_parts_of_a_formula_are_counted_in_the_same_unit(
    formulas: dict[str, dict[str, Counter[tuple[str, int]]]], measures: dict[str, dict[str, str]]
) -> None:
    for measure, parts in formulas.items():
        assert len({measures[c]["unit"] for part in parts.values() for c, _ in part}) == 1, measure


@pytest.mark.parametrize("measure_id", WITHOUT_COUNTS)
def test_a_rate_whose_counts_are_not_published_has_no_formula(
    measure_id: str,
    slug_of: dict[str, str],
    formulas: dict[str, dict[str, Counter[tuple[str, int]]]],
) -> None:
    assert slug_of[measure_id] not in formulas


def test_recovery_is_out_of_finished_courses_less_those_not_at_caseness(
    formulas: dict[str, dict[str, Counter[tuple[str, int]]]],
) -> None:
    cases = {("count_finished_course_treatment", 1): 1, ("count_not_at_caseness", -1): 1}
    for measure in ("percentage_recovery", "percentage_reliable_recovery"):
        assert formulas[measure]["denominator"] == cases
    assert formulas["percentage_recovery"]["numerator"] == {("count_recovery", 1): 1}
    assert formulas["percentage_reliable_recovery"]["numerator"] == {("count_reliable_recovery", 1): 1}


def test_the_annual_count_at_caseness_is_part_of_no_formula(
    formulas: dict[str, dict[str, Counter[tuple[str, int]]]],
) -> None:
    used = {component for parts in formulas.values() for part in parts.values() for component, _ in part}
    assert "count_at_caseness" not in used


def test_one_or_more_treatments_adds_those_treated_once_to_those_who_finished(
    formulas: dict[str, dict[str, Counter[tuple[str, int]]]],
) -> None:
    assert formulas["percentage_ended_one_or_more_treatment"] == {
        "numerator": {("count_ended_treated_once", 1): 1, ("count_finished_course_treatment", 1): 1},
        "denominator": {("count_ended_referrals", 1): 1},
    }


# names under ids


def test_every_id_has_a_name_and_every_named_id_is_a_measure(
    names: list[dict[str, str]], slug_of: dict[str, str]
) -> None:
    assert {row["measure_id"] for row in names} == set(slug_of)


def test_an_id_starts_one_name_in_a_month_and_has_each_name_once(names: list[dict[str, str]]) -> None:
    assert [k for k, n in Counter((r["measure_id"], r["first_period"]) for r in names).items() if n > 1] == []
    assert [k for k, n in Counter((r["measure_id"], r["name"]) for r in names).items() if n > 1] == []


def test_periods_of_names_are_months_in_order(names: list[dict[str, str]]) -> None:
    for row in names:
        for period in (row["first_period"], row["last_period"] or "2026-07"):
            assert re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", period), row
        assert row["first_period"] <= (row["last_period"] or "9999-12"), row


def test_names_of_one_id_follow_one_another_without_overlap_or_gap(names: list[dict[str, str]]) -> None:
    in_turn = defaultdict(list)
    for row in names:
        if not row["note"].startswith("Mislabelled"):
            in_turn[row["measure_id"]].append(row)
    for measure_id, rows in in_turn.items():
        ordered = sorted(rows, key=lambda row: row["first_period"])
        for earlier, later in pairwise(ordered):
            assert months(later["first_period"]) == months(earlier["last_period"]) + 1, measure_id


def test_the_name_in_measures_is_the_latest_name_of_the_id(
    names: list[dict[str, str]], measures: dict[str, dict[str, str]], slug_of: dict[str, str]
) -> None:
    latest: dict[str, dict[str, str]] = {}
    for row in names:
        known = latest.get(row["measure_id"])
        if known is None or row["first_period"] > known["first_period"]:
            latest[row["measure_id"]] = row
    for measure_id, row in latest.items():
        assert measures[slug_of[measure_id]]["name"] == row["name"], measure_id


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
    measure_id: str,
    before: str,
    after: str,
    names: list[dict[str, str]],
    measures: dict[str, dict[str, str]],
) -> None:
    period = {row["name"]: row["last_period"] for row in names if row["measure_id"] == measure_id}
    assert period[before]
    assert period[after] == ""
    assert [row["name"] for row in measures.values() if row["measure_id"] == measure_id] == [after]


def test_the_july_2022_labels_do_not_merge_two_measures(names: list[dict[str, str]], slug_of: dict[str, str]) -> None:
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
        assert len({slug_of[measure_id] for measure_id in found}) == 2


@pytest.mark.parametrize("measure_id", MISLABELLED_IN_JULY_2022)
def test_a_mislabelled_name_holds_for_july_2022_only(measure_id: str, names: list[dict[str, str]]) -> None:
    wrong = [row for row in names if row["measure_id"] == measure_id and "FirstAssessment" in row["name"]]
    assert [(row["first_period"], row["last_period"]) for row in wrong] == [("2022-07", "2022-07")]
    assert wrong[0]["note"].startswith("Mislabelled")


def test_names_have_no_spaces(names: list[dict[str, str]], measures: dict[str, dict[str, str]]) -> None:
    assert [row["name"] for row in names if " " in row["name"]] == []
    assert [row["name"] for row in measures.values() if " " in row["name"]] == []


# columns without ids


def test_every_alias_leads_to_a_measure(
    aliases: dict[tuple[str, str], str], measures: dict[str, dict[str, str]]
) -> None:
    assert [alias for alias, measure in aliases.items() if measure not in measures] == []


def test_a_column_name_leads_to_one_measure_in_each_series(aliases: dict[tuple[str, str], str]) -> None:
    assert len(aliases) == len(read("measure_aliases"))


def test_every_measure_without_an_id_is_reached_by_an_alias(
    aliases: dict[tuple[str, str], str], measures: dict[str, dict[str, str]]
) -> None:
    without_id = {slug for slug, row in measures.items() if not row["measure_id"]}
    assert without_id <= set(aliases.values())


def test_layouts_without_ids_are_covered_column_by_column(aliases: dict[tuple[str, str], str]) -> None:
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
def test_a_column_without_an_id_leads_to_its_measure(
    series: str, column: str, measure: str, aliases: dict[tuple[str, str], str]
) -> None:
    assert aliases[(series, column)] == measure


def test_an_annual_column_built_differently_is_not_taken_for_the_monthly_measure(
    aliases: dict[tuple[str, str], str], slug_of: dict[str, str]
) -> None:
    assert aliases[("annual", "Percentage_AppropriatePairedADSM")] != slug_of["M205"]
    assert aliases[("annual", "Count_EndedBeforeTreatment")] != slug_of["M153"]
    assert aliases[("annual", "Count_ApptsFinishedCourseTreatment")] != slug_of["M089"]


def test_a_column_name_with_a_statistic_leads_to_a_measure_of_that_statistic(
    aliases: dict[tuple[str, str], str], measures: dict[str, dict[str, str]]
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
