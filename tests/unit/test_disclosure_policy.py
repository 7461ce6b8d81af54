"""The disclosure policy as data: what its file may say, what its numbers do, and that the SQL does the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import jinja2
import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from iapt.catalogue.disclosure_policy import DISCLOSURE_FILE, Policy, PolicyError, UnknownProfileError, load_policy
from iapt.input_fingerprint import compute_input_fingerprint
from iapt.release.metadata import Description, describe_markers, describe_policy, describe_rounding
from iapt.workspace import CATALOGUE, DISCLOSURE_POLICY, PROJECT_ROOT
from orchestration.cli import app

MACROS = Path(__file__).resolve().parents[2] / "dbt_project" / "macros"
PUBLISHER = load_policy().to_manifest()
Change = Callable[[dict[str, Any]], Any]


def write_policy(folder: Path, change: Change) -> Path:
    """The project's policy with a change, as a file."""
    content = yaml.safe_load(DISCLOSURE_FILE.read_text("utf-8"))
    change(content)
    path = folder / "disclosure.yml"
    path.write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")
    return path


def make_policy(suppress_counts_below: int, round_counts_to: int) -> Policy:
    numbers = {"suppress_counts_below": suppress_counts_below, "round_counts_to": round_counts_to}
    return Policy.from_manifest({**PUBLISHER, **numbers})


# -- the file ----------------------------------------------------------------------------------------------------------


def test_the_rule_is_the_publishers_unless_another_profile_is_asked_for() -> None:
    policy = load_policy()
    assert policy == load_policy(profile="publisher")
    assert (policy.suppress_counts_below, policy.round_counts_to) == (5, 5)
    assert policy.decimals == {"percentage": 0, "mean": 1, "median": 1}
    assert policy.released_statistics == ("count", "percentage", "mean", "median")
    assert policy.hide_percentage_when_complement_at_most is None
    assert policy.hide_percentage_when_denominator_below is None


def test_hardened_is_the_same_rule_and_suppresses_more() -> None:
    publisher, hardened = load_policy(profile="publisher"), load_policy(profile="hardened")
    differing = {name for name in Policy.model_fields if getattr(publisher, name) != getattr(hardened, name)}
    assert differing == {
        "profile",
        "description",
        "hide_percentage_when_complement_at_most",
        "hide_percentage_when_denominator_below",
    }
    assert hardened.hide_percentage_when_complement_at_most == 4
    assert hardened.hide_percentage_when_denominator_below == 250


def test_the_pipeline_and_the_gate_read_the_same_file() -> None:
    assert CATALOGUE / DISCLOSURE_POLICY == DISCLOSURE_FILE


def test_an_unknown_profile_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(UnknownProfileError, match="'hardend'; there are publisher, hardened"):
        load_policy(profile="hardend")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda file: file["rule"].update(round_counts_to=0), r"rule\.round_counts_to"),
        (lambda file: file["rule"].update(round_counts_to=-5), r"rule\.round_counts_to"),
        (lambda file: file["rule"].update(round_counts_to=2.5), r"rule\.round_counts_to"),
        (lambda file: file["rule"].update(round_counts_to="5"), r"rule\.round_counts_to"),
        (lambda file: file["rule"].update(suppress_counts_below=0), r"rule\.suppress_counts_below"),
        (lambda file: file["rule"].update(suppress_counts_below=True), r"rule\.suppress_counts_below"),
        (lambda file: file["rule"].update(suppress_counts_below=6), "a count of 6 is shown, and rounded to 5"),
        (lambda file: file["rule"].pop("round_counts_to"), r"rule\.round_counts_to: Field required"),
        (lambda file: file["rule"].update(supress_counts_below=5), r"rule\.supress_counts_below: Extra inputs"),
        (lambda file: file["rule"]["statistics"].pop("sum"), "found none for sum"),
        (lambda file: file["rule"]["statistics"].update(mode={"is_released": False}), r"rule\.statistics\.mode"),
        (lambda file: file["rule"]["statistics"].update(maximum={"is_released": True}), "maximum cannot be released"),
        (lambda file: file["rule"]["statistics"].update(mean={"is_released": True}), "mean: expected decimals"),
        (lambda file: file["rule"]["statistics"]["count"].update(decimals=0), "count: expected decimals"),
        (lambda file: file["rule"]["statistics"]["mean"].update(decimals=2), r"mean\.decimals"),
        (lambda file: file["rule"]["statistics"]["mean"].update(decimals=-1), r"mean\.decimals"),
        (lambda file: file["rule"]["statistics"]["mean"].update(is_released="yes"), r"mean\.is_released"),
        (lambda file: file["profiles"].update(Hardest={"description": "All of it."}), "snake_case, not 'Hardest'"),
        (lambda file: file["profiles"]["hardened"].pop("description"), r"profiles\.hardened\.description"),
        (lambda file: file["profiles"]["hardened"].update(hide_everything=True), r"hardened\.hide_everything"),
        (
            lambda file: file["profiles"]["hardened"].update(hide_percentage_when_complement_at_most=-1),
            r"hardened\.hide_percentage_when_complement_at_most",
        ),
        (
            lambda file: file["profiles"]["hardened"].update(hide_percentage_when_denominator_below=0),
            r"hardened\.hide_percentage_when_denominator_below",
        ),
        (lambda file: file.update(default_profile="strict"), "default_profile is 'strict'; there are publisher"),
        (lambda file: file.pop("version"), "version: Field required"),
        (lambda file: file.update(version=0), "version"),
    ],
)
def test_a_policy_that_contradicts_itself_is_refused_and_says_where(
    tmp_path: Path, change: Change, complaint: str
) -> None:
    with pytest.raises(PolicyError, match=complaint) as refused:
        load_policy(write_policy(tmp_path, change))
    assert "disclosure.yml" in str(refused.value)


def test_a_file_that_is_no_policy_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="found no file"):
        load_policy(tmp_path / "disclosure.yml")
    (tmp_path / "disclosure.yml").write_text("version: [1", "utf-8")
    with pytest.raises(PolicyError, match="found no YAML"):
        load_policy(tmp_path / "disclosure.yml")
    (tmp_path / "disclosure.yml").write_text("", "utf-8")
    with pytest.raises(PolicyError, match="is no disclosure policy"):
        load_policy(tmp_path / "disclosure.yml")


def test_another_default_profile_is_the_one_a_refresh_uses(tmp_path: Path) -> None:
    assert (
        load_policy(write_policy(tmp_path, lambda file: file.update(default_profile="hardened"))).profile == "hardened"
    )


def test_a_policy_is_written_down_and_read_again_by_its_former_key_too() -> None:
    policy = load_policy(profile="hardened")
    written = json.dumps(policy.to_manifest())
    assert Policy.from_manifest(json.loads(written)) == policy
    assert Policy.from_manifest(json.loads(written.replace("is_released", "leaves"))) == policy


# -- its numbers -------------------------------------------------------------------------------------------------------

bases = st.integers(min_value=1, max_value=100)
thresholds = st.integers(min_value=1, max_value=100)
counts = st.integers(min_value=0, max_value=10**7)


@given(count=counts, threshold=thresholds, base=bases)
def test_the_declared_bounds_hold_every_count_and_what_is_shown_of_it(count: int, threshold: int, base: int) -> None:
    assume((threshold + base // 2) // base * base >= threshold)
    policy = make_policy(threshold, base)
    shown = policy.count_to_release(count)
    least, most = policy.declared_bounds(shown)
    assert least <= count <= most
    assert shown is None or (shown % base == 0 and least <= shown <= most)


@given(count=counts, threshold=thresholds, base=bases)
def test_a_count_is_suppressed_if_and_only_if_it_is_below_the_threshold(count: int, threshold: int, base: int) -> None:
    assume((threshold + base // 2) // base * base >= threshold)
    assert (make_policy(threshold, base).count_to_release(count) is None) == (count < threshold)


@given(threshold=thresholds, base=bases)
def test_the_declared_bounds_are_no_wider_than_they_must_be(threshold: int, base: int) -> None:
    assume((threshold + base // 2) // base * base >= threshold)
    policy = make_policy(threshold, base)
    for shown in {policy.count_to_release(count) for count in range(threshold + 2 * base)}:
        least, most = policy.declared_bounds(shown)
        assert policy.count_to_release(least) == policy.count_to_release(most) == shown


@pytest.mark.parametrize(
    ("count", "shown", "bounds"),
    [
        *((count, None, (0, 4)) for count in (0, 1, 2, 4)),
        *((count, 5, (5, 7)) for count in (5, 7)),
        *((count, 10, (8, 12)) for count in (8, 12)),
        (13, 15, (13, 17)),
    ],
)
def test_the_publishers_numbers_at_every_boundary(count: int, shown: int | None, bounds: tuple[int, int]) -> None:
    policy = load_policy()
    assert policy.count_to_release(count) == shown
    assert policy.declared_bounds(shown) == bounds


# -- the SQL -----------------------------------------------------------------------------------------------------------


def macros() -> Any:
    """The macros of the rule as DuckDB is given them, without dbt."""
    environment = jinja2.Environment()
    globals_: dict[str, Any] = environment.globals
    globals_["return"] = lambda value: value
    globals_["adapter"] = SimpleNamespace(dispatch=lambda name: getattr(module, f"duckdb__{name}"))
    text = "".join((MACROS / name).read_text("utf-8") for name in ("integer_arithmetic.sql", "extracts.sql"))
    module = environment.from_string(text).module
    return module


SQL = macros()


@pytest.mark.parametrize(("threshold", "base"), [(5, 5), (8, 10), (8, 3), (1, 1), (11, 7), (3, 2), (100, 100)])
def test_the_sql_rounds_and_bounds_as_the_policy_says(threshold: int, base: int) -> None:
    policy = make_policy(threshold, base)
    found = duckdb.execute(
        f"""
        with counts as (select n, {threshold} as threshold, {base} as base from range(1000) as numbers (n)),
        rounded as (select *, {SQL.round_to_multiple("n", "base")} as shown from counts)
        select n, shown, {SQL.lower_bound_of_rounded("shown", "threshold", "base")},
            {SQL.upper_bound_of_rounded("shown", "base")}
        from rounded where n >= threshold order by n
        """
    ).fetchall()
    expected = [(count, policy.count_to_release(count)) for count in range(threshold, 1000)]
    assert found == [(count, shown, *policy.declared_bounds(shown)) for count, shown in expected]


def half_away_from_zero(number: Decimal, decimals: int) -> float:
    return float(number.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP))


@pytest.mark.parametrize("decimals", [0, 1])
def test_the_sql_makes_percentages_of_integers_half_up(decimals: int) -> None:
    found = duckdb.execute(
        f"""
        with decimals as (select {decimals} as decimals),
        steps as (select {SQL.steps_in_one("decimals")} as steps from decimals),
        fractions as (select n, d from range(161) as a (n), range(1, 161) as b (d) where n <= d)
        select n, d, {SQL.exact_percentage("n", "d", "steps")} from fractions, steps
        """
    ).fetchall()
    assert len(found) == sum(d + 1 for d in range(1, 161))
    wrong = [row for row in found if row[2] != half_away_from_zero(Decimal(100 * row[0]) / row[1], decimals)]
    assert wrong == []


@pytest.mark.parametrize(("numerator", "denominator", "whole"), [(23, 40, 58), (1, 8, 13), (113, 200, 57), (0, 3, 0)])
def test_a_percentage_that_ties_goes_up(numerator: int, denominator: int, whole: int) -> None:
    query = f"select {SQL.exact_percentage(str(numerator), str(denominator), '1')}"
    assert duckdb.execute(query).fetchall() == [(whole,)]


@pytest.mark.parametrize("decimals", [0, 1])
def test_the_sql_rounds_what_it_carries_half_away_from_zero_and_makes_no_zero_below_zero(decimals: int) -> None:
    hundredths = range(-10_100, 10_101)
    found = duckdb.execute(
        f"""
        with figures as (select n / 100 as figure from range(-10100, 10101) as numbers (n)),
        decimals as (select {decimals} as decimals),
        steps as (select {SQL.steps_in_one("decimals")} as steps from decimals)
        select {SQL.round_half_away("figure", "steps")} as rounded, signbit(rounded) from figures, steps
        """
    ).fetchall()
    expected = [half_away_from_zero(Decimal(n).scaleb(-2), decimals) + 0.0 for n in hundredths]
    assert found == [(rounded, rounded < 0) for rounded in expected]


# -- where it is asked for and stated ----------------------------------------------------------------------------------


def test_the_command_refuses_an_unknown_profile_and_names_the_known_ones(tmp_path: Path) -> None:
    home = tmp_path / "home"
    arguments = ["refresh", "--drops", str(tmp_path), "--home", str(home), "--profile", "hardend"]
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert result.exit_code == 2
    assert "'hardend'; there are publisher, hardened" in " ".join(result.output.split())
    assert not home.exists()


def test_another_profile_is_another_fingerprint() -> None:
    digests = {
        compute_input_fingerprint(PROJECT_ROOT, [], profile, []) for profile in ("publisher", "hardened", "publisher")
    }
    assert len(digests) == 2


@pytest.mark.parametrize("profile", ["publisher", "hardened"])
def test_a_release_states_its_policy(profile: str) -> None:
    policy = load_policy(profile=profile)
    stated = Description("synthetic", "a fingerprint", [], policy).to_manifest()["disclosure"]
    assert stated["version"] == policy.version
    assert stated["profile"] == profile
    assert stated["suppress_counts_below"] == stated["round_counts_to"] == 5
    assert stated["hide_percentage_when_denominator_below"] == (250 if profile == "hardened" else None)
    assert f"version {policy.version} of the disclosure policy, profile `{profile}`" in describe_policy(policy)
    suppresses_more = "could be 4 or less or its denominator could be below 250" in describe_rounding(policy)
    assert suppresses_more == ("could reveal one" in describe_markers(policy)["[c]"]) == (profile == "hardened")


def test_what_a_release_says_of_rounding_is_in_the_numbers_of_its_policy() -> None:
    assert describe_rounding(load_policy()) == (
        "Counts are rounded to the nearest 5 and 0 to 4 are suppressed, for England too. Percentages are whole, made "
        "from unrounded counts, never from rounded ones, and suppressed when their numerator is. Means have one "
        "decimal and medians have one decimal, suppressed with the count they rest on. Minima, maxima, sums and "
        "measures that nobody has reviewed are not released."
    )
    other = make_policy(8, 10)
    assert "nearest 10 and 0 to 7 are suppressed" in describe_rounding(other)
    assert "the true count is 0 to 7" in describe_markers(other)["[c]"]
