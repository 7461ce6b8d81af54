"""What holds for restricted drops together: months, quarters and years add up, so they never meet in one home."""

from __future__ import annotations

import pytest

from iapt.ingest.archive import ArchivedDrop
from iapt.ingest.observation_store import DropSummary, TableSummary
from iapt.ingest.restricted import reject_periods_that_add_up
from iapt.rejection import DropRejectedError
from tests.factories.drops import kept


def make_drop(file: str, *grains: str) -> tuple[ArchivedDrop, DropSummary]:
    """A drop whose tables have these grains, one each."""
    drop = kept(file, file.encode())
    tables = [
        TableSummary(
            layout=f"restricted_{grain}",
            series=grain,
            period_grain=grain,
            members=[file],
            periods=[],
            coverage=[],
            rows=1,
            cells=1,
            observations={},
            quarantined={},
            duplicate_rows=0,
        )
        for grain in grains
    ]
    return drop, DropSummary(sha256=drop.sha256, file=file, digest="", tables=tables)


@pytest.mark.parametrize(
    ("grain", "other", "why"),
    [
        ("month", "year", "a year less the shown months in it"),
        ("year", "month", "a year less the shown months in it"),
        ("month", "quarter", "a quarter less the shown months in it"),
        ("year", "quarter", "a year less the shown quarters in it"),
    ],
)
def test_two_grains_of_period_are_rejected_with_why_and_what_to_do(grain: str, other: str, why: str) -> None:
    with pytest.raises(DropRejectedError) as rejected:
        reject_periods_that_add_up(
            [make_drop("one.csv", grain), make_drop("two.csv", grain), make_drop("other.csv", other)]
        )
    rejection = rejected.value
    assert rejection.file == "other.csv"
    assert f"one.csv has {grain}s" in rejection.expected
    assert why in rejection.found
    assert f"Choose {grain}s or {other}s" in rejection.remedy
    assert "A home of its own" in rejection.remedy


def test_two_grains_in_one_container_are_rejected_too() -> None:
    with pytest.raises(DropRejectedError, match="counts of events add up"):
        reject_periods_that_add_up([make_drop("both.zip", "month", "year")])


@pytest.mark.parametrize("grain", ["month", "quarter", "year"])
def test_any_number_of_drops_of_one_grain_may_meet(grain: str) -> None:
    reject_periods_that_add_up(
        [make_drop("one.csv", grain), make_drop("two.csv", grain, grain), make_drop("notes.zip")]
    )
