"""What the settings of the report must be to be used."""

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
from iapt.release.metadata import describe_rounding
from iapt.workspace import CATALOGUE, DBT_PROJECT

CONFIG = CATALOGUE / "report.yml"


def test_the_reviewed_settings_show_every_measure_of_the_topic_marts() -> None:
    shown = {measure for topic in load_report_config(CONFIG).topics for measure in topic.measures}
    assert shown == {measure for measures in TOPICS.values() for measure in measures}


def test_a_comparison_is_limited_to_five_populations_or_two_areas() -> None:
    limits = load_report_config(CONFIG).recovery_rate
    assert (limits.max_populations, limits.max_areas) == (5, 2)


def test_what_is_held_back_is_said_to_plain_words() -> None:
    """Every phrase that the settings put otherwise is one that a release still says."""
    config = load_report_config(CONFIG)
    message = describe_rounding(load_policy())
    assert all(words.released in message for words in config.plain_words)
    shown = config.to_plain_words(message)
    assert shown.endswith("Minima, maxima, sums and measures that have not been checked yet are not shown.")
    assert shown.startswith("Counts are rounded to the nearest 5")


def test_every_formula_of_a_measure_of_the_report_can_be_written_in_words() -> None:
    config = load_report_config(CONFIG)
    with (DBT_PROJECT / "seeds" / "measure_formulas.csv").open(encoding="utf-8", newline="") as file:
        parts = {row["component"] for row in csv.DictReader(file) if row["measure"] in config.measure_order}
    assert parts
    assert parts <= config.labels.keys()


def _words_of_a_shown_measure_for_formulas(config: dict[str, Any]) -> None:
    config["formula_measures"].append({"measure": "count_recovery", "label": "Recovered"})


def _without_words(config: dict[str, Any]) -> None:
    config["measures"] = config["measures"][1:]


def _words_twice(config: dict[str, Any]) -> None:
    config["measures"].append(config["measures"][0])


def _chart_of_another_mart(config: dict[str, Any]) -> None:
    config["topics"][0]["charts"][0]["measures"] = ["percentage_recovery"]


def _unknown_mart(config: dict[str, Any]) -> None:
    config["topics"][0]["mart"] = "mart_elsewhere"


def _five_lines(config: dict[str, Any]) -> None:
    chart = config["topics"][2]["charts"][2]
    chart["measures"] = [*chart["measures"], "count_no_reliable_change"]


def _unknown_variable(config: dict[str, Any]) -> None:
    config["recovery_rate"]["variables"] = ["shoe_size"]


def _unknown_family(config: dict[str, Any]) -> None:
    config["map"]["family"] = "planets"


def _unknown_headline(config: dict[str, Any]) -> None:
    config["headlines"] = ["count_of_sheep"]


def _unknown_key(config: dict[str, Any]) -> None:
    config["colour"] = "red"


def _a_report_too_few(config: dict[str, Any]) -> None:
    config["reports"] = config["reports"][:2]


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (_without_words, "count_referrals_received"),
        (_words_twice, "count_referrals_received"),
        (_chart_of_another_mart, "percentage_recovery"),
        (_unknown_mart, "mart_elsewhere"),
        (_five_lines, "at most 4"),
        (_unknown_variable, "shoe_size"),
        (_unknown_family, "planets"),
        (_unknown_headline, "count_of_sheep"),
        (_words_of_a_shown_measure_for_formulas, "count_recovery"),
        (_unknown_key, "colour"),
        (_a_report_too_few, "at least 3"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    tmp_path: Path, broken: Callable[[dict[str, Any]], None], message: str
) -> None:
    config = yaml.safe_load(CONFIG.read_text("utf-8"))
    broken(config)
    path = tmp_path / "report.yml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    with pytest.raises(ReportConfigError, match=message) as refused:
        load_report_config(path)
    assert str(path) in str(refused.value)


def test_a_file_that_is_no_yaml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "report.yml"
    path.write_text("topics: [", encoding="utf-8")
    with pytest.raises(ReportConfigError, match=r"report\.yml"):
        load_report_config(path)
