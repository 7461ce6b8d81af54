"""The audit of made sources never excludes the truth, whatever is published of it, and by whatever rounding."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Literal

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from iapt.contract import Grain
from iapt.disclosure.model import PUBLISHERS_ROUNDING, Rounding
from iapt.disclosure.percentage_constraints import find_complements
from tests.factories.audit_sources import (
    COUNTS,
    FINISHED,
    FORMULAS,
    Figure,
    Population,
    Shape,
    audit_figures,
    make_counts,
    make_database,
    publish,
    write_truth,
)

Gaps = Literal["nothing", "single figures", "a measure of an organisation", "a measure of a category"]

#: The sources of one example stand side by side, as periods: an audit of four costs little more than one.
SHAPES = (
    Shape(size=2, icbs=1, providers=3),
    Shape(size=8),
    Shape(size=30, sub_icbs=1, ages=3),
    Shape(size=5, icbs=3, providers=1),
)
ROUNDINGS = st.sampled_from([PUBLISHERS_ROUNDING, Rounding(8, 10), Rounding(3, 3)]) | st.builds(
    Rounding, st.integers(0, 12), st.integers(1, 12), st.booleans()
)


def without_some(figures: list[Figure], gaps: Gaps, chance: random.Random) -> list[Figure]:
    """What is left of a publication that leaves figures out; finished courses are always there."""
    if gaps == "single figures":
        return [figure for figure in figures if figure.measure == FINISHED or chance.random() > 0.05]
    if gaps == "nothing":
        return figures
    of_whom = slice(0, 4) if gaps == "a measure of an organisation" else slice(4, 7)
    rows = {(figure.population[of_whom], figure.measure): chance.random() for figure in figures}
    return [
        figure
        for figure in figures
        if figure.measure == FINISHED or rows[figure.population[of_whom], figure.measure] > 0.05
    ]


def wrong_complements(connection: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
    """Complements outside of the bounds that the audit gives them."""
    return connection.execute(
        """
        select complement.*, bases.count, parts.count, numerators.count
        from complement
        join formula using (percentage)
        join truth as numerators on complement.numerator = numerators.cell
        join truth as bases on complement.base = bases.cell
        left join truth as parts on parts.cell = hash(bases.population, formula.excluded)
        where bases.count - coalesce(parts.count, 0) - numerators.count
            not between complement.lower_bound and complement.upper_bound
        """
    ).fetchall()


def assert_the_truth_is_possible(connection: duckdb.DuckDBPyConnection, figures: list[Figure]) -> None:
    """Every count that was published or suppressed lies within its bounds, and nothing contradicts anything."""
    outside = (
        "select measure, is_suppressed, lower_bound, upper_bound, count from cell join truth using (cell, measure)"
    )
    assert connection.execute(f"{outside} where count not between lower_bound and upper_bound").fetchall() == []
    assert connection.execute("select count(*) from inconsistent_cell").fetchone() == (0,)
    assert connection.execute("select relation, measure from relation_evidence where contradicted > 0").fetchall() == []
    counts = sum(figure.statistic == "count" for figure in figures)
    assert connection.execute("select count(*) from cell semi join truth using (cell)").fetchone() == (counts,)


#: A grain, a rounding, a seed, and what is left out.
SOURCES = {
    "grain": st.sampled_from(["month", "quarter", "year"]),
    "rounding": ROUNDINGS,
    "seed": st.integers(0, 2**32 - 1),
    "gaps": st.sampled_from(["nothing", "single figures", "a measure of an organisation", "a measure of a category"]),
}


def assert_the_audit_of_made_sources_is_sound(grain: Grain, rounding: Rounding, seed: int, gaps: Gaps) -> None:
    """Make sources side by side, publish them, audit what is published, and hold the bounds against the truth."""
    counts = {}
    for place, shape in enumerate(SHAPES):
        counts |= make_counts(grain, seed + place, shape, f"period {place}")
    figures = without_some(publish(counts, rounding), gaps, random.Random(seed))
    with make_database() as connection:
        audit_figures(connection, figures, grain, rounding)
        write_truth(connection, counts)
        assert_the_truth_is_possible(connection, figures)
        find_complements(connection, max(4, rounding.threshold - 1))
        assert wrong_complements(connection) == []


@settings(max_examples=3)
@given(**SOURCES)
@example(grain="quarter", rounding=PUBLISHERS_ROUNDING, seed=1, gaps="a measure of an organisation")
@example(grain="year", rounding=Rounding(11, 10), seed=2, gaps="nothing")  # 11 is shown as 10
def test_the_truth_is_always_within_the_bounds(grain: Grain, rounding: Rounding, seed: int, gaps: Gaps) -> None:
    assert_the_audit_of_made_sources_is_sound(grain, rounding, seed, gaps)


def test_bounds_reveal_more_than_the_values_alone() -> None:
    """A made source has something to find: suppressed counts that rows and sums pin, and small complements."""
    figures = publish(make_counts("year", seed=3))
    assert {figure.measure for figure in figures} >= {*COUNTS, "percentage_recovery", "percentage_access_attrition"}
    assert {figure.measure for figure in figures} <= {*COUNTS, *FORMULAS}
    with make_database() as connection:
        propagation = audit_figures(connection, figures, "year")
        assert propagation.is_complete
        assert {kind for kind, tightened in propagation.sweeps if tightened} == {"percentage", "sum"}
        suppressed = "select count(*), count(*) filter (lower_bound = upper_bound) from cell where is_suppressed"
        audited, pinned = connection.execute(suppressed).fetchone() or (0, 0)
        assert audited > pinned > audited // 20 > 0
        find_complements(connection, 4)
        assert (connection.execute("select count(*) from complement").fetchone() or (0,))[0] > 0


@pytest.mark.parametrize(
    ("lacking", "relation"),
    [
        (lambda population: population.org_code == "Y1", "region within england"),
        (lambda population: population.variable_a == "age 1", "Age Group within Total"),
    ],
    ids=["region", "category"],
)
def test_a_sum_that_lacks_a_member_for_one_measure_alone_bounds_from_above_only(
    lacking: Callable[[Population], bool], relation: str
) -> None:
    """A region that publishes its courses and not its recoveries still has recoveries; so has an age group."""
    counts = make_counts("year", seed=5, shape=Shape(icbs=2, size=30))
    figures = publish(counts)
    kept = [
        figure
        for figure in figures
        if not (lacking(figure.population) and figure.measure in ("count_recovery", "percentage_recovery"))
    ]
    assert len(kept) < len(figures)
    with make_database() as connection:
        audit_figures(connection, kept, "year")
        write_truth(connection, counts)
        assert_the_truth_is_possible(connection, kept)
        whole = connection.execute(
            """
            select measure, bool_or(is_complete) from sum_total
            where relation = ? and measure in ('count_recovery', 'count_not_at_caseness')
            group by measure order by measure
            """,
            [relation],
        ).fetchall()
        assert whole == [("count_not_at_caseness", True), ("count_recovery", False)]
