"""How a refresh grows with history, and what one more month, nothing new and a changed label cost.

Drops of the publisher's real size, made here, and the real ones where they are given. Every figure is a ratio to
another of the same machine, with the memory of the largest process, those that the refresh started among them:

    .venv/bin/python -m benchmarks.refresh_growth SCRATCH --months 12 --months 44 --months 65 --real DROPS

It can be run in pieces, for SCRATCH keeps drops, homes and results: `--only scan --only cold --months 44`. A ratio of
two pieces holds where the machine did the same beside both. `--table` prints what was measured and measures nothing.

| piece | what is measured |
|---|---|
| scan | DuckDB's bare scan of the same CSV bytes into Parquet |
| cold | the refresh of a new home |
| add | the refresh that adds the newest month to a home with all others |
| repeat | the refresh after it, with nothing new |
| label | the refresh after the definition of a measure was reworded in the seed |
| real | of the real drops: the refresh of a new home, and the one that adds the newest month to all others |
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from dagster import DagsterInstance
from rich.console import Console
from rich.table import Table

from benchmarks.process_costs import Cost, measure_command
from benchmarks.refresh_against_scan import SCAN, unpack_csvs
from iapt.workspace import PROJECT_ROOT
from tests.factories.project_copies import copy_project, edit_csv_cell, make_environment

PIECES = ("scan", "cold", "add", "repeat", "label", "real")
#: The seed and the column whose text no figure rests on.
LABEL_SEED, LABEL_COLUMN = "dbt_project/seeds/measures.csv", "definition"
_LONGEST_MODELS = 8


class Growth:
    """The pieces, in a folder that keeps drops, homes and results."""

    def __init__(self, scratch: Path) -> None:
        """Take up what the folder holds."""
        self.scratch = scratch
        self._results_path = scratch / "results.json"
        self.results: dict[str, Any] = (
            json.loads(self._results_path.read_text("utf-8")) if self._results_path.is_file() else {}
        )
        self._checkout = scratch / "checkout"

    def copy_checkout(self) -> None:
        """Copy the project, so that a seed can be changed, and parse it as the set-up does."""
        shutil.rmtree(self._checkout, ignore_errors=True)
        copy_project(self._checkout)

    def measure(self, piece: str, months: int, drops: Path) -> None:
        """Measure one piece of a history of so many months. `drops` hold as many, or more."""
        getattr(self, f"_measure_{piece}")(months, self._choose_months(drops, months))

    def _measure_scan(self, months: int, drops: Path) -> None:
        unpacked, scanned = self.scratch / "unpacked", self.scratch / "scanned"
        for folder in (unpacked, scanned):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        command = [sys.executable, "-c", SCAN, str(scanned), *unpack_csvs(drops, unpacked)]
        measure_command("scan", command)  # reads the files into the memory of the machine
        self._record("scan", months, measure_command("scan", command))
        shutil.rmtree(unpacked)
        shutil.rmtree(scanned)

    def _measure_cold(self, months: int, drops: Path) -> None:
        home = self.scratch / f"cold-{months}"
        self._refresh_new_home("cold", months, drops, home)
        shutil.rmtree(home)

    def _measure_add(self, months: int, drops: Path) -> None:
        self._add("add", months, drops, self.scratch / f"home-{months}")

    def _measure_repeat(self, months: int, drops: Path) -> None:
        home = self._require_home(months)
        # The drops are links that were made anew, which a refresh sees by the time of change and looks into once.
        self._refresh("look at the links", drops, home)
        self._record("repeat", months, self._refresh("repeat", drops, home))

    def _measure_label(self, months: int, drops: Path) -> None:
        home = self._require_home(months)
        seed = self._checkout / LABEL_SEED
        text = edit_csv_cell(seed, 0, LABEL_COLUMN, f"Reworded for {months} months.")
        try:
            cost = self._refresh("label", drops, home)
        finally:
            edit_csv_cell(seed, 0, LABEL_COLUMN, text)
        self._record("label", months, cost, home)
        shutil.rmtree(home)  # built with another seed than the checkout has now

    def measure_real(self, drops: Path) -> None:
        """Measure the real drops: all at once, and the newest month on top of all others."""
        home = self.scratch / "cold-real"
        self._refresh_new_home("real", "cold", drops, home)
        shutil.rmtree(home)
        self._add("real", "add", self._link(drops, self.scratch / "drops-real"), self.scratch / "home-real")

    def _add(self, piece: str, key: int | str, drops: Path, home: Path) -> None:
        """Measure the refresh that adds the newest month of some drops to a home that has all others."""
        newest = max((drops / "monthly").iterdir())
        aside = self.scratch / "aside"
        shutil.rmtree(home, ignore_errors=True)
        shutil.rmtree(aside, ignore_errors=True)
        newest.rename(aside)
        try:
            self._refresh("all but one", drops, home)
        finally:
            aside.rename(newest)
        self._record(piece, key, self._refresh("add", drops, home), home)

    def _refresh_new_home(self, piece: str, key: int | str, drops: Path, home: Path) -> None:
        shutil.rmtree(home, ignore_errors=True)
        self._record(piece, key, self._refresh(piece, drops, home), home)

    def _require_home(self, months: int) -> Path:
        home = self.scratch / f"home-{months}"
        if not home.is_dir():
            raise RuntimeError(f"expected the home with {months} months at {home}; measure the piece `add` first")
        return home

    def _refresh(self, name: str, drops: Path, home: Path) -> Cost:
        arguments = ("refresh", "--drops", str(drops), "--home", str(home))
        command = [sys.executable, "-m", "orchestration.cli", *arguments]
        return measure_command(name, command, folder=self._checkout, environment=make_environment(self._checkout))

    def _choose_months(self, drops: Path, months: int) -> Path:
        """A folder of the newest months of the drops alone."""
        chosen = self._link(drops, self.scratch / f"drops-{months}")
        folders = sorted((chosen / "monthly").iterdir())
        if len(folders) < months:
            raise RuntimeError(f"{drops}: expected {months} months; found {len(folders)}")
        for folder in folders[:-months]:
            shutil.rmtree(folder)
        return chosen

    @staticmethod
    def _link(drops: Path, target: Path) -> Path:
        """The same files in another folder, without other bytes where the file system can."""
        shutil.rmtree(target, ignore_errors=True)
        try:
            return Path(shutil.copytree(drops, target, copy_function=os.link))
        except shutil.Error:  # another file system
            shutil.rmtree(target)
            return Path(shutil.copytree(drops, target))

    def _record(self, piece: str, key: int | str, cost: Cost, home: Path | None = None) -> None:
        found = {**asdict(cost), **({"steps": read_steps(home), "models": read_models(home)} if home else {})}
        self.results[f"{piece} {key}"] = found
        self._results_path.write_text(json.dumps(self.results, indent=2), "utf-8")
        print(f"{piece} {key}: {cost}", file=sys.stderr)  # noqa: T201


def read_steps(home: Path) -> dict[str, float]:
    """Seconds of each step of the last run of a home, from Dagster's event log; those before the first are `start`."""
    run_id = json.loads((home / "last_refresh.json").read_text("utf-8"))["run_id"]
    with DagsterInstance.from_config(str(home / "dagster")) as instance:
        record = instance.get_run_record_by_id(run_id)
        steps = instance.get_run_step_stats(run_id)
    timed = [step for step in steps if step.start_time is not None and step.end_time is not None]
    if record is None or not timed:
        return {}
    first = min(step.start_time or 0 for step in timed)
    started = {"start": first - (record.start_time or first)}
    return started | {step.step_key: (step.end_time or 0) - (step.start_time or 0) for step in timed}


def read_models(home: Path) -> dict[str, float]:
    """Seconds of the models and tests that took dbt longest in the last run of a home."""
    path = home / "dbt_target" / "run_results.json"
    paths = [path] if path.is_file() else sorted((home / "dbt_target").rglob("run_results.json"), key=os.path.getmtime)
    results = json.loads(paths[-1].read_text("utf-8"))["results"] if paths else []
    longest = sorted(results, key=lambda result: -result["execution_time"])[:_LONGEST_MODELS]
    return {".".join(result["unique_id"].split(".")[2:]): result["execution_time"] for result in longest}


# -- the tables --------------------------------------------------------------------------------------------------------


def list_ratios(results: Mapping[str, Any]) -> list[tuple[str, float, float, float | None]]:
    """What is shown: what is measured, its aim, what it must be at most, and what it was, None where it was not."""

    def seconds(key: str) -> float | None:
        return results[key]["wall_seconds"] if key in results else None

    def divide(key: str, other: str) -> float | None:
        over, under = seconds(key), seconds(other)
        return over / under if over is not None and under else None

    peaks = [result["peak_mb"] for key, result in results.items() if not key.startswith("scan")]
    months = sorted({int(key.split()[1]) for key in results if not key.startswith("real")})
    newest = max(months, default=65)
    return [
        ("cold, 44 months / bare scan of the same bytes", 6, 10, divide("cold 44", "scan 44")),
        ("peak memory of the largest process, every refresh, GB", 3, 4, max(peaks) / 1000 if peaks else None),
        ("add a month to 44 / add a month to 12", 1.2, 1.5, divide("add 44", "add 12")),
        ("add a month to 44 / cold refresh of 44", 0.08, 0.15, divide("add 44", "cold 44")),
        ("real drops: add one month / cold refresh of all", 0.25, 0.4, divide("real add", "real cold")),
        ("nothing new, 65 months, seconds", 3, 5, seconds("repeat 65")),
        *(
            (
                f"a label of a seed changed / cold, {number} months",
                0.2,
                0.4,
                divide(f"label {number}", f"cold {number}"),
            )
            for number in months
            if f"label {number}" in results or number == newest
        ),
    ]


def print_tables(results: Mapping[str, Any], console: Console) -> None:
    """Print what was aimed at, what every piece cost, and where the time of each refresh went."""
    shown = Table("", "aim", "must", "measured", "", title="Shown when done")
    for name, aim, must, measured in list_ratios(results):
        verdict = "" if measured is None else "aim" if measured <= aim else "must" if measured <= must else "MISSED"
        shown.add_row(name, f"{aim}", f"{must}", "" if measured is None else f"{measured:.2f}", verdict)
    console.print(shown)
    costs = Table("piece", "wall s", "CPU s", "peak MB", title="What each piece cost")
    for name, result in results.items():
        numbers = (f"{result['wall_seconds']:.1f}", f"{result['cpu_seconds']:.1f}", f"{result['peak_mb']:,.0f}")
        costs.add_row(name, *numbers)
    console.print(costs)
    timed = {name: result for name, result in results.items() if result.get("steps")}
    steps = list(dict.fromkeys(step for result in timed.values() for step in result["steps"]))
    table = Table("step, seconds", *timed, title="Where the time goes, by step")
    for step in steps:
        table.add_row(step, *(f"{result['steps'].get(step, 0):.1f}" for result in timed.values()))
    console.print(table)
    for name, result in timed.items():
        models = ", ".join(f"{model} {seconds:.1f}" for model, seconds in result["models"].items())
        console.print(f"[bold]dbt, {name}[/bold]: {models}", soft_wrap=True)


def main(
    scratch: Annotated[Path, typer.Argument(help="A folder that keeps drops, homes and results.")],
    months: Annotated[list[int], typer.Option(help="How many months; several times.")] = [12, 44, 65],  # noqa: B006
    only: Annotated[list[str], typer.Option(help=f"A piece: {', '.join(PIECES)}; several times.")] = list(PIECES),  # noqa: B006
    drops: Annotated[Path | None, typer.Option(help="Drops of the real size that are there already.")] = None,
    real: Annotated[Path | None, typer.Option(help="The real drops.")] = None,
    table: Annotated[bool, typer.Option("--table", help="Print what was measured; measure nothing.")] = False,
) -> None:
    """Measure the pieces that are asked for, and print all that was measured."""
    if unknown := set(only) - set(PIECES):
        raise typer.BadParameter(f"expected pieces of {', '.join(PIECES)}; found {', '.join(sorted(unknown))}")
    scratch = scratch.resolve()
    scratch.mkdir(parents=True, exist_ok=True)
    growth = Growth(scratch)
    if not table:
        growth.copy_checkout()
        drops = drops or _make_national_drops(scratch / "national", max(months))
        for number in months:
            for piece in [piece for piece in PIECES if piece in only and piece != "real"]:
                growth.measure(piece, number, drops)
        if real is not None and "real" in only:
            growth.measure_real(real)
    print_tables(growth.results, Console(width=160))


def _make_national_drops(folder: Path, months: int) -> Path:
    """The newest months at the publisher's size; those of an earlier run where they are enough."""
    if not (folder / "monthly").is_dir() or len(list((folder / "monthly").iterdir())) < months:
        shutil.rmtree(folder, ignore_errors=True)
        arguments: Sequence[str] = ("demo-drops", str(folder), "--national", "--months", str(months))
        subprocess.run([sys.executable, "-m", "orchestration.cli", *arguments], cwd=PROJECT_ROOT, check=True)
    return folder


if __name__ == "__main__":
    typer.run(main)
