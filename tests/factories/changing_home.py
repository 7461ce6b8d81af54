"""A home whose drops, seeds and policy change step by step, and a home built anew from the same drops."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import random
import shutil
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml

from iapt.files import read_json, write_json_atomically
from iapt.workspace import Workspace
from iapt.workspace_state import RefreshPlan
from tests.factories.project_copies import copy_project, edit_csv_cell
from tests.factories.refresh_processes import RefreshProcesses, start_worker
from tests.factories.small_drops import EditableDrop, make_small_drop, make_small_drops

#: A cell of a seed on which figures rest: column, row and other text.
FIGURES: Final = ("standards", "threshold", 1)
#: What random steps are drawn from, beside the publications that are there at first.
FIRST: Final = (
    *(("monthly", period) for period in ("2025-06", "2025-07", "2025-08")),
    *(("quarterly", "2020-21 Q1"), ("annual", "2023-24")),
)
LATER: Final = (
    *(("monthly", period) for period in ("2025-09", "2025-10")),
    *(("quarterly", "2020-21 Q3"), ("quarterly", "2025-26 Q1"), ("annual", "2019-20"), ("timeseries", "2025-09")),
)
_COMMISSIONER, _PROVIDER, _MEASURE, _VALUE = 3, 5, 7, 9  # columns of the monthly file
_SUMMED_MEASURE = "M001"


@dataclass
class ChangingHome:
    """A folder of drops, a copy of the project and a home that is refreshed after each change.

    `issues` are the issues of each publication that are offered, in the order in which they came; `withdrawn` are the
    digests and names of those that the publisher took back.
    """

    folder: Path
    checkout: Path
    processes: RefreshProcesses
    profile: str = "publisher"
    issues: dict[tuple[str, str], list[EditableDrop]] = field(default_factory=dict)
    withdrawn: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the folder of drops, whose figures are invented."""
        self.home = Workspace(self.folder / "home")
        self.drops = self.folder / "drops"
        self.drops.mkdir(parents=True)
        (self.drops / "provenance.json").write_text(json.dumps({"data_origin": "synthetic", "files": {}}), "utf-8")

    # -- changes -------------------------------------------------------------------------------------------------------

    def add(self, series: str, period: str) -> None:
        """Offer a publication that is not there; where it was withdrawn before, the publisher no longer says so."""
        drop = make_small_drops()["timeseries"] if series == "timeseries" else make_small_drop(series, period)
        self._offer((series, period), drop.copy())

    def revise(self, period: str, edit: Callable[[EditableDrop], None]) -> None:
        """Offer another issue of a month: the newest one after an edit. Of such names the order of arrival decides."""
        key = ("monthly", period)
        newest = self.issues[key][-1].copy()
        edit(newest)
        stem, dot, suffix = self.issues[key][0].file.rpartition(".")
        newest.file = f"{stem}_refresh_{len(self.issues[key]) + 1}{dot}{suffix}"
        self._offer(key, newest)

    def withdraw(self, series: str, period: str) -> None:
        """Take the newest issue of a publication out of the folder and list it as withdrawn by the publisher."""
        drop = self.issues[series, period].pop()
        if not self.issues[series, period]:
            del self.issues[series, period]
        (self.drops / drop.file).unlink()
        self.withdrawn[hashlib.sha256(drop.encode()).hexdigest()] = drop.file
        self._list_withdrawn()

    def rank_again(self, period: str) -> None:
        """Let the archive say that the two newest issues of a month arrived the other way round."""
        records = [self._find_record(drop) for drop in self.issues["monthly", period][-2:]]
        first, second = (read_json(path) for path in records)
        first["sequence"], second["sequence"] = second["sequence"], first["sequence"]
        for path, record in zip(records, (first, second), strict=True):
            write_json_atomically(path, record)

    def reword_labels(self) -> None:
        """Change every text of the seeds on which no figure rests, as their YAML says."""
        folder = self.checkout / "dbt_project" / "seeds"
        for path in sorted(folder.glob("_seeds_*.yml")):
            for seed in yaml.safe_load(path.read_text("utf-8"))["seeds"]:
                labels = seed["config"]["meta"]["label_columns"]
                if labels != "all":
                    _reword(folder / f"{seed['name']}.csv", labels)

    def change_standard(self) -> None:
        """Change a number of a seed on which figures rest."""
        seed, column, row = FIGURES
        before = self._edit_seed(seed, row, column, "40")
        if before == "40":
            self._edit_seed(seed, row, column, "75")

    def change_profile(self) -> None:
        """Use the other profile of the disclosure policy from now on."""
        self.profile = "hardened" if self.profile == "publisher" else "publisher"

    def change_at_random(self, chance: random.Random) -> str:
        """Make one change that is possible now, and say which."""
        months = sorted(period for series, period in self.issues if series == "monthly")
        several = [period for period in months if len(self.issues["monthly", period]) > 1]
        absent = [key for key in (*FIRST, *LATER) if key not in self.issues]
        changes: list[tuple[str, Callable[[], None]]] = [
            *((f"add {' '.join(key)}", lambda key=key: self.add(*key)) for key in absent),
            *((f"withdraw {' '.join(key)}", lambda key=key: self.withdraw(*key)) for key in self.issues),
            *((f"rank {period} again", lambda period=period: self.rank_again(period)) for period in several),
            ("reword the labels", self.reword_labels),
            ("change a standard", self.change_standard),
            ("change the profile", self.change_profile),
        ]
        for edit in EDITS:
            changes += [(f"{edit.__name__} of {at}", lambda at=at, edit=edit: self.revise(at, edit)) for at in months]
        kinds = sorted({name.split()[0] for name, _ in changes})
        if len(self.issues) < 3:
            kinds.remove("withdraw")
        kind = chance.choice(kinds)
        name, change = chance.choice([one for one in changes if one[0].split()[0] == kind])
        change()
        return name

    def _offer(self, key: tuple[str, str], drop: EditableDrop) -> None:
        content = drop.encode()
        (self.drops / drop.file).write_bytes(content)
        self.issues.setdefault(key, []).append(drop)
        if self.withdrawn.pop(hashlib.sha256(content).hexdigest(), None):
            self._list_withdrawn()

    def _list_withdrawn(self) -> None:
        rows = [
            {"sha256": sha256, "file": file, "reason": "invented", "source": "invented"}
            for sha256, file in self.withdrawn.items()
        ]
        (self.checkout / "catalogue" / "withdrawn.yml").write_text(yaml.safe_dump(rows), "utf-8")

    def _find_record(self, drop: EditableDrop) -> Path:
        return next(path for path in self.home.drops.glob("*/provenance.json") if read_json(path)["file"] == drop.file)

    def _edit_seed(self, seed: str, row: int, column: str, text: str) -> str:
        return edit_csv_cell(self.checkout / "dbt_project" / "seeds" / f"{seed}.csv", row, column, text)

    # -- refreshes -----------------------------------------------------------------------------------------------------

    def refresh(self) -> RefreshPlan:
        """Refresh the home with what changed; return what the refresh planned."""
        status, said = self.processes.refresh(self.home, self.drops, profile=self.profile)
        assert status == 0, (status, said)
        return RefreshPlan.load(self.home.refresh_plan)

    def build_anew(self) -> Workspace:
        """Build another home from the same archived drops, from nothing, until its tables are staged."""
        home = Workspace(self.folder / "anew")
        shutil.rmtree(home.root, ignore_errors=True)
        self.processes.build_until_staged(self.home.drops, home, self.drops, profile=self.profile)
        return home


@contextlib.contextmanager
def start_changing_home(folder: Path) -> Generator[ChangingHome]:
    """A home of the first publications, refreshed, with a copy of the project of its own."""
    checkout = copy_project(folder / "project")
    with start_worker(checkout, shares_dbt=True) as processes:
        home = ChangingHome(folder, checkout, processes)
        for series, period in FIRST:
            home.add(series, period)
        home.refresh()
        yield home


def _reword(seed: Path, columns: Sequence[str]) -> None:
    with seed.open(encoding="utf-8", newline="") as stream:
        header, *rows = csv.reader(stream)
    for number in map(header.index, columns):
        for row in rows:
            row[number] = row[number] and f"{row[number]}, reworded"
    with seed.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([header, *rows])


def change_values(drop: EditableDrop) -> None:
    """Another number of referrals of each provider."""
    for row in drop.tables[0].rows:
        if row[2] == "Provider" and row[_MEASURE] == _SUMMED_MEASURE and str(row[_VALUE]).isdigit():
            row[_VALUE] = str(int(str(row[_VALUE])) + 5)


def lose_an_organisation(drop: EditableDrop) -> None:
    """No rows of one provider any more."""
    code = _choose_provider(drop)
    drop.tables[0].rows = [row for row in drop.tables[0].rows if row[2] != "Provider" or row[_PROVIDER] != code]


def rename_an_organisation(drop: EditableDrop) -> None:
    """Another name of one sub-ICB location."""
    rows = [row for row in drop.tables[0].rows if row[2] == "SubICB"]
    code = max(str(row[_COMMISSIONER]) for row in rows)
    for row in rows:
        if row[_COMMISSIONER] == code:
            row[_COMMISSIONER + 1] = f"{row[_COMMISSIONER + 1]} and Friends"


def _choose_provider(drop: EditableDrop) -> str:
    return max(str(row[_PROVIDER]) for row in drop.tables[0].rows if row[2] == "Provider")


EDITS: Final[tuple[Callable[[EditableDrop], None], ...]] = (change_values, lose_an_organisation, rename_an_organisation)
