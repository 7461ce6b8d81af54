"""One release built from demonstration drops, bad drops among them, for every test of the tier to look at."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
import xlsxwriter
from filelock import FileLock

from iapt.synthetic import write_demonstration_drops
from iapt.workspace import Workspace
from iapt.workspace_state import RefreshRecord
from orchestration.refresh import refresh

# A slice of the demonstration: every layout and container, the quarters on both sides of the gap, both geographies.
KEPT_PERIODS = {
    "monthly": {"2021-01", "2021-03", "2022-06", "2022-07", "2023-01", "2025-06"},
    "quarterly": {"2020-21-q1", "2020-21-q3", "2021-22-q2", "2025-26-q3"},
    "annual": {"2019-20", "2020-21", "2022-23", "2024-25"},
    "timeseries": {"2019-02_2020-02"},
}
#: Names a folder in which processes that run parts of the tier share what they build.
SHARED = "IAPT_TESTS_SHARE"
UNKNOWN_HEADER = "iapt_month_may_2022_activity_updated.csv"
TRUNCATED_ZIP = "psych-ther-ann-rep-csvs-2023-24.zip"
WRONG_SHEET = "iapt-month-Apr-21-final-data.xlsx"
BROKEN_ROW = "iapt_month_dec_22_activity_updated.csv"
EMPTY_FILE = "iapt_month_nov_22_activity_updated.csv"
BAD_DROPS = (UNKNOWN_HEADER, TRUNCATED_ZIP, WRONG_SHEET, BROKEN_ROW, EMPTY_FILE)


@dataclass(frozen=True)
class BuiltHome:
    """A home after its first refresh: the drops it was given, and what came of it."""

    home: Workspace
    drops: Path
    outcome: RefreshRecord


def write_bad_drops(folder: Path, good_monthly: Path) -> None:
    """Write one drop of each kind that must be refused, beside good ones."""
    folder.mkdir(parents=True)
    text = good_monthly.read_text("utf-8")
    (folder / UNKNOWN_HEADER).write_text(text.replace("MEASURE_VALUE_SUPPRESSED", "VALUE_ROUNDED", 1), "utf-8")
    whole = folder / "whole.zip"
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("psych-ther-ann-rep-csv-2023-24-main.csv", "OrgType,OrgCode\n" * 2000)
    (folder / TRUNCATED_ZIP).write_bytes(whole.read_bytes()[:-400])
    whole.unlink()
    workbook = xlsxwriter.Workbook(str(folder / WRONG_SHEET))
    workbook.add_worksheet("Contents").write_row(0, 0, ["Title", "Page"])
    workbook.add_worksheet("Definitions").write_row(0, 0, ["Term", "Meaning"])
    workbook.close()
    lines = text.splitlines()
    lines[7] = lines[7].rsplit(",", 2)[0]
    (folder / BROKEN_ROW).write_text("\n".join(lines) + "\n", "utf-8")
    (folder / EMPTY_FILE).write_bytes(b"")


def write_drops(folder: Path) -> None:
    """Write a slice of the demonstration drops with their provenance, and five drops that must be refused."""
    write_demonstration_drops(folder)
    for series, kept in KEPT_PERIODS.items():
        for period in (folder / series).iterdir():
            if period.name not in kept:
                shutil.rmtree(period)
    provenance = json.loads((folder / "provenance.json").read_text("utf-8"))
    provenance["files"] = {path: record for path, record in provenance["files"].items() if (folder / path).is_file()}
    (folder / "provenance.json").write_text(json.dumps(provenance), "utf-8")
    write_bad_drops(folder / "monthly" / "damaged", next((folder / "monthly" / "2022-06").glob("*.csv")))


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of drops, and of what their first refresh made of a home and said.

    Processes that run parts of the tier at the same time name a folder to share it in: the first of them builds.
    """
    named = os.environ.get(SHARED)
    folder = Path(named) if named else tmp_path_factory.mktemp("built")
    with FileLock(folder / "lock"):
        if not (folder / "outcome.json").is_file():
            write_drops(folder / "drops")
            outcome = refresh(Workspace(folder / "home"), folder / "drops")
            outcome.write(folder / "outcome.json")
    return folder


@pytest.fixture(scope="session")
def demonstration_drops(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drops: good ones, with their provenance, and five that must be refused."""
    return Path(shutil.copytree(built / "drops", tmp_path_factory.mktemp("demonstration") / "drops"))


@pytest.fixture(scope="session")
def released_home(built: Path, demonstration_drops: Path, tmp_path_factory: pytest.TempPathFactory) -> BuiltHome:
    """A home after one refresh, built once for the whole tier. Tests look; those that change anything copy it."""
    root = tmp_path_factory.mktemp("home") / "home"
    shutil.copytree(built / "home", root, symlinks=True)
    return BuiltHome(Workspace(root), demonstration_drops, RefreshRecord.load(built / "outcome.json"))


@pytest.fixture
def copied_home(released_home: BuiltHome, tmp_path: Path) -> Workspace:
    """A home of one's own to change: everything but the history of runs."""
    shutil.copytree(released_home.home.root, tmp_path / "home", symlinks=True, ignore=shutil.ignore_patterns("dagster"))
    return Workspace(tmp_path / "home")
