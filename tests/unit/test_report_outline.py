"""What an outline of the report must be to be used."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from iapt.catalogue.disclosure_policy import load_policy
from iapt.catalogue.report_config import ReportConfigError, load_report_config
from iapt.contract import TOPICS
from iapt.release.metadata import rounding_statement
from iapt.workspace import CATALOGUE, DBT_PROJECT

OUTLINE = CATALOGUE / "report.yml"


def test_the_reviewed_outline_shows_every_measure_of_the_topic_marts() -> None:
    shown = {measure for topic in load_report_config(OUTLINE).topics for measure in topic.measures}
    assert shown == {measure for measures in TOPICS.values() for measure in measures}


def test_a_comparison_is_limited_to_five_populations_or_two_areas() -> None:
    limits = load_report_config(OUTLINE).recovery_rate
    assert (limits.max_populations, limits.max_areas) == (5, 2)


def test_what_is_held_back_is_said_to_plain_words() -> None:
    """Every phrase that the outline puts otherwise is one that a release still says."""
    outline = load_report_config(OUTLINE)
    said = rounding_statement(load_policy())
    assert all(words.released in said for words in outline.plain_words)
    shown = outline.to_plain_words(said)
    assert shown.endswith("Minima, maxima, sums and measures that have not been checked yet are not shown.")
    assert shown.startswith("Counts are rounded to the nearest 5")


def test_every_formula_of_a_measure_of_the_report_can_be_written_in_words() -> None:
    outline = load_report_config(OUTLINE)
    with (DBT_PROJECT / "seeds" / "measure_formulas.csv").open(encoding="utf-8", newline="") as file:
        parts = {row["component"] for row in csv.DictReader(file) if row["measure"] in outline.measure_order}
    assert parts
    assert parts <= outline.labels.keys()


def _words_of_a_figure_for_formulas(outline: dict[str, Any]) -> None:
    outline["formula_measures"].append({"measure": "count_recovery", "label": "Recovered"})


def _without_words(outline: dict[str, Any]) -> None:
    outline["measures"] = outline["measures"][1:]


def _words_twice(outline: dict[str, Any]) -> None:
    outline["measures"].append(outline["measures"][0])


def _chart_of_a_stranger(outline: dict[str, Any]) -> None:
    outline["topics"][0]["charts"][0]["measures"] = ["percentage_recovery"]


def _unknown_mart(outline: dict[str, Any]) -> None:
    outline["topics"][0]["mart"] = "mart_elsewhere"


def _five_lines(outline: dict[str, Any]) -> None:
    chart = outline["topics"][2]["charts"][2]
    chart["measures"] = [*chart["measures"], "count_no_reliable_change"]


def _unknown_variable(outline: dict[str, Any]) -> None:
    outline["recovery_rate"]["variables"] = ["shoe_size"]


def _unknown_family(outline: dict[str, Any]) -> None:
    outline["map"]["family"] = "planets"


def _unknown_headline(outline: dict[str, Any]) -> None:
    outline["headlines"] = ["count_of_sheep"]


def _unknown_key(outline: dict[str, Any]) -> None:
    outline["colour"] = "red"


def _a_report_too_few(outline: dict[str, Any]) -> None:
    outline["reports"] = outline["reports"][:2]


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (_without_words, "count_referrals_received"),
        (_words_twice, "count_referrals_received"),
        (_chart_of_a_stranger, "percentage_recovery"),
        (_unknown_mart, "mart_elsewhere"),
        (_five_lines, "at most 4"),
        (_unknown_variable, "shoe_size"),
        (_unknown_family, "planets"),
        (_unknown_headline, "count_of_sheep"),
        (_words_of_a_figure_for_formulas, "count_recovery"),
        (_unknown_key, "colour"),
        (_a_report_too_few, "at least 3"),
    ],
)
def test_an_outline_that_does_not_hold_together_is_refused(
    tmp_path: Path, broken: Callable[[dict[str, Any]], None], said: str
) -> None:
    outline = yaml.safe_load(OUTLINE.read_text("utf-8"))
    broken(outline)
    path = tmp_path / "report.yml"
    path.write_text(yaml.safe_dump(outline), encoding="utf-8")
    with pytest.raises(ReportConfigError, match=said) as refused:
        load_report_config(path)
    assert str(path) in str(refused.value)


def test_a_file_that_is_no_yaml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "report.yml"
    path.write_text("topics: [", encoding="utf-8")
    with pytest.raises(ReportConfigError, match=r"report\.yml"):
        load_report_config(path)
