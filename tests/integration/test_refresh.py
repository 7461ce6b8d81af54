"""A refresh from demonstration drops: what it says, what it refuses, what it leaves alone the second time."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import dagster as dg
import pytest
from typer.testing import CliRunner

from iapt.workspace import Workspace
from orchestration.cli import app
from orchestration.event_log import open_instance
from orchestration.refresh import refresh
from tests.factories.drops import FINISHED, make_monthly_csv, make_row
from tests.integration.conftest import (
    BAD_DROPS,
    BROKEN_ROW,
    EMPTY_FILE,
    TRUNCATED_ZIP,
    UNKNOWN_HEADER,
    WRONG_SHEET,
    BuiltHome,
)


def test_good_drops_are_released_though_others_are_rejected(released_home: BuiltHome) -> None:
    outcome = released_home.outcome
    assert outcome.failure is None
    assert outcome.exit_status == 3
    assert outcome.is_new
    assert (released_home.home.latest / "manifest.json").is_file()
    assert sorted(refusal["file"] for refusal in outcome.rejected) == sorted(BAD_DROPS)


@pytest.mark.parametrize(
    ("file", "place", "expected", "found"),
    [
        (UNKNOWN_HEADER, "row 1", "nearest: monthly_long", "'VALUE_ROUNDED'"),
        (TRUNCATED_ZIP, "the whole file", "a complete ZIP container", "not a zip file"),
        (WRONG_SHEET, "sheet 'Contents', row 1", "the header of a known layout", "sheet 'Definitions'"),
        (BROKEN_ROW, "row 8", "10 columns in every row", "8 columns"),
        (EMPTY_FILE, "the whole file", "a published table", "an empty file"),
    ],
)
def test_a_refusal_says_file_place_expected_and_found(
    released_home: BuiltHome, file: str, place: str, expected: str, found: str
) -> None:
    refusal = next(refusal for refusal in released_home.outcome.rejected if refusal["file"] == file)
    assert refusal["place"] == place
    assert expected in refusal["expected"]
    assert found in refusal["found"]
    assert refusal["remedy"]


def test_what_is_odd_is_told_and_stops_nothing(released_home: BuiltHome) -> None:
    told = {warning.split(" ")[0]: warning for warning in released_home.outcome.warnings}
    assert "warn_unlisted_organisations" in told
    assert "warn_identical_duplicate_rows" not in told, "England stands in each file of a quarterly pack"
    assert "provider ZX001; provider ZX002" in told["warn_unlisted_organisations"]
    assert "more. Add a row for each to seeds/organisations.csv" in told["warn_unlisted_organisations"]
    assert "every_drop_is_read" not in told, "refused drops are told by themselves"


def test_a_warning_has_one_text_on_the_console_in_status_the_log_and_the_check(released_home: BuiltHome) -> None:
    outcome, home = released_home.outcome, released_home.home
    status = CliRunner().invoke(app, ["status", "--home", str(home.root)]).output
    assert outcome.log is not None
    log = (home.logs / outcome.log).read_text("utf-8")
    key = dg.AssetCheckKey(dg.AssetKey(["marts", "dim_organisation"]), "warn_unlisted_organisations")
    with open_instance(home.dagster) as instance:
        (record,) = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    assert record.event is not None
    assert record.event.dagster_event is not None
    assert record.event.dagster_event.asset_check_evaluation_data.description in outcome.warnings
    assert outcome.warnings
    for told in [*outcome.warnings, *outcome.notices]:
        assert told in status
        assert told in log


def test_what_was_left_or_set_aside_is_told_with_the_files(released_home: BuiltHome) -> None:
    notices = "\n".join(released_home.outcome.notices)
    assert (
        "a table without a known layout is archived with the drop, unread: feb2019_feb2020.xlsx (sheet 'Title"
        in notices
    )
    assert re.search(r"quarantined, since a blank .*: iapt-quarter-q1-2020-21-final-data.csv \(\d+ cells\)", notices)


def test_the_bytes_of_a_rejected_drop_are_archived(released_home: BuiltHome) -> None:
    kept = {path.name for path in released_home.home.drops.glob("*/*")}
    assert kept >= set(BAD_DROPS)


def test_a_second_refresh_reads_nothing_and_says_so(released_home: BuiltHome) -> None:
    before = released_home.home.latest.readlink()
    arguments = ["refresh", "--drops", str(released_home.drops), "--home", str(released_home.home.root)]
    result = CliRunner().invoke(app, arguments)
    assert "Nothing read" in result.output
    assert "Nothing new" in result.output
    # The folder still holds the drops that were refused, and they are still refused.
    assert result.exit_code == 3
    assert all(file in result.output for file in BAD_DROPS)
    assert released_home.home.latest.readlink() == before


def test_status_says_what_is_archived_rejected_and_released(released_home: BuiltHome) -> None:
    result = CliRunner().invoke(app, ["status", "--home", str(released_home.home.root)])
    assert result.exit_code == 0
    for said in ("monthly", "quarterly", "annual", "timeseries", "synthetic", *BAD_DROPS, "SYNTHETIC DATA"):
        assert said in result.output


def test_status_of_an_empty_home_says_how_to_begin(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["status", "--home", str(tmp_path)])
    assert result.exit_code == 0
    assert "iapt refresh" in result.output


def test_a_folder_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["refresh", "--drops", str(tmp_path / "nowhere")])
    assert result.exit_code == 2


@pytest.mark.parametrize("names", [(), ("~$figures.xlsx", ".DS_Store")], ids=["empty", "no_drops"])
def test_a_folder_without_a_drop_is_no_failure_and_releases_nothing(tmp_path: Path, names: tuple[str, ...]) -> None:
    folder, home = tmp_path / "folder", Workspace(tmp_path / "home")
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(b"\0")
    result = CliRunner().invoke(app, ["refresh", "--drops", str(folder), "--home", str(home.root)])
    (sentence,) = result.output.splitlines()
    assert (result.exit_code, sentence.startswith(f"{folder} holds no drops")) == (0, True), result.output
    assert "nothing to do yet and nothing was released" in sentence
    assert ("~$figures.xlsx" in sentence) == bool(names)
    record = json.loads((home.root / "last_refresh.json").read_text("utf-8"))
    assert (record["state"], record["released"], record["failure"]) == ("nothing_to_do", None, None)
    assert f"had nothing to do: {sentence}" in CliRunner().invoke(app, ["status", "--home", str(home.root)]).output
    with open_instance(home.dagster) as instance:
        assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.SUCCESS]


def test_drops_that_were_all_rejected_are_a_failure_that_tells_each_reason_once(tmp_path: Path) -> None:
    (tmp_path / "drops").mkdir()
    for name in ("odd.csv", "odder.csv"):
        (tmp_path / "drops" / name).write_text(f"{name},b\n1,2\n", "utf-8")
    arguments = ["refresh", "--drops", str(tmp_path / "drops"), "--home", str(tmp_path / "home")]
    for _ in range(2):  # a refused drop that is known is refused again
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 1
        assert "no drop there could be used, so there is nothing to release" in result.output
        assert [result.output.count(f"{name}, row 1") for name in ("odd.csv", "odder.csv")] == [1, 1]
    status = CliRunner().invoke(app, ["status", "--home", str(tmp_path / "home")]).output
    assert [status.count(f"{name}, row 1") for name in ("odd.csv", "odder.csv")] == [1, 1]


def test_drops_that_contradict_each_other_are_named_with_their_folders(tmp_path: Path) -> None:
    names = ("iapt_month_apr_2026_activity.csv", "copy_of_iapt_month_apr_2026_activity.csv")
    (tmp_path / "drops").mkdir()
    for name, referrals in zip(names, ("25", "30"), strict=True):
        (tmp_path / "drops" / name).write_bytes(make_monthly_csv(make_row(referrals), make_row("*", measure=FINISHED)))
    home = Workspace(tmp_path / "home")
    outcome = refresh(home, tmp_path / "drops")
    assert outcome.exit_status == 1
    assert outcome.failure is not None
    assert "take the wrong one out of the drop folder" in outcome.failure
    for kept in home.drops.glob("*/*.csv"):
        assert kept.name in outcome.failure
        assert kept.parent.name[:12] in outcome.failure
    assert "cells_that_differ: 1" in outcome.failure, "the suppressed cell is the same in both"
    told = next(warning for warning in outcome.warnings if warning.startswith("warn_conflicting_drops"))
    assert f"2026-04, 1 cell, ZZ-P1 count_referrals_received (monthly {names[0]} is believed" in told
    assert told in CliRunner().invoke(app, ["status", "--home", str(home.root)]).output


def test_the_periods_read_are_recorded_as_partitions(released_home: BuiltHome) -> None:
    import dagster as dg

    os.environ["DAGSTER_HOME"] = str(released_home.home.dagster)
    with dg.DagsterInstance.get() as instance:
        months = instance.get_materialized_partitions(dg.AssetKey("monthly_drops"))
        quarters = instance.get_materialized_partitions(dg.AssetKey("quarterly_drops"))
        years = instance.get_materialized_partitions(dg.AssetKey("annual_drops"))
    assert {"2021-01-01", "2022-07-01", "2019-02-01"} <= months
    # The quarter that was never published is on record too, as a success that says so.
    assert quarters == {"2020-04-01", "2020-07-01", "2020-10-01", "2021-07-01", "2025-10-01"}
    assert "2020-04-01" in years


def test_the_last_refresh_is_on_record(released_home: BuiltHome) -> None:
    record = json.loads((released_home.home.root / "last_refresh.json").read_text("utf-8"))
    assert record["released"]
    assert record["failure"] is None
