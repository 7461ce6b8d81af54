"""Which periods a build makes again: those whose figures rest on something else now, all of them and no other."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from iapt.affected_periods import (
    CATALOGUE_PATTERNS,
    CODE_PATTERNS,
    MODEL_PATTERNS,
    SEEDS,
    compute_foundation,
    find_affected_periods,
    list_period_inputs,
)
from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.corrections import CorrectedCells, Correction, ExpectedMistake
from iapt.catalogue.disclosure_policy import load_policy
from iapt.catalogue.gaps import Gap
from iapt.ingest.archive import ArchivedDrop
from iapt.ingest.observation_store import DropSummary, TableSummary
from iapt.input_fingerprint import digest_files
from iapt.period_inputs import AffectedPeriod
from iapt.workspace import CATALOGUE, PROJECT_ROOT, Workspace
from iapt.workspace_state import BuildInputs, BuiltPeriods, RefreshPlan, begin_build, finish_build

MONTHS = ("2026-01", "2026-02", "2026-03", "2026-04")
QUARTERS = ("2025-26 Q1", "2025-26 Q2", "2025-26 Q3")
PRECEDENCE = Catalogue(CATALOGUE).precedence


@dataclass(frozen=True)
class Drop:
    """A drop of a world: what it publishes, how it was read, and what decides which of several is believed."""

    name: str
    series: str = "monthly"
    periods: tuple[str, ...] = ("2026-01",)
    reading: str = "read once"
    status: str = "provisional"
    revision: int = 1
    sequence: int = 1
    cells: int = 100

    def to_archived(self) -> tuple[ArchivedDrop, DropSummary]:
        archived = ArchivedDrop(
            sha256=self.name,
            file=f"{self.name}.csv",
            bytes=1,
            origin="published",
            made="",
            source="",
            licence="",
            status=self.status,
            revision=self.revision,
            sequence=self.sequence,
            batch=1,
            source_path="",
            archived_at="2026-06-01T00:00:00+00:00",
            publication="a listed one, so that the list says its status and revision",
        )
        table = TableSummary(
            layout="layout",
            series=self.series,
            period_grain="quarter" if "Q" in self.periods[0] else "month",
            members=[],
            periods=list(self.periods),
            coverage=[],
            rows=1,
            cells=self.cells,
            observations={},
            quarantined={},
            duplicate_rows=0,
        )
        # The same bytes are of another series only under other layouts.
        return archived, DropSummary(self.name, archived.file, f"{self.reading} as {self.series}", [table])


def make_correction(number: int, periods: tuple[str, ...], value: str = "5", reason: str = "a slip") -> Correction:
    return Correction(
        id=f"correction-{number}",
        series="monthly",
        periods=list(periods),
        where=CorrectedCells(org_level="england"),
        reason=reason,
        source="the publisher's page",
        action="withhold",
        expect=ExpectedMistake(value_as_published=value),
    )


def make_gap(period: str, kind: str = "quarterly") -> Gap:
    series = cast("Any", kind)
    return Gap(series=series, period=period, kind="not_published", reason="none", known="all", source="a page")


@dataclass(frozen=True)
class World:
    """All that the figures rest on."""

    drops: Mapping[str, Drop] = field(default_factory=dict)
    corrections: tuple[Correction, ...] = ()
    gaps: tuple[Gap, ...] = ()
    foundation: str = "the first models"

    def to_built(self) -> BuiltPeriods:
        """Return what is written down of it, by the code that is tested."""
        catalogue = cast(
            "Catalogue", SimpleNamespace(precedence=PRECEDENCE, corrections=self.corrections, gaps=self.gaps)
        )
        drops = [drop.to_archived() for drop in self.drops.values()]
        return BuiltPeriods(foundation={"the models": self.foundation}, periods=list_period_inputs(drops, catalogue))

    def describe(self, period: str) -> object:
        """Return what the figures of a period rest on, worked out in another way: by name, with nothing digested."""
        neighbours = {period: list_neighbours(period)} if period in {gap.period for gap in self.gaps} else {}
        return (
            self._describe_figures(period),
            [(gap.period, gap.series) for gap in self.gaps if gap.period == period],
            [self._describe_figures(beside) for beside in neighbours.get(period, [])],
        )

    def _describe_figures(self, period: str) -> object:
        corrections = [
            (
                correction.model_dump(exclude={"reason", "source"}),
                [
                    self._list_drops(other, correction.series)
                    for other in sorted(correction.periods)
                    if len(correction.periods) > 1
                ],
            )
            for correction in self.corrections
            if period in correction.periods
        ]
        return self._list_drops(period), corrections

    def _list_drops(self, period: str, series: str = "") -> list[Drop]:
        found = [drop for drop in self.drops.values() if period in drop.periods and series in ("", drop.series)]
        return sorted((replace(drop, periods=(), cells=0) for drop in found), key=lambda drop: drop.name)

    def list_periods(self) -> set[str]:
        return {period for drop in self.drops.values() for period in drop.periods} | {gap.period for gap in self.gaps}


def list_neighbours(period: str) -> list[str]:
    periods = QUARTERS if "Q" in period else MONTHS
    place = periods.index(period)
    return [periods[other] for other in (place - 1, place + 1) if 0 <= other < len(periods)]


def find(now: World, built: BuiltPeriods, *, rebuild: bool = False) -> list[AffectedPeriod]:
    planned = now.to_built()
    return find_affected_periods(
        planned.periods,
        planned.foundation,
        built.periods,
        built.foundation,
        unfinished=built.unfinished,
        rebuild="a full rebuild was asked for" if rebuild else "",
    )


def find_labels(now: World, before: World) -> list[str]:
    return [period.label for period in find(now, before.to_built())]


def find_why(now: World, before: World, label: str) -> tuple[str, ...]:
    return next(period.why for period in find(now, before.to_built()) if period.label == label)


drops = st.builds(
    Drop,
    name=st.sampled_from(["a", "b", "c", "d"]),
    series=st.sampled_from(["monthly", "timeseries"]),
    periods=st.sampled_from([*((month,) for month in MONTHS), MONTHS[:3], MONTHS[1:], *((q,) for q in QUARTERS)]),
    reading=st.sampled_from(["read once", "read anew"]),
    status=st.sampled_from(["provisional", "definitive"]),
    revision=st.integers(1, 2),
    sequence=st.integers(1, 3),
)
corrections = st.lists(
    st.builds(
        make_correction,
        st.integers(1, 2),
        st.sampled_from([MONTHS[:1], MONTHS[:2], MONTHS[2:]]),
        st.sampled_from(["5", "10"]),
        st.sampled_from(["a slip", "another slip"]),
    ),
    max_size=2,
    unique_by=lambda correction: correction.id,
).map(tuple)
gaps = st.lists(
    st.sampled_from([make_gap(QUARTERS[1]), make_gap(MONTHS[1], "monthly"), make_gap(MONTHS[3], "monthly")]),
    max_size=2,
    unique_by=lambda gap: gap.period,
).map(tuple)
#: Adding and withdrawing drops, reading them again and ranking them anew, and any change of what is reviewed.
worlds = st.builds(
    World,
    drops=st.lists(drops, max_size=4).map(lambda made: {drop.name: drop for drop in made}),
    corrections=corrections,
    gaps=gaps,
    foundation=st.sampled_from(["the first models"] * 4 + ["the second models"]),
)


@given(st.lists(st.tuples(worlds, st.sampled_from(["finished", "killed"])), min_size=1, max_size=5))
def test_after_any_changes_a_period_is_affected_if_it_rests_on_something_else_or_was_not_finished(
    steps: list[tuple[World, str]],
) -> None:
    built, last = BuiltPeriods(), None  # what is written down, and the world of the last finished build
    begun: set[str] = set()  # since then, by builds that were killed
    was_full_begun = False
    for world, end in steps:
        affected = find(world, built)
        everything = world.list_periods() | (last.list_periods() if last else set()) | begun
        is_full = last is None or was_full_begun or world.foundation != last.foundation
        expected = {
            period
            for period in everything
            if is_full or period in begun or (last is not None and world.describe(period) != last.describe(period))
        }
        assert {period.label for period in affected} == expected
        assert all(period.why for period in affected)
        if end == "finished":
            built, last, begun, was_full_begun = world.to_built(), world, set(), False
        else:
            built = built.begin(affected, is_full=world.to_built().foundation != built.foundation)
            begun |= expected
            was_full_begun = was_full_begun or is_full


@given(worlds)
def test_nothing_is_affected_where_nothing_has_changed_in_whatever_order_the_drops_come(world: World) -> None:
    turned = replace(world, drops=dict(reversed(list(world.drops.items()))))
    assert not find(turned, world.to_built())


@given(worlds, worlds)
def test_a_rebuild_affects_every_period_of_both(now: World, before: World) -> None:
    affected = find(now, before.to_built(), rebuild=True)
    assert {period.label for period in affected} == now.list_periods() | before.list_periods()
    assert all("a full rebuild was asked for" in period.why for period in affected)


def test_a_warehouse_may_be_of_the_finished_build_or_of_one_begun_since(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    for build in ("the first", "the second", "the third"):
        inputs = BuildInputs(drops=())
        begin_build(workspace, RefreshPlan(action="build", inputs=inputs, is_full=False, build=build))
        if build == "the first":
            finish_build(workspace)
    assert BuiltPeriods.load(workspace.built_periods).builds == ("the first", "the second", "the third")
    finish_build(workspace)
    assert BuiltPeriods.load(workspace.built_periods).builds == ("the third",)


def test_each_change_is_told_with_the_files_and_entries_it_is_about() -> None:
    drop = Drop("april", periods=("2026-04",))
    before = World({"april": drop})
    assert find_why(before, World(), "2026-04") == ("added: april.csv",)
    assert find_why(World(), before, "2026-04") == ("withdrawn: april.csv",)
    assert find_why(World({"april": replace(drop, reading="anew")}), before, "2026-04") == (
        "read again or ranked anew: april.csv",
    )
    assert find_why(World({"april": replace(drop, revision=2)}), before, "2026-04") == (
        "read again or ranked anew: april.csv",
    )
    many = World({**before.drops, **{name: Drop(name, periods=("2026-04",)) for name in "abcde"}})
    assert find_why(many, before, "2026-04") == ("added: a.csv; b.csv; c.csv; and 2 more",)
    corrected = replace(before, corrections=(make_correction(1, ("2026-04",)),))
    assert find_why(corrected, before, "2026-04") == ("the correction correction-1 changed",)
    assert find_why(replace(before, foundation="others"), before, "2026-04") == ("the models changed",)
    assert [period.why for period in find(before, BuiltPeriods())] == [("nothing was built before",)]


def test_a_gap_is_affected_with_the_periods_beside_it_and_they_are_not_with_it() -> None:
    before = World({"q1": Drop("q1", "quarterly", QUARTERS[:1])}, gaps=(make_gap(QUARTERS[1]),))
    with_q3 = replace(before, drops={**before.drops, "q3": Drop("q3", "quarterly", QUARTERS[2:])})
    assert find_labels(with_q3, before) == [QUARTERS[1], QUARTERS[2]]
    assert find_why(with_q3, before, QUARTERS[1]) == ("the drops of 2025-26 Q3 changed",)
    assert find_labels(replace(before, gaps=()), before) == [QUARTERS[1]]


def test_a_correction_of_several_periods_stands_or_falls_in_all_of_them() -> None:
    """Its guard is asked of every cell that it is about: one that is mended withdraws it everywhere."""
    before = World({"jan": Drop("jan")}, corrections=(make_correction(1, ("2026-01", "2026-02")),))
    with_february = replace(before, drops={**before.drops, "feb": Drop("feb", periods=("2026-02",))})
    assert find_labels(with_february, before) == ["2026-01", "2026-02"]
    assert find_why(with_february, before, "2026-01") == ("the drops of the other periods of correction-1 changed",)
    of_another_series = Drop("feb", "timeseries", ("2026-02",))
    assert find_labels(replace(before, drops={**before.drops, "feb": of_another_series}), before) == ["2026-02"]


def test_the_words_of_a_reviewed_entry_affect_no_period() -> None:
    before = World({"jan": Drop("jan")}, corrections=(make_correction(1, ("2026-01",)),))
    assert not find_labels(replace(before, corrections=(make_correction(1, ("2026-01",), reason="other"),)), before)


def test_a_period_that_only_a_killed_build_began_with_is_made_again_without_its_drop() -> None:
    before = World({"jan": Drop("jan")})
    built = before.to_built()
    with_may = replace(before, drops={**before.drops, "may": Drop("may", periods=("2026-05",))})
    killed = built.begin(find(with_may, built), is_full=False)
    (left,) = find(before, killed)
    assert (left.grain, left.start, left.label, left.cells) == ("month", "2026-05-01", "2026-05", 0)
    assert left.why == ("a build of it was not finished",)


def test_after_a_killed_full_build_all_is_made_again_though_the_models_are_as_before() -> None:
    before = World({"jan": Drop("jan")})
    changed = replace(before, foundation="others")
    killed = before.to_built().begin(find(changed, before.to_built()), is_full=True)
    assert before.to_built().foundation != killed.foundation
    assert find(before, killed)[0].why[0] == "a build of every period was not finished"


def test_cells_of_a_drop_are_shared_among_its_periods() -> None:
    world = World({"a": Drop("a", periods=MONTHS, cells=400), "b": Drop("b", cells=50)})
    assert {key: period.cells for key, period in world.to_built().periods.items()} == {
        "month 2026-01": 150,
        "month 2026-02": 100,
        "month 2026-03": 100,
        "month 2026-04": 100,
    }


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what of the project the foundation rests on."""
    root = tmp_path_factory.mktemp("project")
    for name in ("catalogue", "dbt_project", "iapt"):
        shutil.copytree(PROJECT_ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "target"))
    return root


def find_changed(root: Path, path: str, content: bytes) -> list[str]:
    """Return what of the foundation another content of a file changes."""
    policy, before = load_policy(), (root / path).read_bytes()
    foundation = compute_foundation(root, policy)
    (root / path).write_bytes(content)
    try:
        changed = compute_foundation(root, policy)
    finally:
        (root / path).write_bytes(before)
    return [name for name in foundation if foundation[name] != changed[name]]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("dbt_project/models/marts/fct_monthly.sql", "the models"),
        ("dbt_project/macros/facts.sql", "the models"),
        ("dbt_project/dbt_project.yml", "the models"),
        ("iapt/ingest/landing.py", "the code that loads drops"),
        ("catalogue/precedence.yml", "the rules of precedence"),
    ],
)
def test_what_every_period_rests_on_is_named(project: Path, path: str, name: str) -> None:
    assert find_changed(project, path, (project / path).read_bytes() + b"\n# more\n") == [name]


def test_a_row_of_a_seed_affects_every_period_and_its_order_none(project: Path) -> None:
    path = f"{SEEDS}/measures.csv"
    header, *rows = (project / path).read_text("utf-8").splitlines(keepends=True)
    assert find_changed(project, path, "".join([header, *rows[1:]]).encode()) == ["the seed measures"]
    assert find_changed(project, path, "".join([header, *reversed(rows)]).encode()) == []


@pytest.mark.parametrize("labels", [["label", "source"], "all"])
def test_a_label_of_a_seed_affects_no_period(tmp_path: Path, project: Path, labels: object) -> None:
    root = Path(shutil.copytree(project, tmp_path / "project"))
    (root / SEEDS / "_seeds_made.yml").write_text(
        yaml.safe_dump({"seeds": [{"name": "made", "config": {"meta": {"label_columns": labels}}}]}), "utf-8"
    )

    def write(**row: str) -> dict[str, str]:
        with (root / SEEDS / "made.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(row))
            writer.writeheader()
            writer.writerow(row)
        return compute_foundation(root, load_policy())

    before = write(measure="a", label="A", source="page 1")
    assert write(measure="a", label="B", source="page 2") == before
    assert (write(measure="b", label="A", source="page 1") == before) == (labels == "all")


def test_every_label_column_is_one_of_its_seed_and_no_key(project: Path) -> None:
    """A misspelt one would be none, without a word."""
    for path in sorted((project / SEEDS).glob("_seeds_*.yml")):
        for seed in yaml.safe_load(path.read_text("utf-8"))["seeds"]:
            labels = seed["config"]["meta"]["label_columns"]
            columns = list(seed["config"]["column_types"])
            assert labels == "all" or set(labels) < set(columns[1:]), seed["name"]


def test_another_policy_or_secret_affects_every_period() -> None:
    policy = load_policy()
    before = compute_foundation(PROJECT_ROOT, policy, salt="a")
    stricter = policy.model_copy(update={"suppress_counts_below": policy.suppress_counts_below + 5})
    after = compute_foundation(PROJECT_ROOT, stricter, salt="b")
    assert {name for name in before if before[name] != after[name]} == {"the disclosure policy", "the names of drops"}


def test_every_pattern_names_a_file_and_every_seed_is_declared() -> None:
    for pattern in (*MODEL_PATTERNS, *CODE_PATTERNS, *CATALOGUE_PATTERNS):
        assert digest_files(PROJECT_ROOT, [pattern])
    foundation = compute_foundation(PROJECT_ROOT, load_policy())
    seeds = {f"the seed {path.stem}" for path in (PROJECT_ROOT / SEEDS).glob("*.csv")}
    declared = {
        f"the seed {seed['name']}"
        for path in (PROJECT_ROOT / SEEDS).glob("_seeds_*.yml")
        for seed in yaml.safe_load(path.read_text("utf-8"))["seeds"]
    }
    assert seeds == declared
    assert {name for name in foundation if name.startswith("the seed ")} <= seeds
