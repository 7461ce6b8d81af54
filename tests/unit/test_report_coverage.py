"""What a report says it covers: the periods that England has figures for, and those of some organisations only."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from iapt.contract import TOPICS
from iapt.report.area_series import AreaFigures, LevelSpan
from iapt.report.coverage import Coverage, describe_coverage
from iapt.report.release_tables import EVERYONE, Period
from iapt.report.site import build_report
from tests.factories.report_release import copy_release, write_report_release


def _make_periods(*statuses: str) -> tuple[Period, ...]:
    return tuple(
        Period(f"P{number}", f"P{number}", "", status, "", "", "", breaks_sums=False)
        for number, status in enumerate(statuses)
    )


def _make_england(*texts: str) -> AreaFigures:
    return AreaFigures("england", "england", "E92000001", (LevelSpan(0, "england", "E92000001"),), {EVERYONE: texts})


def test_periods_without_england_are_not_among_those_it_has_figures_for() -> None:
    periods = _make_periods("published", "not_loaded", *["published"] * 5)
    assert describe_coverage(periods, _make_england("1,,1", ",,,,c")) == Coverage("P0", "P4", 3, 1, "P3, P5 to P6")


@pytest.mark.parametrize("text", ["1,x", "1,z", "1"])
def test_what_is_not_published_or_does_not_apply_is_no_figure(text: str) -> None:
    assert describe_coverage(_make_periods("published", "published"), _make_england(text)).last == "P0"


def test_what_is_not_held_after_the_last_of_england_is_not_between() -> None:
    coverage = describe_coverage(_make_periods("published", "not_loaded", "published"), _make_england("1"))
    assert coverage == Coverage("P0", "P0", 1, 0, "P2")


def test_a_report_without_england_says_so() -> None:
    assert describe_coverage(_make_periods("published", "published"), None) == Coverage(
        "none", "none", 0, 0, "P0 to P1"
    )


def test_pages_say_which_months_hold_some_organisations_only(tmp_path: Path) -> None:
    release = write_report_release(tmp_path / "made")
    query = "from original where not (org_level = 'england' and period in ('2022-11', '2022-12'))"
    without = copy_release(release, tmp_path / "release", **dict.fromkeys(TOPICS, query))
    report = build_report(without, tmp_path / "report").folder
    contents = (report / "monthly" / "index.html").read_text("utf-8")
    assert "England has figures for 5 months, from May 2022 to October 2022." in contents
    assert "Figures of some organisations only: November 2022 to December 2022." in contents
    home = (report / "index.html").read_text("utf-8")
    row = re.findall(r"<td[^>]*>([^<]*)</td>", home.partition("Monthly report</a></th>")[2])[:5]
    assert row == ["May 2022", "October 2022", "5", "1", "November 2022 to December 2022"]
