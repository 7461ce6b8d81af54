"""Re-issues: which drops are issues of one file, which is believed, what is replaced, and orders that are dated."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.precedence import Precedence
from iapt.catalogue.re_issues import ReIssues
from iapt.ingest.archive import ArchivedDrop
from iapt.ingest.landing import label_drops
from iapt.ingest.observation_store import DropSummary, ObservationStore
from iapt.ingest.reissues import add_status_and_revision, find_kind_words, find_re_issues, list_zip_members
from tests.factories import drops
from tests.factories.drops import CATALOGUE, OTHER_PROVIDER, Body, make_monthly_csv, make_row, make_zip

APRIL = "iapt_month_apr_2026_activity_performance"
MAY_DAYS = {"start": "01/05/2026", "end": "31/05/2026"}
THIRD_PROVIDER = Body("ZZ-P3", "Brigadoon Counselling")
ENGLAND = make_row("500", level="England")
TWO = make_monthly_csv(ENGLAND, make_row("25"), make_row("35", provider=OTHER_PROVIDER))
#: The second provider under another code.
RECODED = make_monthly_csv(ENGLAND, make_row("25"), make_row("35", provider=THIRD_PROVIDER))

Kept = list[tuple[ArchivedDrop, DropSummary]]


def kept(folder: Path, *offered: tuple[str, bytes], using: Catalogue | None = None) -> Kept:
    """Drops read one after another, kept in this order, each in a refresh of its own."""
    catalogue = using or drops.catalogue()
    found = []
    for sequence, (name, content) in enumerate(offered, start=1):
        each = drops.read(folder, name, content)
        assert each.summary.rejection is None
        drop = replace(
            each.drop, sequence=sequence, batch=sequence, archived_at=f"2026-06-{sequence:02d}T09:00:00+00:00"
        )
        found.append((add_status_and_revision(drop, each.summary, catalogue.precedence), each.summary))
    return found


def replaced(folder: Path, found: Kept, using: Catalogue | None = None) -> set[tuple[int, str, int]]:
    """What is replaced: the place of the drop in the order of keeping, the level, and the place of the one instead."""
    place = {drop.sha256: drop.sequence for drop, _ in found}
    replacements, _ = find_re_issues(found, ObservationStore(folder / "observations"), using or drops.catalogue())
    return {(place[each.sha256], each.org_level, place[each.replaced_by]) for each in replacements}


def narrower(folder: Path, found: Kept) -> set[tuple[str, int, int]]:
    """Where a later issue is taken for an extract: the level, the cells before, and those of the later issue."""
    _, extracts = find_re_issues(found, ObservationStore(folder / "observations"), drops.catalogue())
    return {(each.org_level, each.cells, each.narrower_cells) for each in extracts}


# -- which drops are issues of one file -------------------------------------------------------------------------------


def test_a_later_issue_replaces_every_level_of_the_earlier_one(tmp_path: Path) -> None:
    found = kept(tmp_path, (f"{APRIL}.csv", TWO), (f"{APRIL}-v2.csv", RECODED))
    assert replaced(tmp_path, found) == {(1, "england", 2), (1, "provider", 2)}


def test_the_order_of_keeping_does_not_matter_where_a_revision_tells(tmp_path: Path) -> None:
    found = kept(tmp_path, (f"{APRIL}-v2.csv", RECODED), (f"{APRIL}.csv", TWO))
    assert replaced(tmp_path, found) == {(2, "england", 1), (2, "provider", 1)}


def test_a_re_issue_under_the_same_name_replaces_by_the_order_of_keeping(tmp_path: Path) -> None:
    found = kept(tmp_path, (f"{APRIL}.csv", TWO), (f"{APRIL}.csv", RECODED))
    assert replaced(tmp_path, found) == {(1, "england", 2), (1, "provider", 2)}


def test_a_definitive_file_replaces_the_provisional_one_however_they_came(tmp_path: Path) -> None:
    found = kept(tmp_path, (f"{APRIL}.csv", RECODED), ("iapt_month_apr_2026_activity_primary_v3.csv", TWO))
    assert replaced(tmp_path, found) == {(2, "england", 1), (2, "provider", 1)}


def test_of_three_issues_the_most_believed_replaces_both_others(tmp_path: Path) -> None:
    third = make_monthly_csv(ENGLAND, make_row("30"), make_row("45", provider=THIRD_PROVIDER))
    issues = [(f"{APRIL}.csv", TWO), (f"{APRIL}-v3.csv", third), (f"{APRIL}-v2.csv", RECODED)]
    found = kept(tmp_path, *issues)
    assert {(old, new) for old, _, new in replaced(tmp_path, found)} == {(1, 2), (3, 2)}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("iapt_month_apr_2026_ea.csv", RECODED),
        (f"{APRIL}_RDY.csv", RECODED),
        (f"{APRIL}_provider.csv", RECODED),
        ("iapt_month_may_2026_activity.csv", make_monthly_csv(*[[*make_row("25", **MAY_DAYS)]])),
        (
            "time_series_apr_2026_to_may_2026.csv",
            make_monthly_csv(make_row("25"), make_row("25", **MAY_DAYS)),
        ),
        ("nhs_talking_therapies_time_series_2026_04.csv", RECODED),
        ("iapt_month_apr_2026_timeseries-v2.csv", RECODED),
    ],
)
def test_another_kind_of_file_period_or_series_replaces_nothing(name: str, content: bytes, tmp_path: Path) -> None:
    found = kept(tmp_path, (f"{APRIL}.csv", TWO), (name, content))
    assert replaced(tmp_path, found) == set()
    assert narrower(tmp_path, found) == set()


def test_a_time_series_replaces_one_of_the_same_months_and_no_other(tmp_path: Path) -> None:
    months = [make_row("25"), make_row("25", **MAY_DAYS)]
    june = make_row("25", start="01/06/2026", end="30/06/2026")
    name = "talking_therapies_time_series_apr_2026_to_may_2026"
    longer = ("talking_therapies_time_series_apr_2026_to_jun_2026.csv", make_monthly_csv(*months, june))
    revised = (f"{name}_revised.csv", make_monthly_csv(make_row("30"), months[1]))
    found = kept(tmp_path, (f"{name}.csv", make_monthly_csv(*months)), longer, revised)
    assert replaced(tmp_path, found) == {(1, "provider", 3)}


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["iapt-month-Jan-2021-final-data.xlsx"], set()),
        (["iapt_month_feb_2023_activity%20v2.csv"], set()),
        (["nhstalkingtherapies_month_may_2023_activity_performance-corrected (2).csv"], set()),
        (["psych-ther-ann-rep-csvs-2020-21.zip", "psych-ther-ann-rep-csv-2020-21-main-csv-v2.csv"], set()),
        (["nhstalkingtherapies_month_jul_2024_ea.csv"], {"ea"}),
        (["nhstalkingtherapies_quarterly_subICB_provider_q1_26_27.csv"], {"subicb", "provider"}),
        (["iapt-quarterly-STP-and-CCG-Q1.csv"], {"stp", "ccg"}),
        (["activity_performance_RDY.csv"], {"rdy"}),
    ],
)
def test_the_kind_of_a_file_is_what_its_names_say_beyond_status_revision_and_period(
    names: Sequence[str], kind: set[str]
) -> None:
    assert find_kind_words(names, drops.catalogue().re_issues) == kind


# -- extracts ---------------------------------------------------------------------------------------------------------


def test_a_re_issue_with_far_fewer_cells_is_taken_for_an_extract_at_that_level(tmp_path: Path) -> None:
    providers = [Body(f"ZZ-P{number}", "Invented") for number in range(9)]
    full = make_monthly_csv(ENGLAND, *[make_row("25", provider=provider) for provider in providers])
    extract = make_monthly_csv(ENGLAND, *[make_row("25", provider=provider) for provider in providers[:4]])
    found = kept(tmp_path, (f"{APRIL}.csv", full), (f"{APRIL}-v2.csv", extract))
    assert replaced(tmp_path, found) == {(1, "england", 2)}
    assert narrower(tmp_path, found) == {("provider", 9, 4)}
    half = make_monthly_csv(ENGLAND, *[make_row("25", provider=provider) for provider in providers[:5]])
    assert replaced(tmp_path, kept(tmp_path, (f"{APRIL}.csv", full), (f"{APRIL}-v2.csv", half))) == {
        (1, "england", 2),
        (1, "provider", 2),
    }


def test_a_level_that_a_re_issue_lacks_stands_and_is_told(tmp_path: Path) -> None:
    found = kept(tmp_path, (f"{APRIL}.csv", TWO), (f"{APRIL}-v2.csv", make_monthly_csv(ENGLAND)))
    assert replaced(tmp_path, found) == {(1, "england", 2)}
    assert narrower(tmp_path, found) == {("provider", 2, 0)}


def test_behind_an_extract_an_earlier_whole_re_issue_still_replaces_the_first(tmp_path: Path) -> None:
    extract = make_monthly_csv(make_row("5", provider=THIRD_PROVIDER))
    four = make_monthly_csv(*[make_row("25", provider=Body(f"ZZ-Q{number}", "Invented")) for number in range(4)])
    again = make_monthly_csv(*[make_row("30", provider=Body(f"ZZ-Q{number}", "Invented")) for number in range(4)])
    found = kept(tmp_path, (f"{APRIL}.csv", four), (f"{APRIL}-v2.csv", again), (f"{APRIL}-v3.csv", extract))
    assert replaced(tmp_path, found) == {(1, "provider", 2)}
    assert narrower(tmp_path, found) == {("provider", 4, 1)}


# -- what a person says -----------------------------------------------------------------------------------------------


def catalogue_with(folder: Path, name: str, **changes: Any) -> Catalogue:
    """A copy of the project's catalogue with some keys of one file changed."""
    shutil.copytree(CATALOGUE, folder)
    path = folder / name
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text("utf-8")) | changes), encoding="utf-8")
    return Catalogue(folder)


def test_a_file_declared_whole_replaces_levels_that_it_lacks_and_other_kinds(tmp_path: Path) -> None:
    offered = [(f"{APRIL}.csv", TWO), (f"{APRIL}_codes_mended.csv", make_monthly_csv(ENGLAND))]
    entry = {"file": offered[1][0], "re_issue": "replaces_whole_file", "reason": "A correction.", "source": "made"}
    found = kept(tmp_path, *offered)
    assert replaced(tmp_path, found) == set()
    declared = catalogue_with(tmp_path / "catalogue", "re_issues.yml", files=[entry])
    assert replaced(tmp_path, found, declared) == {(1, "england", 2), (1, "provider", 2)}


def test_a_file_declared_to_add_neither_replaces_nor_is_replaced(tmp_path: Path) -> None:
    found = kept(tmp_path, (f"{APRIL}.csv", TWO), (f"{APRIL}-v2.csv", RECODED))
    for place in (0, 1):
        entry = {"sha256": found[place][0].sha256, "re_issue": "adds", "reason": "An extract.", "source": "made"}
        declared = catalogue_with(tmp_path / f"catalogue-{place}", "re_issues.yml", files=[entry])
        assert replaced(tmp_path, found, declared) == set()


def test_a_series_that_adds_replaces_nothing(tmp_path: Path) -> None:
    found = kept(tmp_path, (f"{APRIL}.csv", TWO), (f"{APRIL}-v2.csv", RECODED))
    series = drops.catalogue().re_issues.series | {"monthly": "adds"}
    assert replaced(tmp_path, found, catalogue_with(tmp_path / "catalogue", "re_issues.yml", series=series)) == set()


@pytest.mark.parametrize(
    "wrong",
    [
        {"series": {"monthly": "adds"}},
        {"series": dict.fromkeys(["monthly", "timeseries", "quarterly", "annual", "data_quality", "weekly"], "adds")},
        {"least_share_of_cells": 0},
        {"least_share_of_cells": 1.5},
        {"words_of_any_file": ["Data"]},
        {"files": [{"re_issue": "adds", "reason": "x", "source": "x"}]},
        {"files": [{"file": "a.csv", "re_issue": "perhaps", "reason": "x", "source": "x"}]},
        {"more": 1},
    ],
)
def test_a_catalogue_of_re_issues_that_says_too_little_is_rejected(wrong: dict[str, Any]) -> None:
    right = yaml.safe_load((CATALOGUE / "re_issues.yml").read_text("utf-8"))
    ReIssues.model_validate(right)
    with pytest.raises(ValidationError):
        ReIssues.model_validate(right | wrong)


# -- status and revision of members -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "members", "standing"),
    [
        ("psych-ther-ann-rep-csvs-2020-21.zip", ["main-csv.csv"], ("definitive", 1)),
        ("psych-ther-ann-rep-csvs-2020-21.zip", ["main-csv-v2.csv"], ("definitive", 2)),
        ("psych-ther-ann-rep-csvs-2020-21-v3.zip", ["main-csv-v2.csv"], ("definitive", 3)),
        ("month.zip", ["iapt_month_primary.csv"], ("provisional", 1)),
        ("month_primary.zip", ["iapt_month_final.csv"], ("definitive", 1)),
        ("month_final.zip", ["a_final.csv", "b_provisional_v2.csv"], ("provisional", 2)),
        ("month_primary.zip", ["a.csv"], ("provisional", 1)),
    ],
)
def test_status_and_revision_come_from_members_as_well_as_the_file(
    file: str, members: list[str], standing: tuple[str, int]
) -> None:
    precedence = drops.catalogue().precedence
    assert (precedence.infer_status(file, members), precedence.infer_revision(file, members)) == standing


def test_the_sheet_of_a_workbook_is_no_member_that_tells_a_revision(tmp_path: Path) -> None:
    packed = make_zip({"iapt_month_apr_2026_activity-v2.csv": TWO})
    of_member = kept(tmp_path, ("iapt_month_apr_2026.zip", packed))[0]
    assert list_zip_members(of_member[1]) == ["iapt_month_apr_2026_activity-v2.csv"]
    assert of_member[0].revision == 2
    book = drops.make_xlsx({"Data v2": [drops.MONTHLY_HEADER, make_row(25)]})
    of_sheet = kept(tmp_path, ("iapt_month_apr_2026.xlsx", book))[0]
    assert (list_zip_members(of_sheet[1]), of_sheet[0].revision) == ([], 1)


@pytest.mark.parametrize("later", ["main-v2.csv", "main%20(v2).csv", "mainv2.csv", "main2.csv", "main_corrected.csv"])
def test_of_two_issues_in_one_zip_the_later_is_read_and_the_other_named(later: str, tmp_path: Path) -> None:
    packed = make_zip({f"april/{later}": RECODED, "april/main.csv": TWO})
    (found,) = kept(tmp_path, ("iapt_month_apr_2026.zip", packed))
    drop, summary = found
    assert (list_zip_members(summary), drop.revision) == ([f"april/{later}"], 2)
    assert summary.cells == summary.observations == 3
    left = "an earlier issue beside a later one in the same file is left unread"
    assert [each for each in summary.notices if each.startswith(left)] == [f"{left}: april/main.csv, for april/{later}"]


def test_members_of_other_names_or_folders_are_no_issues_of_one_another(tmp_path: Path) -> None:
    row = make_monthly_csv(make_row("35", provider=OTHER_PROVIDER))
    for other in ("other-v2.csv", "april/main-v2.csv"):
        (found,) = kept(tmp_path, ("apr.zip", make_zip({"main.csv": make_monthly_csv(make_row("25")), other: row})))
        assert sorted(list_zip_members(found[1])) == sorted(["main.csv", other])


def test_two_tables_that_contradict_are_rejected_with_a_remedy_that_works(tmp_path: Path) -> None:
    changed = make_monthly_csv(ENGLAND, make_row("26"), make_row("35", provider=OTHER_PROVIDER))
    rejection = drops.read(tmp_path, "apr.zip", make_zip({"one.csv": TWO, "two.csv": changed})).rejection
    assert "expected the same figures as row 3 of one.csv, which has the same key; found other figures" in rejection
    assert "take out the wrong one of the two" in rejection
    assert "layout" not in rejection


def test_a_name_with_the_words_of_a_correction_is_a_later_issue_of_the_same_file(tmp_path: Path) -> None:
    for mark in ("_revised", "_amended", " (v2)", "_with_corrections", "v2"):
        found = kept(tmp_path, (f"{APRIL}{mark}.csv", RECODED), (f"{APRIL}.csv", TWO))
        assert replaced(tmp_path, found) == {(2, "england", 1), (2, "provider", 1)}, mark


def test_a_corrected_member_wins_in_a_zip_of_the_same_name_and_each_is_distinguished(tmp_path: Path) -> None:
    packs = [make_zip({name: content}) for name, content in (("april.csv", TWO), ("april-v2.csv", RECODED))]
    found = kept(tmp_path, ("iapt_month_apr_2026.zip", packs[1]), ("iapt_month_apr_2026.zip", packs[0]))
    assert {(old, new) for old, _, new in replaced(tmp_path, found)} == {(2, 1)}
    labels = list(label_drops(found).values())
    assert labels == [
        f"iapt_month_apr_2026.zip (member {member}, sha256 {drop.sha256[:12]}, archived 2026-06-{day})"
        for (drop, _), member, day in zip(found, ("april-v2.csv", "april.csv"), ("01", "02"), strict=True)
    ]
    assert list(label_drops(found[:1]).values()) == ["iapt_month_apr_2026.zip"]
    assert found[0][0].sha256[:12] not in label_drops(found, salt="secret")[found[0][0].sha256]


# -- dated precedence -------------------------------------------------------------------------------------------------

RIGHT = {
    "period_grain": "month",
    "first": "2025-05",
    "last": "2025-06",
    "series": ["timeseries", "monthly"],
    "reason": "Revised there alone.",
    "source": "made",
}


def precedence(*rows: dict[str, Any]) -> Precedence:
    right = yaml.safe_load((CATALOGUE / "precedence.yml").read_text("utf-8"))
    return Precedence.model_validate(right | {"dated": list(rows)})


def believed_first(rules: Precedence, month: str) -> str:
    """The series of rank 1 in a month; exactly one row of the ranks must say so."""
    day = dt.date.fromisoformat(f"{month}-01")
    (first,) = [
        rank.series
        for rank in rules.rank_series()
        if rank.period_grain == "month"
        and rank.rank == 1
        and (rank.valid_from is None or rank.valid_from <= day)
        and (rank.valid_to is None or day <= rank.valid_to)
    ]
    return first


def test_a_dated_row_turns_the_order_for_its_periods_alone() -> None:
    rules = precedence(RIGHT, RIGHT | {"first": "2025-09", "last": None})
    assert {
        month: believed_first(rules, month) for month in ("2012-04", "2025-04", "2025-07", "2025-08")
    } == dict.fromkeys(("2012-04", "2025-04", "2025-07", "2025-08"), "monthly")
    turned = ("2025-05", "2025-06", "2025-09", "2030-01")
    assert {believed_first(rules, month) for month in turned} == {"timeseries"}
    assert [rank.series for rank in rules.rank_series() if rank.period_grain == "year"] == ["annual"]


def test_rows_that_follow_one_another_leave_nothing_between_or_twice() -> None:
    rules = precedence(RIGHT, RIGHT | {"first": "2025-07", "last": "2025-07"})
    assert [believed_first(rules, month) for month in ("2025-04", "2025-06", "2025-07", "2025-08")] == [
        *("monthly", "timeseries", "timeseries", "monthly")
    ]


@pytest.mark.parametrize(
    "rows",
    [
        [RIGHT | {"series": ["timeseries"]}],
        [RIGHT | {"series": ["timeseries", "annual"]}],
        [RIGHT | {"first": "2025-26"}],
        [RIGHT | {"first": "May 2025"}],
        [RIGHT | {"last": "2025-04"}],
        [RIGHT | {"reason": ""}],
        [RIGHT, RIGHT | {"first": "2025-06", "last": "2025-08"}],
        [RIGHT | {"last": None}, RIGHT | {"first": "2025-09"}],
        [RIGHT | {"because": "x"}],
    ],
)
def test_dated_rows_that_cannot_be_followed_are_rejected(rows: list[dict[str, Any]]) -> None:
    precedence(RIGHT)
    with pytest.raises((ValidationError, ValueError)):
        precedence(*rows)
