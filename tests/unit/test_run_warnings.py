"""A warning names what it is about and what to do, in one line of limited length, the same wherever it is told."""

from __future__ import annotations

import dagster as dg
import pytest

from expectations.rules import Rule
from expectations.suites import SUITES
from expectations.suites.drops import SUITES as DROP_SUITES
from expectations.suites.marts import SUITES as MART_SUITES
from iapt.ingest.notices import format_notice, group_notices
from iapt.run_warnings import SUBJECT_CHARACTERS, SUBJECTS_SHOWN, RunWarning, fill_template
from iapt.validation import RuleOutcome
from orchestration.assets.checks import make_check_result
from orchestration.check_events import collect_warnings

ASSET = dg.AssetKey(["landing", "observations"])
RULES = [rule for suites in (SUITES, DROP_SUITES, MART_SUITES) for of_table in suites.values() for rule in of_table]


def broken(file: str, violations: int, **fields: str) -> RuleOutcome:
    return RuleOutcome(
        rule="waits_are_likely",
        table="observations",
        file=file,
        description="A mean wait is at most 1,000 days. Source: longer ones are rare.",
        result="failed",
        violations=violations,
        examples=({"source_member": "", "source_row": "12", "source_column": "VALUE"},),
        severity="warning",
        subject="waits",
        remedy="Look at the file.",
        **fields,
    )


def test_a_warning_names_the_first_few_cases_and_counts_the_others() -> None:
    cases = [f"provider RX{number}" for number in range(SUBJECTS_SHOWN + 7)]
    warning = RunWarning.of("warn_codes", "marts/dim", "Codes in no list", [*cases, *cases], "Add a row for each.")
    assert str(warning) == (
        "warn_codes (marts/dim): Codes in no list: provider RX0; provider RX1; provider RX2; provider RX3; "
        "provider RX4; and 7 more. Add a row for each."
    )


def test_what_a_drop_calls_a_thing_cannot_steer_a_terminal_or_fill_a_page() -> None:
    warning = str(RunWarning.of("warn", "a", "Names", ["\x1b[31mred\nline\u202e", "x" * 5000], "Act."))
    assert warning.isprintable()
    assert "?[31mred line?" in warning
    assert len(warning) < 2 * SUBJECT_CHARACTERS


def test_a_column_without_a_value_leaves_nothing_behind() -> None:
    assert fill_template("{code} {name}", {"code": None, "name": "x", "value": 3}).strip() == "x"


@pytest.mark.parametrize("length", [10, 150, 5000])
def test_of_two_long_names_of_files_both_are_told_and_what_became_of_each(length: int) -> None:
    files = [f"{kind}_{'x' * length}_{kind}_v{number}.csv" for number, kind in enumerate(("month", "series"), 1)]
    cells = "; ".join(f"provider R{number} count_referrals" for number in range(length // 10))
    values = {"period": "2025-05", "what": f"9 cells, {cells}; 2 hidden", "one": files[0], "other": files[1]}
    (told,) = RunWarning.of(
        "warn", "a", "Found", [fill_template("{period}, {what} ({one} is believed, {other} is not)", values)], "Act."
    ).subjects
    assert len(told) <= SUBJECT_CHARACTERS
    parts = ["2025-05, 9 cells", "2 hidden (month_x", "x_month_v1.csv is believed, series_x", "x_series_v2.csv is not)"]
    places = [told.find(part) for part in parts]
    assert -1 not in places, told
    assert places == sorted(places), told


def test_of_values_that_fit_none_is_shortened() -> None:
    values = {"one": "x" * (SUBJECT_CHARACTERS - 11), "two": "y" * 10}
    assert fill_template("{one} {two}", values) == f"{values['one']} {values['two']}"
    assert len(fill_template("{one} {two}", values | {"two": "y" * 12})) == SUBJECT_CHARACTERS


def test_a_check_tells_its_warning_in_the_words_of_the_console() -> None:
    outcomes = [broken("one.csv (0123456789ab)", 2), broken("two.csv (ba9876543210)", 1)]
    result = make_check_result(ASSET, "waits", outcomes)
    evaluation = dg.AssetCheckEvaluation(
        asset_key=ASSET,
        check_name="waits",
        passed=result.passed,
        severity=result.severity,
        description=result.description,
    )
    assert collect_warnings([evaluation]) == [result.description]
    assert result.description == (
        "waits_are_likely (landing/observations): expected that a mean wait is at most 1,000 days; not so in: "
        "one.csv (0123456789ab) in 2 rows, such as source_row 12, source_column VALUE; "
        "two.csv (ba9876543210) in 1 row, such as source_row 12, source_column VALUE. Look at the file."
    )


def test_of_unrounded_counts_a_warning_names_files_alone() -> None:
    told = make_check_result(ASSET, "waits", [broken("one.csv (0123456789ab)", 2)], files_only=True).description or ""
    assert "not so in: one.csv. Look" in told


def test_a_check_that_warns_without_a_word_is_still_named() -> None:
    evaluation = dg.AssetCheckEvaluation(
        asset_key=ASSET, check_name="odd", passed=False, severity=dg.AssetCheckSeverity.WARN
    )
    assert collect_warnings([evaluation]) == ["odd (landing/observations)"]
    assert collect_warnings([evaluation], exclude_checks={"odd"}) == []


def test_a_rule_that_warns_says_what_to_do() -> None:
    with pytest.raises(ValueError, match="what to do"):
        Rule("a_rule", "dim_measure", "A rule.", "select 1 from {batch}", severity="warning")
    assert [rule.name for rule in RULES if (rule.severity == "warning") != bool(rule.remedy)] == []


def test_notices_that_say_the_same_are_told_once_with_the_first_files() -> None:
    hidden = "a hidden sheet is not read"
    noticed = [(f"drop_{number}.xlsx", format_notice(hidden, f"sheet 'Working {number}'")) for number in range(76)]
    noticed += [("drop_0.xlsx", format_notice(hidden, "sheet 'Other'")), ("pack.zip", "names lost their padding")]
    first, second = group_notices(noticed)
    assert first.startswith(
        f"{hidden}: drop_0.xlsx (sheet 'Working 0'; sheet 'Other'); drop_1.xlsx (sheet 'Working 1')"
    )
    assert first.endswith(f"; and {76 - SUBJECTS_SHOWN} more")
    assert second == "names lost their padding: pack.zip"


def test_what_became_of_it_has_no_colon() -> None:
    with pytest.raises(ValueError, match="without a colon"):
        format_notice("left alone: a sheet", "Working")
