"""The audit's bounds against exact ones: never tighter, equal where the audit says it is exact, and close elsewhere."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Literal

import pytest

from iapt.catalogue.relations import LevelSum, Relations
from iapt.contract import Grain
from iapt.disclosure.model import PUBLISHERS_ROUNDING, Rounding
from iapt.disclosure.propagation import propagate
from tests.factories.audit_sources import (
    ENDED,
    ENDED_BEFORE,
    ENDED_ONCE,
    FINISHED,
    IMPROVEMENT,
    NOT_AT_CASENESS,
    ONE_GROUP,
    RECOVERY,
    WITHIN_6_WEEKS,
    Bounds,
    Cell,
    Counts,
    Figure,
    Population,
    Shape,
    audit_figures,
    compute_bounds,
    make_counts,
    make_database,
    publish,
    read_bounds,
)
from tests.oracles.exact_bounds import bounds_by_solver, bounds_by_trial, build_facts

#: Few enough pairs of base and part in every constraint group for the audit to try them all.
SMALL_ROUNDINGS = [PUBLISHERS_ROUNDING, Rounding(3, 3), Rounding(7, 6)]
QUARTER = "2025-26 Q1"


def parted(bounds: Bounds, blocks: Sequence[Sequence[Figure]]) -> list[Bounds]:
    """The bounds of each block, of an audit of all of them side by side."""
    return [{figure.cell: bounds[figure.cell] for figure in block if figure.statistic == "count"} for block in blocks]


def wider(audited: Bounds, exact: Bounds) -> list[tuple[str, tuple[int, int], tuple[int, int]]]:
    """The cells whose bounds are not the exact ones; refuses those that are tighter at either end."""
    for cell, (least, most) in exact.items():
        assert audited[cell][0] <= least <= most <= audited[cell][1], (cell[1], audited[cell], (least, most))
    return [(cell[1], audited[cell], exact[cell]) for cell in exact if audited[cell] != exact[cell]]


def rows(measures: tuple[str, ...], rounding: Rounding, number: int) -> list[list[Figure]]:
    """Rows that have nothing to do with one another: the first provider of as many made sources."""
    blocks = []
    for seed in range(number):
        shape = Shape(icbs=1, sub_icbs=1, providers=1, ages=1, size=(4, 10, 25, 60)[seed % 4])
        counts = make_counts("month", seed, shape)
        provider = Population(QUARTER, "provider", f"RZ{seed}")
        blocks.append(
            publish(
                {
                    (provider, measure): count
                    for (population, measure), count in counts.items()
                    if population.org_level == "provider" and measure in measures
                },
                rounding,
            )
        )
    return blocks


@pytest.mark.parametrize(
    ("measures", "rounding"),
    [
        *((ONE_GROUP, rounding) for rounding in SMALL_ROUNDINGS),
        ((FINISHED, NOT_AT_CASENESS), PUBLISHERS_ROUNDING),  # the part is its own percentage's numerator
        ((FINISHED, WITHIN_6_WEEKS, IMPROVEMENT), PUBLISHERS_ROUNDING),  # nothing is taken from the base
        ((FINISHED, NOT_AT_CASENESS, RECOVERY), Rounding(1, 2)),  # a percentage may be of one person
    ],
)
def test_the_bounds_of_one_row_are_exact(measures: tuple[str, ...], rounding: Rounding) -> None:
    blocks = rows(measures, rounding, number=40)
    audited = parted(compute_bounds([figure for block in blocks for figure in block], "quarter", rounding), blocks)
    for block, bounds in zip(blocks, audited, strict=True):
        assert wider(bounds, bounds_by_trial(build_facts(block, "quarter", rounding))) == []


def test_a_row_whose_percentages_share_their_numerators_is_bounded_soundly() -> None:
    """One numerator over two denominators, and one percentage of two: numerators are then not independent.

    Such a row is not exact at once; it is tried again until nothing changes.
    """
    measures = (ENDED, ENDED_BEFORE, ENDED_ONCE, FINISHED)
    blocks = rows(measures, PUBLISHERS_ROUNDING, number=40)
    with make_database() as connection:
        audit_figures(connection, [figure for block in blocks for figure in block])
        audited = parted(read_bounds(connection), blocks)
        assert {tightened for _, tightened in propagate(connection, to_the_end=True).sweeps} == {0}
    gaps = [
        gap
        for block, bounds in zip(blocks, audited, strict=True)
        for gap in wider(bounds, bounds_by_trial(build_facts(block, "quarter", PUBLISHERS_ROUNDING)))
    ]
    assert len(gaps) < 0.1 * len(measures) * len(blocks), gaps


def sums(rounding: Rounding, number: int) -> tuple[list[list[Figure]], Counts]:
    """Sums of one measure that have nothing to do with one another: a sub-ICB and its providers."""
    chance = random.Random(7)
    blocks, everything = [], {}
    for place in range(number):
        parts = [chance.choice([0, 1, 2, 3, 4, 5, 8, 13]) for _ in range(chance.randint(2, 5))]
        counts: dict[Cell, int] = {
            (Population(QUARTER, "sub_icb_provider", f"{place}A", f"RZ{part}"), FINISHED): count
            for part, count in enumerate(parts)
        }
        counts[Population(QUARTER, "sub_icb", f"{place}A"), FINISHED] = sum(parts)
        everything |= counts
        blocks.append(publish(counts, rounding))
    return blocks, everything


@pytest.mark.parametrize(
    ("additive", "rounding"),
    [
        ("yes", PUBLISHERS_ROUNDING),
        ("yes", Rounding(8, 10)),
        ("upper_bound", PUBLISHERS_ROUNDING),
        ("upper_bound", Rounding(3, 3)),
    ],
)
def test_the_bounds_of_one_sum_are_exact(additive: Literal["yes", "upper_bound"], rounding: Rounding) -> None:
    level = LevelSum(
        parent="sub_icb", members="sub_icb_provider", by="org_code", grains=("quarter",), additive=additive, evidence=""
    )
    relations = Relations(levels=(level,), categories=(), inequalities=())
    blocks, _ = sums(rounding, number=40)
    figures = [figure for block in blocks for figure in block]
    audited = parted(compute_bounds(figures, "quarter", rounding, relations=relations), blocks)
    for block, bounds in zip(blocks, audited, strict=True):
        assert wider(bounds, bounds_by_trial(build_facts(block, "quarter", rounding, relations))) == []


def blocks_of(grain: Grain, shape: Shape, number: int, rounding: Rounding) -> list[list[Figure]]:
    """Made sources side by side, as periods."""
    return [publish(make_counts(grain, seed, shape, f"period {seed}"), rounding) for seed in range(number)]


TINY = Shape(icbs=1, sub_icbs=1, providers=1, ages=1, size=6, measures=(FINISHED, NOT_AT_CASENESS))


def test_rows_and_sums_of_a_tiny_table_are_bounded_soundly_and_mostly_exactly() -> None:
    """Eight cells of two rows, two categories of one provider and its whole: everything is tried."""
    rounding = Rounding(3, 3)
    blocks = [
        [
            figure
            for figure in block
            if figure.population.org_level == "provider" and figure.population.variable_type in ("Total", "Gender")
        ]
        for block in blocks_of("quarter", TINY, 40, rounding)
    ]
    audited = parted(compute_bounds([figure for block in blocks for figure in block], "quarter", rounding), blocks)
    gaps = []
    cells = 0
    for block, bounds in zip(blocks, audited, strict=True):
        exact = bounds_by_trial(build_facts(block, "quarter", rounding))
        assert len(exact) <= 8
        cells += len(exact)
        gaps.extend(wider(bounds, exact))
    assert len(gaps) < 0.05 * cells, gaps


#: About as many cells as an integer programme of a test should have, of every kind of constraint of a grain.
SOLVED: list[tuple[Grain, Shape, int]] = [
    ("month", Shape(icbs=2, sub_icbs=1, providers=2, ages=1, size=10, measures=ONE_GROUP), 3),
    ("quarter", Shape(icbs=2, sub_icbs=1, ages=1, size=6, measures=(FINISHED, NOT_AT_CASENESS)), 2),
    ("year", Shape(icbs=1, sub_icbs=1, providers=1, size=10, measures=(FINISHED, NOT_AT_CASENESS, RECOVERY)), 4),
]


@pytest.mark.parametrize(("grain", "shape", "number"), SOLVED, ids=[grain for grain, *_ in SOLVED])
def test_bounds_are_never_tighter_than_those_of_integer_programmes_and_mostly_equal(
    grain: Grain, shape: Shape, number: int
) -> None:
    blocks = blocks_of(grain, shape, number, PUBLISHERS_ROUNDING)
    audited = parted(compute_bounds([figure for block in blocks for figure in block], grain), blocks)
    hidden, gaps = 0, []
    for block, bounds in zip(blocks, audited, strict=True):
        facts = build_facts(block, grain, PUBLISHERS_ROUNDING)
        assert 20 < len(facts.bounds) <= 80
        wanted = [figure.cell for figure in block if figure.statistic == "count" and figure.value is None]
        hidden += len(wanted)
        gaps.extend(wider(bounds, bounds_by_solver(facts, wanted)))
    assert hidden >= 50
    assert len(gaps) <= 0.05 * hidden, f"{len(gaps)} of {hidden} hidden cells are wider than need be: {gaps}"


def test_the_two_oracles_agree() -> None:
    for block in rows(ONE_GROUP, PUBLISHERS_ROUNDING, number=6):
        facts = build_facts(block, "quarter", PUBLISHERS_ROUNDING)
        assert bounds_by_solver(facts, facts.bounds) == bounds_by_trial(facts)
