"""What a published value says of the true one: never less than the rule that rounded and suppressed it, never more."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from iapt.disclosure.model import (
    PUBLISHERS_ROUNDING,
    AuditError,
    Rounding,
    define_rounding,
    load_cells,
    load_formulas,
    load_percentages,
    load_values,
)
from tests.factories.audit_sources import (
    FINISHED,
    Figure,
    Population,
    counts_behind,
    make_database,
    publish,
    read_bounds,
    shown_figure,
    write_figures,
)


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with make_database() as database:
        yield database


def test_a_shown_count_is_bounded_by_exactly_the_counts_that_are_shown_as_it(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    """Every threshold from 0 to 12 with every base from 1 to 12, over all counts to 200."""
    wrong = []
    for rounding in (Rounding(threshold, base) for threshold in range(13) for base in range(1, 13)):
        define_rounding(connection, rounding)
        rows = connection.execute(
            f"""
            with counts as (select range as count from range(201)),
            published as (
                select count, (count + {rounding.base // 2}) // {rounding.base} * {rounding.base} as shown
                from counts where count >= {rounding.threshold}
            )
            select shown, min(count), max(count), lowest_count(shown), highest_count(shown)
            from published group by shown
            having max(count) < 200 and (
                is_unrounded(shown) or min(count) <> lowest_count(shown) or max(count) <> highest_count(shown)
            )
            """
        ).fetchall()
        wrong += [(rounding, *row) for row in rows]
    assert wrong == []


@pytest.mark.parametrize("rounding", [PUBLISHERS_ROUNDING, Rounding(8, 10), Rounding(3, 3), Rounding(11, 10)], ids=str)
def test_the_initial_bounds_of_a_cell_hold_every_count_that_is_shown_as_its_value(
    connection: duckdb.DuckDBPyConnection, rounding: Rounding
) -> None:
    counts = {(Population("2025-06", "provider", f"RZ{count}"), FINISHED): count for count in range(60)}
    england = Population("2025-06", "england", "E92000001"), FINISHED
    counts[england] = sum(counts.values())
    figures = publish(counts, rounding)
    write_figures(connection, "figures", figures)
    load_values(connection, "figures")
    load_cells(connection, rounding)
    bounds = read_bounds(connection)
    assert bounds.pop(england) == (1770, 1770)
    shown = {figure.cell: figure.value for figure in figures}
    for cell, ends in bounds.items():
        value = shown[cell]
        assert ends == counts_behind(None if value is None else int(value), rounding)
        assert ends[0] <= counts[cell] <= ends[1]


def test_a_count_that_rounding_cannot_give_is_taken_as_exact(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    figures = [shown_figure(Population("2025-06", "provider", f"RZ{shown}"), FINISHED, shown) for shown in (0, 3, 7)]
    write_figures(connection, "figures", figures)
    load_values(connection, "figures")
    load_cells(connection)
    assert set(read_bounds(connection).values()) == {(0, 0), (3, 3), (7, 7)}


#: A percentage of every n of every d up to 400, in SQL: half up, as the publisher rounds, and half down.
PERCENTAGES = {
    "whole, half up": "(200 * n + d) // (2 * d)",
    "whole, half down": "(200 * n + d - 1) // (2 * d)",
    "tenths, half up": "((2000 * n + d) // (2 * d)) / 10",
    "tenths, half down": "((2000 * n + d - 1) // (2 * d)) / 10",
}


@pytest.mark.parametrize("value", PERCENTAGES.values(), ids=PERCENTAGES)
def test_a_percentage_allows_the_counts_it_was_made_of_either_way_at_a_tie(
    connection: duckdb.DuckDBPyConnection, value: str
) -> None:
    connection.execute(
        f"""
        create temp table shown as
        select
            (1000 * d + n)::ubigint as population, 'percentage_recovery' as measure, 'percentage' as statistic,
            'provider' as org_level, cast({value} as double) as value, false as is_suppressed, n, d
        from range(1, 401) as denominators (d), range(0, 401) as numerators (n) where n <= d
        """
    )
    define_rounding(connection, PUBLISHERS_ROUNDING)
    load_percentages(connection, "shown", "published_percentage")
    assert connection.execute("select count(*) from published_percentage").fetchone() == (80_600,)
    excluded, widest, narrowest = connection.execute(
        """
        select
            count(*) filter (not (lower_factor * d <= 2000 * n and 2000 * n <= upper_factor * d)),
            max(upper_factor - lower_factor), min(upper_factor - lower_factor) filter (value > 0)
        from published_percentage join shown using (population)
        """
    ).fetchone() or (None, None, None)
    assert excluded == 0
    assert (widest, narrowest) == (20, 2 if ") / 10" in value else 20)


def test_a_percentage_of_exact_counts_says_nothing_more(connection: duckdb.DuckDBPyConnection) -> None:
    england = Population("2025-06", "england", "E92000001")
    write_figures(connection, "figures", [shown_figure(england, "percentage_recovery", 48.7)])
    load_values(connection, "figures")
    for rounding, said in ((PUBLISHERS_ROUNDING, 0), (Rounding(england_is_exact=False), 1)):
        define_rounding(connection, rounding)
        load_percentages(connection, "published_value", "published_percentage")
        assert connection.execute("select count(*) from published_percentage").fetchone() == (said,)


PROVIDER = Population("2025-06", "provider", "RZ1")


@pytest.mark.parametrize(
    ("figures", "message"),
    [
        ([shown_figure(PROVIDER, FINISHED, 10.5)], "found 1 without a whole number"),
        ([shown_figure(PROVIDER, FINISHED, 10), shown_figure(PROVIDER, FINISHED, 15)], "1 of 2 values claim a cell"),
    ],
)
def test_counts_that_are_not_whole_or_duplicated_stop_the_audit(
    connection: duckdb.DuckDBPyConnection, figures: list[Figure], message: str
) -> None:
    write_figures(connection, "figures", figures)
    load_values(connection, "figures")
    with pytest.raises(AuditError, match=message):
        load_cells(connection)


@pytest.mark.parametrize(
    ("numerator", "denominator"),
    [("a", "b + c"), ("a", "b - c - d"), ("a - b", "c"), ("a + b + c", "d")],
)
def test_a_percentage_of_another_shape_stops_the_audit(
    connection: duckdb.DuckDBPyConnection, numerator: str, denominator: str
) -> None:
    connection.execute(
        "create temp table odd as select 'percentage_odd' as measure, 'percentage' as statistic, "
        "? as numerator, ? as denominator",
        [numerator, denominator],
    )
    with pytest.raises(AuditError, match="percentage_odd"):
        load_formulas(connection, "odd")
