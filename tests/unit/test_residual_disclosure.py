"""An extract that says no more than its source passes, and whatever more it says is found as a residual disclosure."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import duckdb
import pytest

from iapt.contract import Grain
from iapt.disclosure.residual_disclosure import ResidualDisclosure, find_residual_disclosures
from tests.factories.audit_sources import (
    FINISHED,
    FORMULAS,
    IMPROVEMENT,
    NOT_AT_CASENESS,
    RECOVERY,
    Bounds,
    Counts,
    Figure,
    Population,
    Shape,
    audit_figures,
    change_figures,
    compute_bounds,
    make_counts,
    make_database,
    make_extract,
    percentage_in_tenths,
    publish,
    rate_parts,
    read_bounds,
    whole_percentage,
    with_value,
    write_figures,
)

PERIOD = "2025-26 Q1"
IMPROVEMENT_RATE = "percentage_reliable_improvement"


def provider(number: int) -> Population:
    return Population(PERIOD, "provider", f"RZ{number}")


ROW = provider(1)
SUPPRESSED_ROW = provider(2)
ELSEWHERE = Population("2025-26 Q2", "provider", "RZ1")
#: Rows alone, in two periods: nothing adds up, so that it is plain what each figure tells.
COUNTS: Counts = {
    (ROW, FINISHED): 101,
    (ROW, NOT_AT_CASENESS): 12,
    (ROW, RECOVERY): 40,
    (ROW, IMPROVEMENT): 51,
    (SUPPRESSED_ROW, FINISHED): 21,
    (SUPPRESSED_ROW, NOT_AT_CASENESS): 2,
    (SUPPRESSED_ROW, IMPROVEMENT): 3,
    (ELSEWHERE, FINISHED): 61,
    (ELSEWHERE, NOT_AT_CASENESS): 3,
}
FIGURES = publish(COUNTS)
EXTRACT = make_extract(COUNTS, FIGURES)


@pytest.fixture(scope="module")
def source() -> Iterator[duckdb.DuckDBPyConnection]:
    with make_database() as connection:
        audit_figures(connection, FIGURES)
        yield connection


def find_disclosures(
    connection: duckdb.DuckDBPyConnection, extract: list[Figure], where: str = "true"
) -> dict[str, list[ResidualDisclosure]]:
    """The residual disclosures of an extract; the bounds of the source must be as they were."""
    write_figures(connection, "extract", extract)
    before = read_bounds(connection)
    found = find_residual_disclosures(connection, "extract", where)
    assert read_bounds(connection) == before
    return found


@pytest.mark.parametrize("grain", ["quarter", "year"])
def test_an_extract_by_the_declared_rule_has_no_residual_disclosure(grain: Grain) -> None:
    counts = make_counts(grain, seed=8) | make_counts(grain, seed=9, period="another")
    figures = publish(counts)
    with make_database() as connection:
        audit_figures(connection, figures, grain)
        assert find_disclosures(connection, make_extract(counts, figures)) == {}


def test_an_extract_that_suppresses_more_has_no_residual_disclosure(source: duckdb.DuckDBPyConnection) -> None:
    hidden = [
        replace(with_value(figure, None), lower_bound=None, upper_bound=None)
        for figure in EXTRACT
        if figure.measure != RECOVERY
    ]
    assert find_disclosures(source, hidden) == {}
    assert find_disclosures(source, []) == {}


Change = Callable[[Figure], Figure]


@dataclass(frozen=True)
class Planted:
    """A value of an extract that is not what it may be, and the residual disclosure it is."""

    figure: tuple[Population, str]
    change: Change
    measure: str
    kind: str = "count"


def showing(value: float) -> Change:
    """Shown, and without declared bounds."""
    return lambda figure: replace(with_value(figure, value), lower_bound=None, upper_bound=None)


def bounded(least: int, most: int) -> Change:
    return lambda figure: replace(figure, lower_bound=least, upper_bound=most)


PLANTED = {
    "the raw count": Planted((ROW, FINISHED), showing(101), FINISHED),
    "the raw count beside the bounds of the rounded one": Planted(
        (ROW, FINISHED), lambda figure: replace(figure, value=101), FINISHED
    ),
    "a count that the source suppresses": Planted((SUPPRESSED_ROW, IMPROVEMENT), showing(3), IMPROVEMENT),
    "a count that the source suppresses, rounded": Planted((SUPPRESSED_ROW, IMPROVEMENT), showing(5), IMPROVEMENT),
    "0 for a count that the source suppresses": Planted((SUPPRESSED_ROW, IMPROVEMENT), showing(0), IMPROVEMENT),
    "narrower bounds of a rounded count": Planted((ROW, FINISHED), bounded(100, 102), FINISHED),
    "narrower bounds of a suppressed count": Planted((SUPPRESSED_ROW, IMPROVEMENT), bounded(1, 4), IMPROVEMENT),
    "a percentage with a decimal": Planted((ROW, IMPROVEMENT_RATE), showing(50.5), IMPROVEMENT, "percentage"),
    "a percentage that the source suppresses": Planted(
        (SUPPRESSED_ROW, IMPROVEMENT_RATE), showing(14), IMPROVEMENT, "percentage"
    ),
    "a percentage that the source cannot have": Planted(
        (ROW, IMPROVEMENT_RATE), showing(70), IMPROVEMENT, "percentage"
    ),
}


@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED)
def test_a_value_that_says_more_than_the_source_is_a_residual_disclosure(
    source: duckdb.DuckDBPyConnection, planted: Planted
) -> None:
    extract = change_figures(EXTRACT, planted.change, where=lambda figure: figure.cell == planted.figure)
    found = find_disclosures(source, extract)
    assert found.keys() == {PERIOD}
    assert ResidualDisclosure(planted.measure, planted.kind, 1) in found[PERIOD]
    assert {disclosure.kind for disclosure in found[PERIOD]} == {planted.kind}


@pytest.mark.parametrize(
    "unknown",
    [
        Figure(provider(9), FINISHED, 20, lower_bound=18, upper_bound=22),
        Figure(SUPPRESSED_ROW, RECOVERY, 5),
        Figure(SUPPRESSED_ROW, RECOVERY, None, "suppressed", lower_bound=0, upper_bound=4),
    ],
    ids=["of no organisation the source has", "of no measure the source has there", "suppressed, with bounds"],
)
def test_a_count_that_the_source_does_not_have_is_a_residual_disclosure(
    source: duckdb.DuckDBPyConnection, unknown: Figure
) -> None:
    assert find_disclosures(source, [*EXTRACT, unknown]) == {
        PERIOD: [ResidualDisclosure(unknown.measure, "unknown to the source", 1)]
    }


def test_residual_disclosures_are_counted_by_period(source: duckdb.DuckDBPyConnection) -> None:
    raw = [showing(COUNTS[figure.cell])(figure) if figure.measure == FINISHED else figure for figure in EXTRACT]
    found = find_disclosures(source, raw)
    assert found == {
        PERIOD: [ResidualDisclosure(FINISHED, "count", 2)],
        ELSEWHERE.period: [ResidualDisclosure(FINISHED, "count", 1)],
    }
    assert find_disclosures(source, raw, f"period = '{ELSEWHERE.period}'") == {
        ELSEWHERE.period: found[ELSEWHERE.period]
    }


def test_a_raw_count_that_the_source_reveals_itself_is_no_residual_disclosure() -> None:
    """33 finished, 4 not at caseness and 27 recovered: the published row has no other explanation."""
    counts: Counts = {(ROW, FINISHED): 33, (ROW, NOT_AT_CASENESS): 4, (ROW, RECOVERY): 27}
    figures = publish(counts)
    with make_database() as connection:
        audit_figures(connection, figures)
        assert read_bounds(connection) == {cell: (count, count) for cell, count in counts.items()}
        assert (
            find_disclosures(connection, [showing(counts.get(f.cell, f.value or 0))(f) for f in figures if f.value])
            == {}
        )


# -- a residual disclosure is exactly what narrows the bounds of source and extract together ---------------------------


def read_rows(seed: int, number: int) -> Counts:
    """Rows that have nothing to do with one another."""
    counts: Counts = {}
    for place in range(number):
        shape = Shape(icbs=1, sub_icbs=1, providers=1, ages=1, size=(4, 10, 25, 60)[place % 4])
        made = make_counts("month", 1000 * seed + place, shape)
        counts |= {
            (provider(place), measure): count
            for (population, measure), count in made.items()
            if population.org_level == "provider"
        }
    return counts


def one_finer_percentage_a_row(
    counts: Counts, figures: list[Figure], chance: random.Random
) -> dict[Population, Figure]:
    """For each row one percentage that its source does not show: hidden there, or there without its decimal.

    A half is left out: it is no more than the whole percentage beside it, but other than that.
    """
    finer: dict[Population, list[Figure]] = {}
    for figure in figures:
        parts = rate_parts(figure.measure, figure.population, counts) if figure.measure in FORMULAS else None
        if parts is None or parts[1] == 0:
            continue
        value = whole_percentage(*parts) if figure.value is None else percentage_in_tenths(*parts)
        if value != figure.value and value % 1 != 0.5:
            finer.setdefault(figure.population, []).append(with_value(figure, value))
    return {population: chance.choice(choices) for population, choices in finer.items()}


def test_a_percentage_is_found_exactly_where_source_and_extract_together_say_more() -> None:
    """Among the rows of this seed is one that the new percentage narrows only beside all the others of its row."""
    seed = 35
    counts = read_rows(seed, 60)
    figures = publish(counts)
    finer = one_finer_percentage_a_row(counts, figures, random.Random(seed))
    planted = {figure.cell: figure for figure in finer.values()}
    both = compute_bounds([planted.get(figure.cell, figure) for figure in figures])
    with make_database() as connection:
        audit_figures(connection, figures)
        alone = read_bounds(connection)
        find_disclosures(connection, list(planted.values()))
        disclosed = {
            code
            for (code,) in connection.execute(
                """
                select org_code from residual_disclosure
                join cell using (cell) join published_value using (population)
                """
            ).fetchall()
        }
    narrower = {cell[0].org_code for cell in alone if both[cell] != alone[cell]}
    assert disclosed == narrower
    assert len(planted) > len(narrower) > 10


def test_bounds_that_stopped_short_make_no_disclosure_of_a_clean_extract() -> None:
    counts = make_counts("quarter", seed=12)
    figures = publish(counts)
    ends: list[Bounds] = []
    with make_database() as connection:
        for max_sweeps in (0, 2):
            audit_figures(connection, figures, max_sweeps=max_sweeps)
            ends.append(read_bounds(connection))
            assert find_disclosures(connection, make_extract(counts, figures)) == {}
    assert ends[0] != ends[1]
