"""Propagation: sums and stars in turn, each on what has changed, until nothing does. Bounds only ever narrow.

Every sweep starts from the bounds of the one before, so the order of rows cannot matter, and stopping early leaves
bounds that are wider than they need be, never wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import cycle
from typing import Final, Literal

import duckdb

from iapt.disclosure.additivity_constraints import sum_bounds
from iapt.disclosure.percentage_constraints import star_bounds

MOST_SWEEPS = 200
#: A sweep that narrows fewer cells than one in so many ends its kind's turn: late sweeps find next to nothing.
ONE_IN = 2000
Kind = Literal["sum", "star"]


@dataclass
class Sweeps:
    """What a propagation did: the kind of each sweep and how many cells it narrowed; whether nothing was left to do."""

    narrowed: list[tuple[Kind, int]] = field(default_factory=list)
    is_complete: bool = False


def propagate(
    connection: duckdb.DuckDBPyConnection,
    most_sweeps: int = MOST_SWEEPS,
    *,
    to_the_end: bool = False,
    record: bool = False,
) -> Sweeps:
    """Narrow the bounds of `cell` by its sums and stars; with `record`, keep every step in `step` for an explanation.

    It stops when sweeps find next to nothing (see ONE_IN; a table of fewer cells is always worked to the end), or, with
    `to_the_end`, only when nothing is left. Makes `inconsistent` (cell): cells to which
    contradicted constraints would leave no value; they keep the bounds they had.
    """
    connection.execute(
        """
        create or replace temp table inconsistent (cell ubigint);
        create or replace temp table step (
            sweep integer, kind varchar, source ubigint, cell ubigint, l bigint, u bigint, from_l bigint, from_u bigint
        );
        create or replace temp table changed_for_sum as select distinct cell from member union select cell from total;
        create or replace temp table changed_for_star as select distinct population from leaf;
        create or replace temp table shared_population as
        select population from leaf group by population
        having count(distinct star) > 1 or count(second_numerator) > 0 or count(distinct numerator) < count(*)
        """
    )
    sweeps = Sweeps()
    few = 0 if to_the_end else _count(connection, "cell") // ONE_IN
    idle = 0  # turns on end that found next to nothing
    for kind in cycle(_SWEEP):  # stars first: rows pin most cells, and sums then have more to go on
        most_found = 0
        while len(sweeps.narrowed) < most_sweeps and _count(connection, f"changed_for_{kind}"):
            _SWEEP[kind](connection)
            found = narrow(connection, kind, len(sweeps.narrowed) + 1, record=record)
            sweeps.narrowed.append((kind, found))
            most_found = max(most_found, found)
            if found <= few:
                break
        idle = idle + 1 if most_found <= few else 0
        if idle == len(_SWEEP) or len(sweeps.narrowed) >= most_sweeps:
            break
    sweeps.is_complete = not any(_count(connection, f"changed_for_{kind}") for kind in _SWEEP)
    return sweeps


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    row = connection.execute(f"select count(*) from {table}").fetchone()
    assert row is not None
    return int(row[0])


def _sweep_sums(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        """
        create or replace temp table due as
        select distinct sum from member semi join changed_for_sum using (cell)
        union
        select sum from total semi join changed_for_sum using (cell);
        create or replace temp table changed_for_sum (cell ubigint)
        """
    )
    sum_bounds(connection, "due")


def _sweep_stars(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        """
        create or replace temp table due as
        select distinct star from leaf semi join changed_for_star using (population);
        create or replace temp table changed_for_star (population ubigint)
        """
    )
    star_bounds(connection, "due")


_SWEEP: Final[dict[Kind, Callable[[duckdb.DuckDBPyConnection], None]]] = {"star": _sweep_stars, "sum": _sweep_sums}


def narrow(connection: duckdb.DuckDBPyConnection, kind: str, sweep: int, *, record: bool = False) -> int:
    """Take over what `proposed` narrows, note what it contradicts, and say how many cells changed."""
    connection.execute(
        """
        create or replace temp table narrowed as
        with news as (
            select cell, max(proposed.l) as l, min(proposed.u) as u
            from proposed join cell using (cell)
            where (proposed.l > cell.l or proposed.u < cell.u) and cell not in (select cell from inconsistent)
            group by cell
        )
        select news.cell, greatest(news.l, cell.l) as l, least(news.u, cell.u) as u, population
        from news join cell using (cell);
        insert into inconsistent select cell from narrowed where l > u;
        delete from narrowed where l > u
        """
    )
    if record:
        connection.execute(
            """
            insert into step
            select
                ?, ?, arg_min(proposed.source, proposed.u - proposed.l), cell,
                any_value(narrowed.l), any_value(narrowed.u),
                any_value(cell.l), any_value(cell.u)
            from narrowed join cell using (cell) join proposed using (cell)
            where proposed.l = narrowed.l or proposed.u = narrowed.u
            group by cell
            """,
            [sweep, kind],
        )
    connection.execute(
        """
        update cell set l = narrowed.l, u = narrowed.u from narrowed where cell.cell = narrowed.cell;
        insert into changed_for_sum select cell from narrowed;
        """
    )
    # One row's star is exact: what it narrows asks it nothing new, unless the row's leaves share a numerator or a base.
    others = "narrowed" if kind == "sum" else "narrowed semi join shared_population using (population)"
    connection.execute(f"insert into changed_for_star select distinct population from {others}")
    row = connection.execute("select count(*) from narrowed").fetchone()
    assert row is not None
    return int(row[0])
