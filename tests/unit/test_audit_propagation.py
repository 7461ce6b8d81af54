"""How bounds narrow: more facts never widen them, in any order, and a contradiction changes no other cell."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from iapt.contract import Grain
from iapt.disclosure.disclosure_risk import classify_risk
from iapt.disclosure.propagation import propagate
from tests.factories.audit_sources import (
    FINISHED,
    IMPROVEMENT,
    NOT_AT_CASENESS,
    RECOVERY,
    Bounds,
    Cell,
    Counts,
    Figure,
    Population,
    Shape,
    audit_figures,
    change_figures,
    compute_bounds,
    make_counts,
    make_database,
    publish,
    read_bounds,
    shown_figure,
    with_value,
)

QUARTER = "2025-26 Q1"


def counts_of(grain: Grain, periods: Iterable[str], seed: int = 11) -> Counts:
    counts: Counts = {}
    for place, period in enumerate(periods):
        counts |= make_counts(grain, seed + place, Shape(size=(4, 8, 20)[place % 3]), period)
    return counts


def in_period(figures: Iterable[Figure], period: str) -> list[Figure]:
    """The same figures, as those of another period."""
    return [Figure(f.population._replace(period=period), f.measure, f.value, f.value_status) for f in figures]


def without_period(bounds: Bounds, period: str) -> dict[tuple[object, ...], tuple[int, int]]:
    return {
        (*population[1:], measure): ends for (population, measure), ends in bounds.items() if population[0] == period
    }


def contains(wide: tuple[int, int], tight: tuple[int, int]) -> bool:
    return wide[0] <= tight[0] and tight[1] <= wide[1]


@pytest.mark.parametrize("grain", ["quarter", "year"])
def test_a_fact_more_never_widens_and_a_fact_less_never_narrows(grain: Grain) -> None:
    """A source beside itself with ever less published of it; finished courses stay, and with them every member."""
    chance = random.Random(5)
    figures = in_period(publish(make_counts(grain, seed=21)), "less 0")
    everything = list(figures)
    steps = 6
    for step in range(1, steps):
        figures = [figure for figure in figures if figure.measure == FINISHED or chance.random() > 0.15]
        everything += in_period(figures, f"less {step}")
    bounds = compute_bounds(everything, grain)
    narrower = 0
    for step in range(1, steps):
        more, less = without_period(bounds, f"less {step - 1}"), without_period(bounds, f"less {step}")
        assert less.keys() < more.keys()
        assert all(contains(ends, more[cell]) for cell, ends in less.items())
        narrower += sum(ends != more[cell] for cell, ends in less.items())
    assert narrower > 0


def test_the_order_of_the_values_makes_no_difference() -> None:
    figures = publish(counts_of("year", ["a", "b"]))
    shuffled = random.Random(3).sample(figures, len(figures))
    assert compute_bounds(shuffled, "year") == compute_bounds(figures, "year")


def test_stopping_early_leaves_bounds_wider_and_never_wrong() -> None:
    figures = publish(counts_of("year", ["a", "b"]))
    narrow = compute_bounds(figures, "year")
    changes = []
    for max_sweeps in (3, 1, 0):
        wide = compute_bounds(figures, "year", max_sweeps=max_sweeps)
        assert all(contains(wide[cell], ends) for cell, ends in narrow.items())
        changes.append(sum(ends != wide[cell] for cell, ends in narrow.items()))
        narrow = wide
    assert all(changes)


def test_a_propagation_that_was_stopped_is_not_complete() -> None:
    figures = publish(make_counts("month", seed=1))
    with make_database() as connection:
        assert not audit_figures(connection, figures, "month", max_sweeps=1).is_complete
        assert propagate(connection).is_complete


def test_auditing_again_finds_the_same_and_nothing_is_left_to_narrow() -> None:
    figures = publish(counts_of("quarter", ["a", "b"]))
    digest = "select sum(hash(cell, lower_bound, upper_bound)::hugeint), count(*) from cell"
    found = []
    with make_database() as connection:
        for _ in range(2):
            assert audit_figures(connection, figures, "quarter").is_complete
            found.append(connection.execute(digest).fetchone())
        assert {tightened for _, tightened in propagate(connection, to_the_end=True).sweeps} == {0}
        found.append(connection.execute(digest).fetchone())
    assert found[0] == found[1] == found[2]


def test_recorded_changes_lead_from_the_initial_bounds_to_the_last() -> None:
    with make_database() as connection:
        audit_figures(connection, publish(make_counts("quarter", seed=2)), "quarter", max_sweeps=0)
        propagate(connection, record=True)
        changes = connection.execute(
            """
            select cell, lower_bound, upper_bound, previous_lower, previous_upper
            from bound_change order by cell, sweep
            """
        ).fetchall()
        ends = {
            cell: (least, most)
            for cell, least, most in connection.execute(
                "select cell, initial_lower, initial_upper from cell"
            ).fetchall()
        }
        for cell, least, most, from_least, from_most in changes:
            assert ends[cell] == (from_least, from_most) != (least, most)
            assert contains((from_least, from_most), (least, most))
            ends[cell] = least, most
        assert ends == {
            cell: (least, most)
            for cell, least, most in connection.execute("select cell, lower_bound, upper_bound from cell").fetchall()
        }


# -- facts that cannot all be true ------------------------------------------------------------------------------------


def test_a_sum_that_the_figures_contradict_bounds_nothing_and_its_neighbours_stay_as_they_were() -> None:
    """England's recoveries of one of two months are far too many: no sum to England is used for them in that month."""
    periods = ["2025-06", "2025-07"]
    counts = counts_of("month", periods)
    england: Cell = (Population("2025-06", "england", "E92000001"), RECOVERY)
    wrong = change_figures(publish(counts), lambda one: with_value(one, 10_000), where=lambda one: one.cell == england)
    right = compute_bounds(publish(counts), "month")
    with make_database() as connection:
        audit_figures(connection, wrong, "month")
        contradicted = connection.execute(
            "select period, relation, measure, contradicted from relation_evidence where contradicted > 0 order by all"
        ).fetchall()
        assert contradicted == [
            ("2025-06", f"{members} within england", RECOVERY, 1) for members in ("provider", "region", "sub_icb")
        ]
        bounds = read_bounds(connection)
        assert connection.execute("select count(*) from inconsistent_cell").fetchone() == (0,)
    assert bounds.pop(england) == (10_000, 10_000)
    assert all(ends[0] <= counts[cell] <= ends[1] for cell, ends in bounds.items())
    assert all(bounds[cell] == ends for cell, ends in right.items() if cell[0].period == "2025-07")
    assert all(contains(bounds[cell], ends) for cell, ends in right.items() if cell != england)


def pair(sub_icb: str, provider: str) -> Population:
    return Population(QUARTER, "sub_icb_provider", sub_icb, provider)


def sub_icb(code: str) -> Population:
    return Population(QUARTER, "sub_icb", code)


def provider(code: str) -> Population:
    return Population(QUARTER, "provider", code)


def pinned_row(population: Population) -> list[Figure]:
    """An invented row that only one set of counts explains: 33 finished, 4 of them not at caseness, 27 recovered."""
    return [
        shown_figure(population, FINISHED, 35),
        shown_figure(population, NOT_AT_CASENESS, None),
        shown_figure(population, RECOVERY, 25),
        shown_figure(population, "percentage_recovery", 93),
    ]


def test_a_relation_that_one_sum_contradicts_is_used_for_none_of_its_measure_and_period() -> None:
    """A provider cannot have finished 20 of its sub-ICB's 10; what the neighbour's sum would reveal is not used."""
    torn = [shown_figure(pair("9ZA", "RZ1"), FINISHED, 20), shown_figure(sub_icb("9ZA"), FINISHED, 10)]
    sums = [
        shown_figure(pair("9ZB", "RZ2"), FINISHED, None),
        shown_figure(pair("9ZB", "RZ3"), FINISHED, None),
        shown_figure(sub_icb("9ZB"), FINISHED, 10),
        shown_figure(pair("9ZB", "RZ2"), RECOVERY, None),
        shown_figure(pair("9ZB", "RZ3"), RECOVERY, None),
        shown_figure(sub_icb("9ZB"), RECOVERY, 10),
    ]
    bounds = compute_bounds([*torn, *sums, *in_period(sums, "2025-26 Q2")])
    neighbour = pair("9ZB", "RZ2")
    assert bounds[neighbour, FINISHED] == (0, 4)
    assert bounds[neighbour, RECOVERY] == (4, 4)
    assert bounds[neighbour._replace(period="2025-26 Q2"), FINISHED] == (4, 4)


def test_a_sum_that_is_contradicted_only_by_what_rows_reveal_bounds_nothing() -> None:
    """Two pairs have 4 each; together they would be more than the 4 at most of their sub-ICB."""
    figures = [
        *pinned_row(pair("9ZA", "RZ1")),
        *pinned_row(pair("9ZA", "RZ2")),
        shown_figure(sub_icb("9ZA"), NOT_AT_CASENESS, None),
        *pinned_row(pair("9ZB", "RZ3")),
        shown_figure(sub_icb("9ZB"), NOT_AT_CASENESS, None),
    ]
    with make_database() as connection:
        audit_figures(connection, figures)
        bounds = read_bounds(connection)
        assert connection.execute("select sum(contradicted) from relation_evidence").fetchone() == (0,)
        assert connection.execute("select count(*) from inconsistent_cell").fetchone() == (0,)
    assert bounds[sub_icb("9ZA"), NOT_AT_CASENESS] == (0, 4)
    assert bounds[pair("9ZA", "RZ1"), NOT_AT_CASENESS] == bounds[pair("9ZA", "RZ2"), NOT_AT_CASENESS] == (4, 4)
    assert bounds[sub_icb("9ZB"), NOT_AT_CASENESS] == (4, 4)


def test_a_cell_that_two_sums_leave_no_value_keeps_its_bounds_and_is_inconsistent() -> None:
    """By its sub-ICB a pair is 4, by its provider 2 at most. Each sum alone is possible."""
    torn = pair("9ZA", "RZ1")
    figures = [
        shown_figure(torn, FINISHED, None),
        shown_figure(pair("9ZA", "RZ2"), FINISHED, None),
        shown_figure(sub_icb("9ZA"), FINISHED, 10),
        shown_figure(pair("9ZB", "RZ1"), FINISHED, 5),
        shown_figure(provider("RZ1"), FINISHED, 5),
        # Nothing to do with them:
        shown_figure(pair("9ZC", "RZ3"), FINISHED, None),
        shown_figure(pair("9ZC", "RZ4"), FINISHED, None),
        shown_figure(sub_icb("9ZC"), FINISHED, 10),
    ]
    with make_database() as connection:
        assert audit_figures(connection, figures).is_complete
        bounds = read_bounds(connection)
        classify_risk(connection)
        named = connection.execute(
            "select lower_bound, upper_bound, risk_class from classified_cell join cell using (cell) "
            "semi join inconsistent_cell using (cell)"
        ).fetchall()
    assert named == [(0, 4, "inconsistent")]
    assert bounds[torn, FINISHED] == (0, 4)
    assert bounds[pair("9ZC", "RZ3"), FINISHED] == bounds[pair("9ZC", "RZ4"), FINISHED] == (4, 4)


def test_percentages_that_no_counts_explain_leave_the_cells_of_their_row_as_they_were() -> None:
    """90 per cent of about 100 are not about 50."""
    odd = provider("RZ1")
    figures = [
        shown_figure(odd, FINISHED, 100),
        shown_figure(odd, NOT_AT_CASENESS, None),
        shown_figure(odd, IMPROVEMENT, 50),
        shown_figure(odd, "percentage_reliable_improvement", 90),
        *pinned_row(provider("RZ2")),
    ]
    with make_database() as connection:
        assert audit_figures(connection, figures).is_complete
        bounds = read_bounds(connection)
        assert connection.execute("select count(*) from inconsistent_cell").fetchone() == (0,)
    assert [bounds[odd, measure] for measure in (FINISHED, NOT_AT_CASENESS, IMPROVEMENT)] == [
        (98, 102),
        (0, 4),
        (48, 52),
    ]
    assert [bounds[provider("RZ2"), measure] for measure in (FINISHED, NOT_AT_CASENESS, RECOVERY)] == [
        (33, 33),
        (4, 4),
        (27, 27),
    ]
